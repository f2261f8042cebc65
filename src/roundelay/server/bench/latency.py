"""`roundelay bench latency`: the latencies of a conversation on loopback; figures without verdicts.

`benchmarks/conversation.py` measures the same against a server process, and compares with targets.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from roundelay.errors import BadInput, RoundelayError
from roundelay.server.audio.pcm import WIRE_RATE_HZ, from_int16
from roundelay.server.bench.caller import Caller, ask, call, first_byte
from roundelay.server.engine import Engines
from roundelay.server.run import Runner
from roundelay.server.service import Service
from roundelay.voice.audio import Audio
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.core.settings import Thresholds

QUESTIONS = (
    "What time is it?", "What is twelve times seven?", "What is the capital of France?", "How many feet are in a mile?",
    "What day is it today?",
)  # fmt: skip
LONG = "what can you do"  # a question whose answer is long enough for a barge-in
TEACHER = "slt"  # flite's voice, which the embedded recogniser knows best
QUIET = 0.05  # of the loudest sample: where the speech in a recording ends
DRY_MS = 20.0  # the shortest audible gap: longer than the one packet that any client buffers
PROGRESS_EVERY = 10  # turns between two progress messages
LOADING_S = 120.0

Progress = Callable[[str], None]
ServerFactory = Callable[[bool], AbstractContextManager[int]]  # with speculation or without -> the server's port


@dataclass(slots=True)
class Figures:
    """The measurements: values in ms by name, and shares as (part, whole)."""

    values: dict[str, list[float]] = field(default_factory=dict)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, name: str, ms: float) -> None:
        """Add a value."""
        self.values.setdefault(name, []).append(ms)

    def count(self, name: str, happened: bool) -> None:
        """Add a case to a share."""
        part, whole = self.shares.get(name, (0, 0))
        self.shares[name] = (part + happened, whole + 1)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each figure: its count, median and 95th percentile, or its share."""
        out: list[dict[str, Any]] = [
            {
                "figure": name,
                "n": len(each),
                "p50": float(np.percentile(each, 50)),
                "p95": float(np.percentile(each, 95)),
            }
            for name, each in self.values.items()
        ]
        return out + [
            {"figure": name, "n": whole, "share": part / whole if whole else None}
            for name, (part, whole) in self.shares.items()
        ]


def measure(server: ServerFactory, turns: int, progress: Progress, voices: Sequence[np.ndarray] = ()) -> Figures:
    """All figures. Raises `RoundelayError` without a model, or if no answer comes."""
    out = Figures()
    with server(True) as port:
        voices = voices or questions(port)
        with call(port) as caller:
            converse(caller, voices, turns, out, "with speculation", progress)
            drafts(caller, out)
            interrupt(caller, voices, turns, out, progress)
            hesitate(caller, voices, turns, out, progress)
        speak(port, turns, out, progress)
    with server(False) as port, call(port) as caller:
        converse(caller, voices, turns, out, "without speculation", progress)
    return out


def _rounds(turns: int, what: str, progress: Progress) -> Iterator[int]:
    for at in range(turns):
        if at % PROGRESS_EVERY == 0:
            progress(f"{what}: {at} of {turns}")
        yield at


def converse(
    caller: Caller, voices: Sequence[np.ndarray], turns: int, out: Figures, how: str, progress: Progress
) -> None:
    """Ask and wait for the answer, `turns` times."""
    for at in _rounds(turns, f"turns {how}", progress):
        answer = caller.turn(voices[at % len(voices)])
        out.count(f"turns answered, {how}", answer is not None)
        if answer is not None:
            out.add(f"first sound, {how}", answer.first_ms)
            out.add(f"first audible sound, {how}", answer.audible_ms)
            out.count(f"answers with a gap, {how}", answer.gap_ms > DRY_MS)


def drafts(caller: Caller, out: Figures) -> None:
    """The share of the drafts made so far that were committed."""
    found = caller.trace()["drafts"]
    out.shares["drafts committed"] = (found["committed"], found["made"])


def interrupt(caller: Caller, voices: Sequence[np.ndarray], turns: int, out: Figures, progress: Progress) -> None:
    """Speak over an answer, `turns` times."""
    for at in _rounds(turns, "barge-in", progress):
        stopped = caller.barge_in(LONG, voices[at % len(voices)])
        out.count("voices over an answer that stopped it", stopped is not None)
        if stopped is not None:
            out.add("last sample after a barge-in", stopped)


def hesitate(caller: Caller, voices: Sequence[np.ndarray], turns: int, out: Figures, progress: Progress) -> None:
    """Pause in_process a sentence, `turns` times."""
    for at in _rounds(turns, "pauses", progress):
        out.count("false takeover, pauses of 1 s", caller.false_takeover(voices[at % len(voices)]))


def speak(port: int, turns: int, out: Figures, progress: Progress) -> None:
    """Request speech, `turns` times."""
    for at in _rounds(turns, "speech", progress):
        out.add("first byte of /v1/audio/speech", first_byte(port, QUESTIONS[at % len(QUESTIONS)]))


# -- the questions


def questions(port: int) -> list[np.ndarray]:
    """The questions, float32 at 24 kHz, trimmed to the speech: by flite, a TTS teacher of the recogniser, if it is
    installed, else by the model itself."""
    spoken = by_teacher() if shutil.which("flite") else [_by_model(port, text) for text in QUESTIONS]
    return [trim(sound, text) for sound, text in zip(spoken, QUESTIONS, strict=True)]


def by_teacher() -> list[np.ndarray]:
    """The questions by flite, float32 at 24 kHz. Raises `BadInput` if it fails."""
    from roundelay.voice.data.teachers import RATE_HZ, TEACHERS, Line

    found = TEACHERS["flite"].speak([Line(text, TEACHER) for text in QUESTIONS])
    if any(each is None for each in found):
        raise BadInput("teacher", TEACHER, "did not say the questions; is flite in order?")
    return [Audio.from_array(each.samples, RATE_HZ).resample(WIRE_RATE_HZ).samples for each in found if each]


def _by_model(port: int, text: str) -> np.ndarray:
    return from_int16(ask(port, "/v1/audio/speech", {"input": text, "response_format": "pcm"}))


def trim(sound: np.ndarray, text: str) -> np.ndarray:
    """The audio from its first loud sample to its last. Raises `BadInput` for silence."""
    loud = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max(initial=0.0))
    if not len(loud):
        raise BadInput("question", text, "was spoken as silence; are the weights in order?")
    return sound[loud[0] : loud[-1] + 1]


# -- the server


def in_process(load: Callable[[str], Pipeline], measure: Callable[[Pipeline], int] | None = None) -> ServerFactory:
    """A factory of servers in this process; `measure` is that of `Engines`."""

    @contextmanager
    def server(speculate: bool) -> Iterator[int]:
        service = Service(Engines(load, measure=measure), thresholds=replace(Thresholds(), speculate=speculate))
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        runner = Runner(service)
        thread = threading.Thread(target=lambda: runner.run(sockets=[listening]), daemon=True)
        thread.start()
        try:
            until = time.monotonic() + LOADING_S
            while service.engines.state == "loading" and time.monotonic() < until:
                time.sleep(0.02)
            if service.engines.state != "ready":
                raise RoundelayError(service.engines.reason or f"the model was not loaded in {LOADING_S:.0f} s")
            yield listening.getsockname()[1]
        finally:
            runner.should_exit = True
            thread.join(20)
            listening.close()

    return server
