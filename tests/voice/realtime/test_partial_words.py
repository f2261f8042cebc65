"""Words that a quick recogniser hears before the final ones, in the conversation's state machine."""

from __future__ import annotations

from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session


def paused() -> Session:
    """A session whose user spoke from 100 to 1,000 ms."""
    session = Session()
    session.feed(ev.SpeechStarted(100, 1_600))
    session.feed(ev.SpeechStopped(1_096, 16_000))
    return session


def test_partial_words_are_shown_and_neither_answered_nor_kept() -> None:
    session = paused()
    shown = session.feed(ev.PartialTranscript(1_140, 1, "what is the rhyme", 16_000))
    assert shown == [do.Caption(1, "what is the rhyme", final=False)]
    session.feed(ev.EndOfTurnPredicted(1_150, 1, 1.0))
    assert [type(each).__name__ for each in session.feed(ev.Tick(1_500))] == ["StopTurn", "CommitTurn", "Begin"]
    assert session.feed(ev.PartialTranscript(1_510, 1, "what is the rhyme", 16_000)) == []
    assert session.feed(ev.Transcribed(1_550, 1, "What is the time?", 16_000)) == [
        do.Caption(1, "What is the time?", final=True)
    ]
    assert [message.text for message in session.history] == ["What is the time?"]


def test_partial_words_that_come_after_the_final_ones_are_not_shown() -> None:
    session = paused()
    session.feed(ev.Transcribed(1_150, 1, "What is the time?", 16_000))
    assert session.feed(ev.PartialTranscript(1_160, 1, "what is the rhyme", 16_000)) == []
