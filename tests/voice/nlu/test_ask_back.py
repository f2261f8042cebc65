"""What is asked back, what a reply to that settles, and what is said where there is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import pytest

from roundelay.voice.engines.nano.responder import NanoResponder
from roundelay.voice.interfaces import Message, Request, Response, Segment, Transcript, Word
from roundelay.voice.nlu.ask_back import AGAIN, OTHERWISE, ask_back
from roundelay.voice.nlu.decline import decline
from roundelay.voice.nlu.understand import guess, understand
from roundelay.voice.text.normalise import normalise

RESPONDER = NanoResponder(lambda: datetime(2026, 11, 25, 21, 5))


def reply(text: str, history: Sequence[Message] = (), transcript: Transcript | None = None) -> Response:
    return next(iter(RESPONDER.reply(Request(text, history, transcript=transcript))))


def after(*turns: str) -> list[Message]:
    """A history: what the user and the assistant said in turn."""
    return [Message("assistant" if at % 2 else "user", text) for at, text in enumerate(turns)]


def heard(text: str, confidence: float | None = 0.9, *others: str, word: tuple[str, float] | None = None) -> Transcript:
    words = (Word(word[0], 0, 1, word[1]),) if word else ()
    return Transcript(text, (Segment(text, 0, 1, words),), confidence=confidence, alternatives=others)


def test_what_was_heard_surely_is_answered() -> None:
    text = "what is forty plus two"
    for transcript in (None, heard(text), heard(text, None), heard(text, 0.9, "what is forty plus too")):
        assert reply(text, transcript=transcript).skill == "add 40 2"


@pytest.mark.parametrize(
    "transcript",
    [
        heard("what is forty plus two", 0.9, "what is fourteen plus two"),
        heard("what is 40 plus two", 0.9, word=("40", 0.3)),
        heard("what is 40 plus two", 0.3, "what is 14 plus two"),
    ],
)
def test_numbers_that_sound_alike_are_asked_back(transcript: Transcript) -> None:
    question = reply(transcript.text, transcript=transcript)
    assert question == Response("Did you say forty or fourteen?")
    history = after(transcript.text, question.text)
    assert reply("fourteen", history).skill == "add 14 2"
    assert reply("I said fourteen, please.", history).skill == "add 14 2"
    assert reply("yes", history).skill == "add 40 2"
    assert reply("no", history).text == OTHERWISE
    assert reply("what is the capital of France?", history).skill == "capital france"


def test_names_that_are_as_likely_are_asked_back() -> None:
    text = "what is the capital of austria"
    transcript = heard(text, 0.8, "what is the capital of australia")
    assert ask_back(text, transcript) == "Did you say austria or australia?"
    assert reply("australia", after(text, "Did you say austria or australia?")).skill == "capital australia"


def test_little_confidence_is_asked_back_and_yes_answers_it() -> None:
    text = "what is the capital of france"
    question = reply(text, transcript=heard(text, 0.3))
    assert question.skill is None
    assert question.text == "I am not sure I heard you. Did you ask: what is the capital of France?"
    history = after(text, question.text)
    assert reply("Yes, that's right.", history).skill == "capital france"
    assert reply("No.", history).text == OTHERWISE
    assert reply("tell me a joke", history).skill == "talk joke"
    assert reply("mumble", transcript=heard("mumble", 0.2)).text == AGAIN


def test_an_alternative_that_means_something_is_offered() -> None:
    found = ask_back("what is the captain of grease", heard("", 0.8, "what is the capital of greece"))
    assert found == "Did you ask: what is the capital of Greece?"


def test_a_word_near_a_known_name_is_asked_back_not_answered() -> None:
    assert understand("what is the capital of austin") is None
    assert reply("What is the capital of Austin?").text == "Did you ask: what is the capital of Austria?"


@pytest.mark.parametrize(
    "text",
    ["convert 5 miles to kilometers", "what day is december 25", "what time was it 2 hours ago", "is node 12 down",
     "what date will it be in 3 weeks", "when did the titanic sink", "what is the largest planet", "who are you",
     "how many legs does a spider have", "what is the capital of the united states", "is 1997 a leap year"],
)  # fmt: skip
def test_the_question_offered_means_the_same_call(text: str) -> None:
    found = guess(normalise(text))
    assert found is not None and found.call == understand(normalise(text)) == understand(normalise(found.question))


def test_requests_to_do_are_never_answered_as_if_done() -> None:
    for text, word in (
        ("Set a timer for ten minutes.", "timer"),
        ("Call my sister", "call"),
        ("Play some jazz", "play"),
    ):
        response = reply(text)
        assert response.skill is None and "cannot" in response.text and word in response.text


def test_no_reply_is_said_thrice_in_a_row() -> None:
    for text in ("set a timer for one minute", "who is the queen of spain", "should i buy a dog"):
        history: list[Message] = []
        for _ in range(12):
            history += [Message("user", text), Message("assistant", decline(text, history))]
        said = [message.text for message in history if message.role == "assistant"]
        assert all(a != b for a, b in pairwise(said)) and len(set(said)) > 3
