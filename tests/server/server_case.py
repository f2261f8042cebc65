"""A server to test against: a model of twenty lines instead of weights, behind the real sockets of loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.server.engine import Engines
from roundelay.server.limits import Limits
from roundelay.server.names import built_in
from roundelay.server.run import Runner
from roundelay.server.service import Service
from roundelay.server.tls import Tls
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Capability,
    Request,
    Response,
    ToolCall,
    Transcript,
    Utterance,
)
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.voices import Voice

RATE_HZ = 16_000


@dataclass
class FakeEngine:
    """An engine for every role: speaks 80 ms of a tone for each word, hears the words it was told, and answers with
    what was said."""

    heard: str = "what is the time"
    pause_s: float = 0.0  # before each block, for tests of cancelling
    rate_hz: int = RATE_HZ
    said: list[str] = field(default_factory=list)
    cancelled: int = 0
    name: str = "fake"
    capabilities: frozenset[Capability] = frozenset()

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        text, block = utterance.text, self.rate_hz * 80 // 1000
        if "�" in text:
            raise BadInput("text", text, "holds a character that cannot be spoken")
        self.said.append(text)
        for at, _ in enumerate(text.split()):
            time.sleep(self.pause_s)
            if options.cancelled():
                self.cancelled += 1
                return
            turn = (0.05 + 0.01 * (at % 5)) * RATE_HZ / self.rate_hz
            yield Audio((0.3 * np.sin(np.arange(block) * turn)).astype(np.float32), self.rate_hz)

    def voices(self) -> list[Voice]:
        return [Voice(name) for name in built_in()]

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        return Transcript(self.heard if np.abs(audio.samples).max() > 0.01 else "")

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
        text = request.text
        if "weather" in text:
            yield Response("let me see", (ToolCall("get_weather", '{"city": "Paris"}', "call_1"),))
        else:
            yield Response(f"you said {text}")

    def probability(self, text: str, domain_only: bool) -> float | None:
        return None

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self, self, self, self)


@dataclass
class Running:
    """A server that runs, and how to reach it."""

    port: int
    service: Service
    runner: Runner
    model: FakeEngine
    thread: threading.Thread
    wyoming: int = 0  # the port of that endpoint

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **more: Any) -> Any:
        """The official client, without its retries."""
        from openai import OpenAI

        return OpenAI(
            base_url=f"{self.url}/v1", api_key=more.pop("api_key", "none"), max_retries=0, timeout=20.0, **more
        )


@contextmanager
def running(
    model: Any = None,
    limits: Limits | None = None,
    responder: Any = None,
    others: Mapping[str, Any] | None = None,
    tls: Tls | None = None,
    wyoming: bool = False,
    **service: Any,
) -> Iterator[Running]:
    """Run a server on a free port of loopback in a thread; stop it at the end. `model` may be an error of loading;
    `others` are further engines by name."""
    import socket

    fake: Any = FakeEngine() if model is None else model

    def load(name: str) -> Pipeline:
        if isinstance(fake, Exception):
            raise fake
        made: Pipeline = (others or {}).get(name, fake).pipeline
        return made if responder is None else replace(made, responder=responder)

    bounds = limits or Limits()
    made = Service(engines=Engines(load, bounds), limits=bounds, **{"create_worker": FakeWorker, **service})
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    home = socket.create_server(("127.0.0.1", 0)) if wyoming else None
    runner = Runner(made, tls, home)
    thread = threading.Thread(target=lambda: runner.run(sockets=[listening]), daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while time.monotonic() < until and not (runner.started and made.engines.state != "loading"):
        time.sleep(0.01)
    assert runner.started
    try:
        yield Running(listening.getsockname()[1], made, runner, fake, thread, home.getsockname()[1] if home else 0)
    finally:
        runner.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive(), "the server did not stop"


class FakeWorker:
    """Ears by loudness, a judge that is always sure, and the fake model's answers; in threads, as the real one."""

    def __init__(self, pipeline: Pipeline, tell: Callable[..., None], pool: Any, config: Any) -> None:
        self.pipeline, self.config, self.tell = pipeline, config, tell
        self.samples, self.loud, self.quiet, self.voiced = 0, 0, 0, False
        self.dropped: set[int] = set()
        self.closed = False
        self.sounds: list[np.ndarray] = []

    @property
    def maybe_speech(self) -> bool:
        return self.loud > 0 and not self.voiced

    def hear(self, sound: np.ndarray) -> None:
        for at in range(0, len(sound), 160):
            piece = sound[at : at + 160]
            self.samples += len(piece)
            loud = bool(np.abs(piece).max() > 0.02)
            self.loud, self.quiet = (self.loud + 1, 0) if loud else (0, self.quiet + 1)
            here = self.samples
            if not self.voiced and self.loud == 6:
                self.voiced = True
                self.tell(lambda at_ms, here=here: ev.SpeechStarted(at_ms, max(0, here - 960)))
            elif self.voiced and self.quiet == 10:
                self.voiced = False
                self.tell(lambda at_ms, here=here: ev.SpeechStopped(at_ms, here - 1600))

    def do(self, action: Any) -> None:
        if isinstance(action, do.Drop):
            self.dropped.add(action.reply)
        elif isinstance(action, do.PredictEndOfTurn):
            self.tell(lambda at_ms: ev.EndOfTurnPredicted(at_ms, action.turn, 0.9))
        elif isinstance(action, do.Transcribe):
            heard = self.pipeline.transcribe(Audio(np.full(10, 0.5, np.float32), RATE_HZ)).text
            self.tell(lambda at_ms: ev.Transcribed(at_ms, action.turn, heard, action.end))
        elif isinstance(action, do.Draft):
            threading.Thread(target=self.draft, args=(action,), daemon=True).start()

    def draft(self, action: Any) -> None:
        number = action.reply
        gone = lambda: number in self.dropped or self.closed  # noqa: E731
        heard = action.heard
        if action.cause == "turn" and heard is None:
            heard = self.pipeline.transcribe(Audio(np.full(10, 0.5, np.float32), RATE_HZ)).text
            self.tell(lambda at_ms: ev.Transcribed(at_ms, action.turn, heard, action.end))
        asked = heard if action.cause == "turn" else action.history[-1].text
        told = action.cause != "turn" and action.history[-1].role == "tool"
        try:
            response = (
                Response(f"it says {asked}") if told else self.pipeline.respond(Request(asked or "", action.history))
            )
        except Exception as error:
            why = str(error)
            self.tell(lambda at_ms: ev.ReplyFailed(at_ms, number, why))
            return
        self.tell(lambda at_ms: ev.ReplyText(at_ms, number, response.text))
        for audio in self.pipeline.stream(response.text, options=CallOptions(gone)):
            self.tell(lambda at_ms, audio=audio: ev.ReplyAudio(at_ms, number, audio.samples, audio.rate))
        for call in response.calls:
            key = f"{call.id}-{number}"
            self.tell(lambda at_ms, call=call, key=key: ev.ToolCalled(at_ms, number, key, call.name, call.arguments))
        self.tell(lambda at_ms: ev.ReplyDone(at_ms, number))

    def note_playback(self, samples: np.ndarray, rate_hz: int) -> None:
        self.sounds.append(samples)

    def configure(self, config: Any) -> None:
        self.config = config

    def close(self) -> None:
        self.closed = True
