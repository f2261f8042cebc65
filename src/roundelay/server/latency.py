"""`roundelay bench latency`: a client on loopback measures what a person would wait for. Speeds only; no verdicts.

The server runs in a thread of this process; the client plays recordings as fast as they last and notes when frames
come.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from roundelay.errors import BadInput, RoundelayError
from roundelay.server.engine import Engine, SpeechModel
from roundelay.server.formats import OUT_RATE_HZ, to_int16
from roundelay.server.run import Runner
from roundelay.server.service import Service
from roundelay.voice.audio import Audio
from roundelay.voice.realtime.thresholds import Thresholds

QUESTIONS = (
    "What time is it?", "What is twelve times seven?", "What is the capital of France?", "How many feet are in a mile?",
    "What day is it today?",
)  # fmt: skip
PIECE_S = 0.04
PAUSE_S = 1.0  # inside a sentence, for false takeovers
QUIET = 0.05  # of the loudest sample: where a recording's voice ends
ANSWER_S = 30.0  # the longest wait for anything
SETTLE_S = 1.6  # longer than any wait for the end of a turn, and than the second of sound that is sent ahead
BARGE_AFTER_S = 0.8  # of the answer, before it is spoken over


@dataclass(slots=True)
class Figures:
    """What was measured, in milliseconds; lists of single values by name."""

    values: dict[str, list[float]] = field(default_factory=dict)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, name: str, ms: float) -> None:
        """One more value."""
        self.values.setdefault(name, []).append(ms)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each figure: how often, its median and its 95th percentile; or a share."""
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


def measure(model: Callable[[], SpeechModel], turns: int, show: Callable[[str], None]) -> Figures:
    """All figures. Raises `RoundelayError` where there is no model, or no answer comes."""
    out = Figures()
    for speculate in (True, False):
        name = "with" if speculate else "without"
        with _server(model, replace(Thresholds(), speculate=speculate)) as (port, house):
            voices = _questions(house.engine.model())
            show(f"turns {name} speculation")
            with _talk(port) as talk:
                for at in range(turns):
                    out.add(f"first sound, {name} speculation", talk.turn(voices[at % len(voices)], wait=True))
                if speculate:
                    begun, made = talk.drafts(house)
                    out.shares["drafts committed"] = (begun, made)
            if speculate:
                _interruptions(port, voices, turns, out, show)
                show("speech")
                for at in range(turns):
                    out.add("first byte of /v1/audio/speech", _first_byte(port, QUESTIONS[at % len(QUESTIONS)]))
    return out


def _interruptions(
    port: int, voices: Sequence[np.ndarray], turns: int, out: Figures, show: Callable[[str], None]
) -> None:
    show("barge-in")
    with _talk(port) as talk:
        for at in range(max(1, turns // 2)):
            stopped = talk.barge_in(voices[at % len(voices)], voices[(at + 1) % len(voices)])
            if stopped is not None:
                out.add("last sample after a barge-in", stopped)
    show("pauses")
    taken, tried = 0, max(1, turns // 2)
    with _talk(port) as talk:
        for at in range(tried):
            taken += talk.taken_over(voices[at % len(voices)])
    out.shares["false takeover, pauses of 1 s"] = (taken, tried)


@contextmanager
def _server(load: Callable[[], SpeechModel], thresholds: Thresholds) -> Iterator[tuple[int, Service]]:
    house = Service(Engine(load), thresholds=thresholds)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(16)
    runner = Runner(house)
    thread = threading.Thread(target=lambda: runner.run(sockets=[listening]), daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 120
        while house.engine.state == "loading" and time.monotonic() < until:
            time.sleep(0.02)
        if house.engine.state != "ready":
            raise RoundelayError(house.engine.reason or "the model was not loaded in two minutes")
        yield listening.getsockname()[1], house
    finally:
        runner.should_exit = True
        thread.join(20)
        listening.close()


def _questions(model: SpeechModel) -> list[np.ndarray]:
    """The questions in the model's own voice, float32 at 24 kHz, cut where the voice ends."""
    out = []
    for text in QUESTIONS:
        parts = list(model.say_stream(text))
        sound = Audio.from_array(np.concatenate(parts), 16_000).resample(OUT_RATE_HZ).samples
        loud = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max())
        if not len(loud):
            raise BadInput("question", text, "was spoken as silence; are the weights in order?")
        out.append(sound[loud[0] : loud[-1] + 1])
    return out


def _first_byte(port: int, text: str) -> float:
    body = json.dumps({"input": text, "response_format": "pcm"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/audio/speech", body, {"content-type": "application/json"}
    )
    began = time.monotonic()
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=ANSWER_S) as answer:
        answer.read(1)
        took = time.monotonic() - began
        answer.read()
    return took * 1000


@contextmanager
def _talk(port: int) -> Iterator[_Talk]:
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}/v1/realtime", max_size=None, proxy=None, close_timeout=1) as link:
        yield _Talk(link)


class _Talk:
    """A client that plays sound in real time and notes when frames come."""

    def __init__(self, link: Any) -> None:
        self.link, self.session, self.active = link, "", 0
        self._wait(lambda frame: frame["type"] == "session.created")
        ears = {"turn_detection": {"type": "semantic_vad"}}
        link.send(json.dumps({"type": "session.update", "session": {"type": "realtime", "audio": {"input": ears}}}))
        self._wait(lambda frame: frame["type"] == "session.updated")

    def _frame(self, timeout: float) -> tuple[float, dict[str, Any]] | None:
        try:
            line = self.link.recv(timeout=timeout)
        except TimeoutError:
            return None
        frame = json.loads(line)
        if frame["type"] == "error":
            raise RoundelayError(frame["error"]["message"])
        if frame["type"] == "session.created":
            self.session = frame["session"]["id"]
        self.active += (frame["type"] == "response.created") - (frame["type"] == "response.done")
        return time.monotonic(), frame

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> float:
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            if (got := self._frame(0.05)) and wanted(got[1]):
                return got[0]
        raise RoundelayError(f"nothing came for {ANSWER_S:.0f} s")

    def _play(self, sound: np.ndarray) -> Iterator[float]:
        """Send the sound as fast as it lasts; yields when each piece was sent."""
        step, began = int(PIECE_S * OUT_RATE_HZ), time.monotonic()
        for at in range(0, len(sound), step):
            data = base64.b64encode(to_int16(sound[at : at + step]).tobytes()).decode()
            self.link.send(json.dumps({"type": "input_audio_buffer.append", "audio": data}))
            yield time.monotonic()
            time.sleep(max(0.0, began + (at + step) / OUT_RATE_HZ - time.monotonic()))

    def turn(self, voice: np.ndarray, *, wait: bool) -> float:
        """Milliseconds from the end of the voice to the first sound; waits for the answer's end if asked."""
        for _ in self._play(voice):
            pass
        ended = time.monotonic()
        first = self._silence(lambda frame: frame["type"] == "response.output_audio.delta")
        if wait:
            self._settle()
        return (first - ended) * 1000

    def _silence(self, wanted: Callable[[dict[str, Any]], bool]) -> float:
        """Play silence until a frame comes."""
        for _ in self._play(np.zeros(int(ANSWER_S * OUT_RATE_HZ), np.float32)):
            while (got := self._frame(0.001)) is not None:
                if wanted(got[1]):
                    return got[0]
        raise RoundelayError(f"no answer came for {ANSWER_S:.0f} s")

    def _settle(self) -> None:
        """Play silence until nothing is going on, and what was sent ahead is heard: the next voice is no barge-in."""
        quiet_from = time.monotonic()
        for _ in self._play(np.zeros(int(ANSWER_S * OUT_RATE_HZ), np.float32)):
            while self._frame(0.001) is not None:
                quiet_from = time.monotonic()
            if not self.active and time.monotonic() - quiet_from > SETTLE_S:
                return

    def barge_in(self, voice: np.ndarray, over: np.ndarray) -> float | None:
        """Milliseconds from the first sample spoken over the answer to its last sound; None if it ended before."""
        self.turn(voice, wait=False)
        until = time.monotonic() + BARGE_AFTER_S
        self._silence(lambda frame: time.monotonic() > until or frame["type"] == "response.done")
        began, last, status = time.monotonic(), 0.0, ""
        for _ in self._play(np.concatenate([over, np.zeros(2 * OUT_RATE_HZ, np.float32)])):
            while not status and (got := self._frame(0.001)) is not None:
                if got[1]["type"] == "response.output_audio.delta":
                    last = got[0]
                elif got[1]["type"] == "response.done":
                    status = got[1]["response"]["status"]
        self._settle()
        return max(0.0, last - began) * 1000 if status == "cancelled" else None

    def taken_over(self, voice: np.ndarray) -> bool:
        """Whether a pause inside the sentence was taken for its end."""
        half = _quietest(voice)
        taken = False
        for _ in self._play(np.concatenate([voice[:half], np.zeros(int(PAUSE_S * OUT_RATE_HZ), np.float32)])):
            while (got := self._frame(0.001)) is not None:
                taken = taken or got[1]["type"] == "response.created"
        self.turn(voice[half:], wait=True)
        return taken

    def drafts(self, house: Service) -> tuple[int, int]:
        """How many drafts were committed, and how many made."""
        trace = house.traces[self.session]
        return trace.begun, trace.made


def _quietest(voice: np.ndarray) -> int:
    """The quietest place in the middle third: between two words."""
    size = OUT_RATE_HZ // 50
    third = len(voice) // 3
    power = np.convolve(np.square(voice[third : 2 * third]), np.ones(size), "same")
    return third + int(np.argmin(power))
