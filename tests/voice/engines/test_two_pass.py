"""Two transcribers as one: partial words early, final ones late; a final pass that is slow, fails or hears nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from faults import released

from roundelay.errors import BadInput, EngineError
from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, registry
from roundelay.voice.engines.choice import parse
from roundelay.voice.engines.two_pass import LIMITS, REST_S, TwoPassTranscriber
from roundelay.voice.interfaces import CallOptions, Capability, EngineSpec, Transcript

SOUND = Audio(np.zeros(16_000, np.float32), 16_000)
QUICK = guard.Limits(first_s=0.1, per_audio_s=0.1)


class Recogniser:
    """A transcriber that says `text`, or raises it; `wait` is called before."""

    capabilities = frozenset({Capability.WORD_TIMES})

    def __init__(self, text: str | Exception, wait: Any = lambda: None, name: str = "recogniser") -> None:
        self.text, self.wait, self.name, self.calls = text, wait, name, 0

    def transcribe(self, audio: Audio, options: CallOptions | None = None) -> Transcript:
        self.calls += 1
        assert options is not None and options.partial is None
        self.wait()
        if isinstance(self.text, Exception):
            raise self.text
        return Transcript(self.text)


@pytest.fixture(autouse=True)
def free_what_hangs() -> Iterator[None]:
    released.clear()
    yield
    released.set()


def heard(first: Recogniser, final: Recogniser, limits: guard.Limits = LIMITS) -> tuple[list[Transcript], Transcript]:
    """The partial transcripts, and the final one."""
    told: list[Transcript] = []
    made = TwoPassTranscriber(first, final, limits)
    return told, made.transcribe(SOUND, CallOptions(partial=told.append))


def test_the_first_words_are_told_while_the_final_pass_still_listens() -> None:
    told = threading.Event()
    final = Recogniser("What time is it?", wait=lambda: told.wait(5))
    pair = TwoPassTranscriber(Recogniser("what dime is it"), final)
    parts: list[Transcript] = []

    def partial(found: Transcript) -> None:
        parts.append(found)
        told.set()

    assert pair.transcribe(SOUND, CallOptions(partial=partial)) == Transcript("What time is it?")
    assert parts == [Transcript("what dime is it", final=False)]
    assert pair.capabilities == {Capability.PARTIAL, Capability.WORD_TIMES}


def test_first_words_that_come_after_the_final_ones_are_not_told() -> None:
    gate, told = threading.Event(), list[Transcript]()
    pair = TwoPassTranscriber(Recogniser("quick", wait=lambda: gate.wait(5)), Recogniser("exact"))
    assert pair.transcribe(SOUND, CallOptions(partial=told.append)).text == "exact"
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "first-pass":
            thread.join(5)
    assert told == []


def test_a_recording_is_heard_once_where_no_partial_words_are_wanted() -> None:
    first, final = Recogniser("quick"), Recogniser("exact")
    assert TwoPassTranscriber(first, final).transcribe(SOUND).text == "exact"
    assert (first.calls, final.calls) == (0, 1)


@pytest.mark.parametrize("text", [RuntimeError("out of memory"), "", " "])
def test_the_first_words_are_final_where_the_final_pass_fails_or_has_none(text: str | Exception) -> None:
    assert heard(Recogniser("quick"), Recogniser(text))[1].text == "quick"
    assert TwoPassTranscriber(Recogniser("quick"), Recogniser(text)).transcribe(SOUND).text == "quick"


def test_a_final_pass_that_hangs_is_left_and_not_asked_for_a_while() -> None:
    final = Recogniser("late", wait=lambda: released.wait(30), name="hanging")
    now = [0.0]
    pair = TwoPassTranscriber(Recogniser("quick"), final, QUICK, clock=lambda: now[0])
    began = time.monotonic()
    assert [pair.transcribe(SOUND, CallOptions(partial=str)).text for _ in range(3)] == ["quick"] * 3
    assert final.calls == 1 and time.monotonic() - began < 2
    released.set()
    now[0] = REST_S + 1
    assert pair.transcribe(SOUND).text == "late"


def test_the_final_words_are_enough_where_the_first_pass_fails() -> None:
    told, found = heard(Recogniser(RuntimeError("broken")), Recogniser("exact"))
    assert (told, found.text) == ([], "exact")
    with pytest.raises(EngineError, match="broken"):
        heard(Recogniser(RuntimeError("broken")), Recogniser(RuntimeError("out of memory")))


def test_a_call_that_is_cancelled_ends_with_nothing() -> None:
    pair = TwoPassTranscriber(Recogniser("quick"), Recogniser("exact"))
    assert pair.transcribe(SOUND, CallOptions(lambda: True, partial=str)) == Transcript("", final=False)


def test_any_two_transcribers_are_joined_by_name_but_not_one_with_itself() -> None:
    specs = [
        EngineSpec(name, {"transcriber": frozenset()}, lambda roles, name=name: dict.fromkeys(roles, Recogniser(name)))
        for name in ("hasty", "patient")
    ]
    for spec in specs:
        registry.register(spec)
    try:
        pair = registry.load("two_pass", ["transcriber"], {"first": "hasty", "final": "patient"})["transcriber"]
        assert (pair.name, pair.transcribe(SOUND).text) == ("two_pass", "patient")
        registry.check("two_pass", {"first": "hasty", "final": "patient"})
        assert parse("two_pass:patient").settings == {"final": "patient"}
        with pytest.raises(BadInput, match="two other engines"):
            registry.check("two_pass", {"first": "two_pass", "final": "patient"})
        with pytest.raises(BadInput, match="is no transcriber"):
            registry.load("two_pass", ["transcriber"], {"first": "hasty", "final": "chat_completions"})
    finally:
        for spec in specs:
            registry.unregister(spec.name)
