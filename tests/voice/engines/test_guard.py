"""Whatever an engine does wrong is one `EngineError` that names it, and the next call goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from faults import hangs, raises, released
from tone_engine import ToneEngine

from roundelay.errors import BadInput, EngineError, MissingCapability
from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, reader_thread
from roundelay.voice.interfaces import CallOptions, Request, Response, ToolCall, ToolSpec, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.style import Style
from roundelay.voice.voices import Voice

TONE = ToneEngine()
SOUND = Audio(np.full(4_000, 0.1, np.float32), 16_000)
LIMITS = guard.Limits(first_s=0.3, next_s=0.3, per_audio_s=0.0, end_of_turn_s=0.3)


def leaves() -> Any:
    raise SystemExit(3)


def interrupts() -> Any:
    raise KeyboardInterrupt


def ask(role: str, act: Callable[[], Any]) -> object:
    """Call an engine whose method of a role does `act` only, through the pipeline."""

    class Bad(ToneEngine):
        name = "bad"

        def transcribe(self, audio: Audio, options: Any = None) -> Any:
            return act()

        def reply(self, request: Request, options: Any = None) -> Any:
            return act()

        def synthesize(self, utterance: Utterance, options: Any = None) -> Any:
            return act()

        def probability(self, text: str, domain_only: bool) -> Any:
            return act()

    pipeline = Pipeline(TONE, TONE, TONE, TONE, LIMITS)  # type: ignore[arg-type]
    broken = replace(pipeline, **{role: Bad()})
    calls: dict[str, Callable[[Pipeline], object]] = {
        "transcriber": lambda line: line.transcribe(SOUND),
        "responder": lambda line: line.respond(Request("hello")),
        "synthesizer": lambda line: line.say("two words"),
        "end_of_turn": lambda line: line.end_of_turn_probability("over"),
    }
    assert calls[role](pipeline) is not None  # the others are well
    return calls[role](broken)


def blocks(*made: Any) -> Callable[[], Iterator[Any]]:
    return lambda: iter(made)


def then(first: Any, act: Callable[[], Any]) -> Callable[[], Iterator[Any]]:
    def made() -> Iterator[Any]:
        yield first
        act()

    return made


def block(value: float, rate: int) -> Iterator[Audio]:
    yield Audio(np.full(100, value, np.float32), rate)


GOOD = Audio(np.zeros(100, np.float32), 22_050)
FAULTS = [
    *((role, act, fault)
      for role in ("transcriber", "responder", "synthesizer", "end_of_turn")
      for act, fault in ((raises, "raised"), (leaves, "raised"), (interrupts, "raised"), (hangs, "hang"),
                         (lambda: b"bytes", "invalid"))
      if (role, fault) not in (("responder", "invalid"), ("synthesizer", "invalid"))),
    ("transcriber", lambda: None, "invalid"),
    ("responder", blocks(), "nothing"),
    ("responder", blocks("text", 5), "invalid"),
    ("responder", then("text", raises), "raised"),
    ("responder", then("text", hangs), "hang"),
    ("responder", lambda: None, "raised"),
    ("responder", blocks(Response(None)), "invalid"),  # type: ignore[arg-type]
    ("synthesizer", blocks(), "nothing"),
    ("synthesizer", lambda: block(np.nan, 22_050), "invalid"),
    ("synthesizer", lambda: block(np.inf, 22_050), "invalid"),
    ("synthesizer", lambda: block(2.0, 22_050), "invalid"),
    ("synthesizer", lambda: block(0.1, 16_000), "invalid"),
    ("synthesizer", lambda: block(0.1, 3), "invalid"),
    ("synthesizer", blocks(np.zeros(100)), "invalid"),
    ("synthesizer", then(GOOD, raises), "raised"),
    ("synthesizer", then(GOOD, hangs), "hang"),
    ("end_of_turn", lambda: float("nan"), "invalid"),
    ("end_of_turn", lambda: 1.5, "invalid"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _release() -> Iterator[None]:
    released.clear()
    yield
    released.set()


@pytest.mark.parametrize(("role", "act", "fault"), FAULTS)
def test_a_fault_of_an_engine_is_one_typed_error(role: str, act: Callable[[], Any], fault: str) -> None:
    began = time.monotonic()
    with pytest.raises(EngineError) as error:
        ask(role, act)
    found = error.value
    assert (found.engine, found.role, found.fault) == ("bad", role, fault)
    assert "bad" in str(found) and "\n" not in str(found) and found.exit_code == 2
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("act", "fault"), [(raises, "raised"), (hangs, "hang"), (lambda: ["a name"], "invalid")])
def test_voices_that_cannot_be_listed_are_one_typed_error(act: Callable[[], Any], fault: str) -> None:
    class Mute(ToneEngine):
        def voices(self) -> Any:
            return act()

    with pytest.raises(EngineError, match="synthesizer tone") as error:
        Pipeline(TONE, TONE, Mute(), TONE, LIMITS).voices()  # type: ignore[arg-type]
    assert error.value.fault == fault


def test_a_response_in_parts_is_one() -> None:
    class Parts(ToneEngine):
        def reply(self, request: Request, options: Any = None) -> Any:
            yield from ("one ", ToolCall("look", "{}"), Response("two", (ToolCall("go", "{}"),), "walk"))

    found = Pipeline(TONE, Parts(), TONE, TONE, LIMITS).respond(Request("hello"))  # type: ignore[arg-type]
    assert found == Response("one two", (ToolCall("look", "{}"), ToolCall("go", "{}")), "walk")


def test_the_lower_of_two_limits_holds() -> None:
    assert guard.DEFAULT_LIMITS.at_most(guard.LIVE_LIMITS) == guard.LIVE_LIMITS
    assert LIMITS.at_most(guard.LIVE_LIMITS) == LIMITS


def test_what_an_engine_raises_on_purpose_is_passed_on() -> None:
    def refuse() -> Any:
        raise BadInput("text", "?", "cannot be read aloud")

    with pytest.raises(BadInput, match="cannot be read aloud"):
        ask("synthesizer", refuse)


def test_a_capability_that_is_not_there_names_the_engines_that_have_it() -> None:
    pipeline = Pipeline(TONE, TONE, TONE, TONE, LIMITS)  # type: ignore[arg-type]
    for style in (
        Style(instructions="cheerful"),
        Style(emotion="glad"),
        Style(dialect="scots"),
        Style(mode="sing"),
        Style(language="de"),
    ):
        with pytest.raises(MissingCapability):
            pipeline.stream("hello", style=style).__next__()
    with pytest.raises(MissingCapability, match="engines that can: nano") as error:
        pipeline.say("hello", Voice.from_recording(SOUND))
    assert error.value.engines == ("nano",)
    look = (ToolSpec("look"),)
    assert pipeline.respond(Request("hello", tools=look)).text
    nano = Pipeline.load(None, "nano", None, None)
    with pytest.raises(MissingCapability, match="engines that can: chat_completions"):
        nano.respond(Request("hello", tools=look))
    assert nano.respond(Request("what time is it", tools=look, tool_choice="none")).text


def test_whoever_waits_may_cancel_while_an_engine_is_silent() -> None:
    began, asked = time.monotonic(), threading.Event()

    def silent() -> Iterator[Any]:
        asked.set()
        hangs()
        yield GOOD

    class Silent(ToneEngine):
        def synthesize(self, utterance: Utterance, options: Any = None) -> Any:
            return silent()

    pipeline = Pipeline(TONE, TONE, Silent(), TONE)  # type: ignore[arg-type]
    assert list(pipeline.stream("hello", options=CallOptions(cancelled=asked.is_set))) == []
    assert time.monotonic() - began < 5


def test_a_block_is_made_only_when_it_is_asked_for_and_a_source_that_is_left_is_closed() -> None:
    made, closed = [], threading.Event()

    def counted() -> Iterator[int]:
        try:
            for at in range(100):
                made.append(at)
                yield at
        finally:
            closed.set()

    reading = reader_thread.read(counted, lambda: False, lambda _: 5.0, "counted")
    assert [next(reading), next(reading)] == [0, 1]
    time.sleep(0.05)
    assert made == [0, 1]
    reading.close()  # type: ignore[attr-defined]
    assert closed.wait(5) and made == [0, 1]


def test_engines_that_hang_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_thread, "_places", {})
    monkeypatch.setattr(reader_thread, "MAX_THREADS", 1)
    with pytest.raises(EngineError, match="hangs"):
        list(guard.synthesize(_hanging(), Utterance("hello"), CallOptions(), LIMITS))
    with pytest.raises(EngineError, match="try again later") as error:
        list(guard.synthesize(TONE, Utterance("hello"), CallOptions(), LIMITS))  # type: ignore[arg-type]
    assert error.value.fault == "busy"
    other = ToneEngine()
    other.name = "other"
    assert list(guard.synthesize(other, Utterance("hello"), CallOptions(), LIMITS))  # type: ignore[arg-type]
    released.set()
    for _ in range(100):
        time.sleep(0.02)
        try:
            assert list(guard.synthesize(TONE, Utterance("hello"), CallOptions(), LIMITS))  # type: ignore[arg-type]
        except EngineError:
            continue
        return
    pytest.fail("the place of an engine that hung was not given back")


def test_a_thread_that_cannot_start_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(reader_thread, "_places", {})
    monkeypatch.setattr(reader_thread, "_idle", [])
    monkeypatch.setattr(reader_thread, "MAX_THREADS", 1)
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(EngineError) as error:
            patch.setattr(threading.Thread, "start", full)
            list(guard.synthesize(TONE, Utterance("hello"), CallOptions(), LIMITS))  # type: ignore[arg-type]
        assert error.value.fault == "busy"
    assert list(guard.synthesize(TONE, Utterance("hello"), CallOptions(), LIMITS))  # type: ignore[arg-type]


def test_a_thread_is_used_again_and_ends_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    idle: list[Any] = []
    monkeypatch.setattr(reader_thread, "_idle", idle)
    monkeypatch.setattr(reader_thread, "IDLE_S", 0.2)
    seen = []

    def source() -> Iterator[int]:
        seen.append(threading.current_thread())
        yield 1

    for _ in range(2):
        assert list(reader_thread.read(source, lambda: False, lambda _: 5.0, "test")) == [1]
        until = time.monotonic() + 5
        while not idle and time.monotonic() < until:
            time.sleep(0.001)
    assert seen[0] is seen[1]
    seen[0].join(5)
    assert not seen[0].is_alive() and not idle


def _hanging() -> Any:
    class Hanging(ToneEngine):
        def synthesize(self, utterance: Utterance, options: Any = None) -> Any:
            return hangs()

    return Hanging()
