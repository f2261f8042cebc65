"""The conversation's state machine, rule by rule. `tests/sim` plays whole conversations."""

from __future__ import annotations

import importlib.util
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.voice.interfaces import Message
from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.backchannel import is_backchannel, is_echo, wants_floor
from roundelay.voice.realtime.core.context import (
    AUDIO_PER_TEXT,
    AUDIO_TOKENS_PER_S,
    Clause,
    Context,
    Entry,
    spoken_prefix,
)
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.core.state import State
from roundelay.voice.realtime.core.transitions import ROWS, always

ENGLISH = language_table.load()
new_session = partial(Session, language=ENGLISH)
RATE_HZ = 16_000
SOUND = np.zeros(RATE_HZ, np.float32)
ROOT = Path(__file__).parents[3]


def replying(session: Session, ms: int = 2_000) -> list[do.Action]:
    """Let the session reply to a question from 100 to 1,000 ms; the reply plays for `ms` from 1,500 on."""
    text = "one two three four five six seven eight."
    feed = session.feed
    feed(ev.SpeechStarted(100, 1_600))
    feed(ev.SpeechStopped(1_096, 16_000))
    feed(ev.Transcribed(1_150, 1, "what is the time", 16_000))
    feed(ev.EndOfTurnPredicted(1_150, 1, 1.0))
    feed(ev.ReplyText(1_200, 1, text))
    feed(ev.ReplyAudio(1_210, 1, np.zeros(ms * 16, np.float32), RATE_HZ))
    feed(ev.ReplyDone(1_220, 1))
    return feed(ev.Tick(1_500))


def kinds(actions: list[do.Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def test_a_draft_waits_for_the_commit_and_is_then_released_at_once() -> None:
    session = new_session()
    actions = replying(session)
    assert kinds(actions) == ["StopTurn", "CommitTurn", "Caption", "Begin", "Say", "Play", "Finish"]
    assert actions[3] == do.Begin(1, 1, ahead_ms=288)  # 384 ms of silence, less the 96 before the draft


def test_drafts_are_dropped_when_the_user_goes_on() -> None:
    session = new_session()
    session.feed(ev.SpeechStarted(100, 1_600))
    session.feed(ev.SpeechStopped(1_096, 16_000))
    session.feed(ev.ReplyAudio(1_200, 1, SOUND, RATE_HZ))
    assert session.feed(ev.SpeechStarted(1_300, 19_000)) == [do.Drop(1)]
    assert session.feed(ev.ReplyAudio(1_350, 1, SOUND, RATE_HZ)) == []  # late output of it is ignored


def test_a_corrected_transcript_makes_a_newer_draft_that_is_committed() -> None:
    session = new_session()
    session.feed(ev.SpeechStarted(100, 1_600))
    session.feed(ev.SpeechStopped(1_096, 16_000))
    session.feed(ev.Transcribed(1_150, 1, "what is the rhyme", 16_000))
    _, second = session.feed(ev.Transcribed(1_200, 1, "what is the time", 16_000))
    assert isinstance(second, do.Draft) and second.reply == 2 and second.heard == "what is the time"
    session.feed(ev.EndOfTurnPredicted(1_210, 1, 1.0))
    actions = session.feed(ev.Tick(2_000))
    assert do.Drop(1) in actions and do.Begin(2, 1, 184) in actions


def test_a_transcript_that_differs_in_spelling_alone_makes_no_draft() -> None:
    session = new_session()
    session.feed(ev.SpeechStarted(100, 1_600))
    session.feed(ev.SpeechStopped(1_096, 16_000))
    session.feed(ev.Transcribed(1_150, 1, "what is the time", 16_000))
    assert kinds(session.feed(ev.Transcribed(1_200, 1, "What is the time?", 16_000))) == ["Caption"]


def test_barge_in_stops_the_reply_and_keeps_only_what_was_heard() -> None:
    session = new_session()
    replying(session)
    session.feed(ev.Played(2_500, 1, 16_000))  # half of it
    assert session.feed(ev.SpeechStarted(2_564, 40_000)) == [do.Hold(1)]
    assert session.feed(ev.Tick(3_063)) == []
    stop, start = session.feed(ev.Tick(3_064))
    assert stop == do.Stop(1, 16_000, "one two three four", "barge-in") and start == do.StartTurn(2, 40_000)
    assert session.history[-1].text == "one two three four"


@pytest.mark.parametrize("text", ["uh-huh", "Yeah, right.", "", "three four five"])
def test_a_reply_resumes_after_backchannel_noise_or_echo(text: str) -> None:
    session = new_session()
    replying(session)
    session.feed(ev.SpeechStarted(2_564, 40_000))
    assert kinds(session.feed(ev.SpeechStopped(2_900, 43_000))) == ["Transcribe"]
    assert session.feed(ev.Transcribed(2_950, 2, text, 43_000)) == [do.Resume(1)]
    assert session.state is State.BOT_REPLYING


def test_a_short_word_stops_the_bot_even_when_its_transcript_is_late() -> None:
    for late in (False, True):
        session = new_session()
        replying(session)
        session.feed(ev.SpeechStarted(2_564, 40_000))
        session.feed(ev.SpeechStopped(2_900, 43_000))
        if late:
            assert session.feed(ev.Tick(3_300)) == [do.Resume(1)]
        actions = session.feed(ev.Transcribed(3_350 if late else 2_950, 2, "stop please", 43_000))
        assert kinds(actions)[:2] == ["Stop", "StartTurn"] and session.state is State.USER_PAUSED


def test_echo_is_not_speech() -> None:
    session = new_session()
    replying(session)
    assert session.feed(ev.SpeechStarted(2_564, 40_000, echo=0.9)) == []
    assert session.state is State.BOT_REPLYING
    session.feed(ev.Played(3_500, 1, 32_000))
    session.feed(ev.SpeechStopped(3_550, 56_000))
    assert session.feed(ev.SpeechStarted(3_600, 57_000, echo=0.9)) == []  # reverberation
    session.feed(ev.SpeechStopped(3_700, 58_000))
    assert kinds(session.feed(ev.SpeechStarted(5_000, 80_000, echo=0.9))) == ["StartTurn"]  # too late for echo


def test_a_draft_calls_no_tool_until_it_is_committed() -> None:
    session = new_session()
    session.feed(ev.SpeechStarted(100, 1_600))
    session.feed(ev.SpeechStopped(1_096, 16_000))
    assert session.feed(ev.ToolCalled(1_200, 1, "c", "clock", "{}")) == []
    session.feed(ev.EndOfTurnPredicted(1_210, 1, 1.0))
    assert do.CallTool(1, "c", "clock", "{}") in session.feed(ev.Tick(2_000))


def test_a_late_result_is_answered_in_silence_and_a_missing_one_abandoned() -> None:
    session = new_session()
    session.feed(ev.MessageAdded(0, Message("user", "what time is it")))
    session.feed(ev.ReplyRequested(0))
    assert kinds(session.feed(ev.ToolCalled(10, 1, "c", "clock", "{}"))) == ["CallTool"]
    session.feed(ev.ToolCalled(11, 1, "d", "radio", "{}"))
    session.feed(ev.ReplyText(20, 1, "Let me see."))
    session.feed(ev.ReplyAudio(20, 1, SOUND, RATE_HZ))
    assert session.feed(ev.ToolReturned(30, "c", "noon")) == []  # the reply goes on
    session.feed(ev.ReplyDone(40, 1))
    end, draft, _ = session.feed(ev.Played(1_040, 1, 16_000))
    assert isinstance(end, do.End) and isinstance(draft, do.Draft) and draft.cause == "tool"
    assert [message.text for message in draft.history] == ["what time is it", "Let me see.", "clock({}) = noon"]
    actions = session.feed(ev.Tick(30_011 + 8_000))
    assert do.AbandonTool("d") in actions
    assert any("no answer in time" in message.text for message in session.history)


def waiting_for_tools(*calls: str) -> Session:
    """A session whose reply has called tools and is being played."""
    session = new_session()
    session.feed(ev.MessageAdded(0, Message("user", "what time is it")))
    session.feed(ev.ReplyRequested(0))
    for at, call in enumerate(calls):
        session.feed(ev.ToolCalled(10 + at, 1, call, "clock", "{}"))
    session.feed(ev.ReplyText(20, 1, "Let me see."))
    session.feed(ev.ReplyAudio(20, 1, SOUND, RATE_HZ))
    session.feed(ev.ReplyDone(40, 1))
    return session


@pytest.mark.parametrize("returned_ms", [35_000, 39_000])  # while the bot answers the missing result, and after
def test_a_late_result_replaces_the_missing_one(returned_ms: int) -> None:
    session = waiting_for_tools("c", "d")
    session.feed(ev.ToolReturned(50, "c", "noon"))
    session.feed(ev.Played(1_040, 1, 16_000))
    session.feed(ev.ReplyText(1_050, 2, "Noon."))
    session.feed(ev.ReplyAudio(1_050, 2, SOUND, RATE_HZ))
    session.feed(ev.ReplyDone(1_060, 2))
    session.feed(ev.Played(2_100, 2, 16_000))
    assert do.AbandonTool("d") in session.feed(ev.Tick(30_011))
    session.feed(ev.ToolReturned(returned_ms, "d", "one o'clock", follow_up=False))
    session.feed(ev.ToolReturned(returned_ms, "c", "midnight", follow_up=False))  # it has a result: nothing changes
    texts = [message.text for message in session.history if message.role == "tool"]
    assert texts == ["clock({}) = noon", "clock({}) = one o'clock"]


def test_a_result_is_answered_with_the_options_that_came_with_it() -> None:
    session = waiting_for_tools("c")
    assert session.feed(ev.ToolReturned(50, "c", "noon", options={"voice": "ash"})) == []
    _, draft, begin = session.feed(ev.Played(1_040, 1, 16_000))
    assert isinstance(draft, do.Draft) and isinstance(begin, do.Begin)
    assert draft.options == begin.options == {"voice": "ash"} and session.memory.follow_up_options is None


def test_a_result_that_the_client_removes_is_not_answered() -> None:
    session = waiting_for_tools("c")
    session.feed(ev.ToolReturned(50, "c", "noon"))
    session.feed(ev.MessageRemoved(60, "c"))
    assert kinds(session.feed(ev.Played(1_040, 1, 16_000))) == ["End"]
    assert [message.role for message in session.history] == ["user", "assistant"]


def test_a_call_with_the_id_of_another_gets_its_own() -> None:
    session = new_session()
    names = []
    for at in range(3):
        session.feed(ev.MessageAdded(100 * at, Message("user", "what time is it")))
        session.feed(ev.ReplyRequested(100 * at))
        for _ in range(2):
            call = session.feed(ev.ToolCalled(100 * at + 2, at + 1, "call_0", "clock", "{}"))[0]
            assert isinstance(call, do.CallTool)
            names.append(call.call)
            session.feed(ev.ToolReturned(100 * at + 2, call.call, f"it is {len(names)}", follow_up=False))
        session.feed(ev.ReplyDone(100 * at + 3, at + 1))
    assert names[0] == "call_0" and len(set(names)) == 6
    told = [message.text for message in session.history if message.role == "tool"]
    assert told == [f"clock({{}}) = it is {at}" for at in range(1, 7)]


def test_too_many_system_messages_are_dropped_too() -> None:
    session = new_session(Thresholds(messages_max=32), [Message("system", "be short", "persona")])
    for at in range(100):
        session.feed(ev.MessageAdded(at, Message("system", f"know {at}", f"item-{at}")))
        session.feed(ev.MessageAdded(at, Message("user", f"say {at}")))
        assert len(session.history) <= 32
    texts = [message.text for message in session.history]
    assert texts[0] == "be short" and {"know 99", "say 99", "say 94"} <= set(texts) and "know 0" not in texts


def test_a_turn_that_the_client_bounds_has_no_pre_roll() -> None:
    session = new_session(Thresholds(detection="none"))
    given = session.feed(ev.TurnEnded(1_000, 16_000, 32_000))[0]
    draft = session.feed(ev.ReplyRequested(1_001))[0]
    assert isinstance(given, do.Transcribe) and isinstance(draft, do.Draft) and given.exact and draft.exact
    found = new_session()
    found.feed(ev.SpeechStarted(100, 1_600))
    draft = found.feed(ev.SpeechStopped(1_096, 16_000))[1]
    assert isinstance(draft, do.Draft) and not draft.exact


def test_a_reply_requested_while_the_user_speaks_waits() -> None:
    session = new_session(Thresholds(create_reply=False))
    session.feed(ev.SpeechStarted(100, 1_600))
    assert session.feed(ev.ReplyRequested(200, {"metadata": 1})) == []
    session.feed(ev.SpeechStopped(1_096, 16_000))
    actions = session.feed(ev.Tick(3_000))
    assert kinds(actions) == ["Draft", "StopTurn", "CommitTurn", "Begin"] and actions[-1].options == {"metadata": 1}


def test_push_to_talk_answers_audio_without_a_transcript() -> None:
    session = new_session(Thresholds(detection="none"))
    assert kinds(session.feed(ev.TurnEnded(1_000, 0, 16_000))) == ["Transcribe", "CommitTurn"]
    draft = session.feed(ev.ReplyRequested(1_001))[0]
    assert isinstance(draft, do.Draft) and (draft.cause, draft.turn, draft.start, draft.end) == ("turn", 1, 0, 16_000)
    session.feed(ev.Transcribed(1_200, 1, "hello", 16_000))
    assert session.history == (Message("user", "hello", "turn-1"),)


def test_a_closing_session_finishes_its_reply_and_accepts_no_turn() -> None:
    session = new_session()
    replying(session)
    assert session.feed(ev.CloseRequested(1_600)) == []
    with pytest.raises(ev.IllegalEvent) as caught:
        session.feed(ev.TurnEnded(1_700, 0, 100))
    assert caught.value.code == "closed"
    assert kinds(session.feed(ev.Played(3_500, 1, 32_000))) == ["End", "Close"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (ev.Tick(1_499), "earlier"),
        (ev.ReplyRequested(1_600), "already_replying"),
        (ev.Played(1_600, 1, 32_001), "out_of_range"),
        (ev.Played(1_600, 2, 1), "unknown"),
        (ev.ReplyAudio(1_600, 1, SOUND, RATE_HZ), "wrong_state"),
        (ev.EndOfTurnPredicted(1_600, 9, 0.5), "unknown"),
        (ev.ToolReturned(1_600, "never", ""), "unknown"),
        (ev.MessageRemoved(1_600, "never"), "unknown"),
        (ev.SpeechStarted(1_600, 30_000, echo=2), "out_of_range"),
    ],
)
def test_an_illegal_event_raises_and_changes_nothing(event: ev.Event, code: str) -> None:
    session = new_session()
    replying(session)
    before = session.memory
    with pytest.raises(ev.IllegalEvent) as caught:
        session.feed(event)
    assert caught.value.code == code and session.memory is before


def test_the_limits_hold() -> None:
    session = new_session(Thresholds(tools_waiting=1, clauses_max=1, reply_max_ms=1_000))
    session.feed(ev.MessageAdded(0, Message("user", "hello")))
    session.feed(ev.ReplyRequested(0))
    session.feed(ev.ToolCalled(1, 1, "a", "f", "{}"))
    session.feed(ev.ReplyText(2, 1, "yes"))
    session.feed(ev.ReplyAudio(3, 1, SOUND, RATE_HZ))
    for event in (
        ev.ToolCalled(4, 1, "b", "f", "{}"),
        ev.ReplyText(4, 1, "no"),
        ev.ReplyAudio(4, 1, SOUND[:1], RATE_HZ),
    ):
        with pytest.raises(ev.IllegalEvent) as caught:
            session.feed(event)
        assert caught.value.code == "too_many"


def test_no_row_of_the_table_hides_another() -> None:
    open_ended = set()
    for row in ROWS:
        assert (row.state, row.event) not in open_ended, f"{row} stands after a row without a condition"
        if row.guard is always:
            open_ended.add((row.state, row.event))


# ---- the spoken prefix


def test_the_spoken_prefix_grows_word_by_word_and_never_too_early() -> None:
    whole = Clause("one two three", 13_000, complete=True)
    assert [spoken_prefix([whole], n, 65, RATE_HZ) for n in (0, 2_999, 3_000, 7_000, 12_999, 13_000)] == [
        "", "", "one", "one two", "one two", "one two three"]  # fmt: skip
    growing = Clause("one two three", 3_000, complete=False)  # 13 letters will take 13 x 65 ms
    assert spoken_prefix([growing], 3_000, 65, RATE_HZ) == "" and spoken_prefix([growing], 3_200, 65, RATE_HZ) == "one"
    assert spoken_prefix([whole, growing], 13_000 + 3_200, 65, RATE_HZ) == "one two three one"


def test_the_spoken_prefix_is_monotone() -> None:
    draw = random.Random(3)
    for _ in range(300):
        line = [Clause(" ".join("ab" * draw.randint(1, 4) for _ in range(draw.randint(1, 5))), draw.randint(0, 30_000),
                       draw.random() < 0.8) for _ in range(draw.randint(0, 4))]  # fmt: skip
        lengths = [len(spoken_prefix(line, n, 65, RATE_HZ)) for n in range(0, 120_000, 4_000)]
        assert lengths == sorted(lengths)


def test_a_turn_costs_fourteen_times_as_much_as_audio() -> None:
    minute = "a" * (15 * 60)  # fifteen characters a second
    as_audio, as_text = Entry(Message("user", "", "t"), 60_000), Entry(Message("user", minute, "t"))
    assert as_audio.tokens == round(60 * AUDIO_TOKENS_PER_S) == 2_500
    assert as_audio.tokens / as_text.tokens == pytest.approx(AUDIO_PER_TEXT, rel=0.02)


def test_a_long_history_is_summarised_or_else_cut() -> None:
    session = new_session(Thresholds(context_tokens=64, context_keep=2), [Message("system", "be short", "persona")])
    asked: list[do.Summarise] = []
    for at in range(30):
        actions = session.feed(ev.MessageAdded(at, Message("user", f"{at} " + "word " * 20)))
        asked += [action for action in actions if isinstance(action, do.Summarise)]
        assert session.memory.context.tokens <= 2 * 64 + 25
    assert asked and session.history[0].text == "be short" and len(session.history) < 10
    session.feed(ev.Summarised(40, asked[-1].key, "so far so good"))
    assert session.history[:2] == (Message("system", "be short", "persona"),
                                   Message("system", "so far so good", f"summary-{asked[-1].key}"))  # fmt: skip


def test_a_message_with_a_known_key_replaces_the_old_one() -> None:
    context = Context().add(Message("system", "a", "persona")).add(Message("user", "b", "x"))
    assert context.add(Message("system", "c", "persona")).messages == (
        Message("system", "c", "persona"), Message("user", "b", "x"))  # fmt: skip


# ---- overlapping speech, thresholds, the page


def test_overlapping_words_are_classified() -> None:
    assert all(is_backchannel(text, ENGLISH) for text in ("Uh-huh.", "mm-hmm", "I see, okay", "yeah yeah"))
    assert not any(is_backchannel(text, ENGLISH) for text in ("", "yeah but wait", "no", "stop"))
    said = "the waste of the ring is four percent at most"
    assert is_echo("waste of the wing is four", said) and not is_echo("percent four the of", said)
    assert not is_echo("ring", said), "one word is no evidence"
    assert wants_floor("wait a moment", said, ENGLISH) and not wants_floor("", said, ENGLISH)


def test_thresholds_out_of_range_are_refused() -> None:
    for change in ({"voice": 1.5}, {"barge_in_ms": -1}, {"detection": "magic"}, {"unsure": 0.9}, {"drafts_alive": 0},
                   {"commit_sure_ms": 2_000}):  # fmt: skip
        with pytest.raises(BadInput):
            replace(Thresholds(), **change)  # type: ignore[arg-type]
    limits = Thresholds()
    waits = [limits.wait_ms(end) or 0 for end in (None, 0.0, 0.5, 1.0)]
    assert waits == sorted(waits, reverse=True) and waits[0] > 1_000 + limits.silence_min_ms


def test_the_drawing_in_the_docs_is_current() -> None:
    spec = importlib.util.spec_from_file_location("make_session", ROOT / "docs" / "make_session.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (ROOT / "docs" / "voice-realtime.md").read_text()
    assert module.page(text) == text, "run `make docs`"
