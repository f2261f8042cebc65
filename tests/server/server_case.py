"""A server to test against: a model of twenty lines instead of weights, behind the real sockets of loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roundelay.errors import BadInput, RoundelayError
from roundelay.server.engine import Engine, SpeechModel
from roundelay.server.http.chat_stream import Call, Said
from roundelay.server.limits import Limits
from roundelay.server.run import Runner
from roundelay.server.service import Service
from roundelay.voice.audio import Audio
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev

RATE_HZ = 16_000


@dataclass
class FakeModel:
    """Speaks 80 ms of a tone for each word, hears the words it was told, and answers with what was said."""

    heard: str = "what is the time"
    pause_s: float = 0.0  # before each piece, for tests of cancelling
    said: list[str] = field(default_factory=list)
    cancelled: int = 0

    def say_stream(
        self,
        text: str,
        voice: str | None = None,
        seed: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
        ways: Callable[[], int] | None = None,
    ) -> Iterator[np.ndarray]:
        if "�" in text:
            raise BadInput("text", text, "holds a character that cannot be spoken")
        self.said.append(text)
        for at, _ in enumerate(text.split()):
            time.sleep(self.pause_s)
            if cancelled():
                self.cancelled += 1
                return
            yield (0.3 * np.sin(np.arange(1280) * (0.05 + 0.01 * (at % 5)))).astype(np.float32)

    def say(self, text: str, voice: str | None = None, seed: int = 0) -> Audio:
        return Audio(np.concatenate(list(self.say_stream(text, voice, seed))), RATE_HZ)

    def transcribe(self, audio: Audio) -> str:
        return self.heard if np.abs(audio.samples).max() > 0.01 else ""

    def answer(self, text: str, history: Any = ()) -> Said:
        if "weather" in text:
            return Said("let me see", Call("get_weather", '{"city": "Paris"}'))
        return Said(f"you said {text}")


@dataclass
class Running:
    """A server that runs, and how to reach it."""

    port: int
    service: Service
    runner: Runner
    model: FakeModel
    thread: threading.Thread

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
    model: SpeechModel | RoundelayError | None = None,
    limits: Limits | None = None,
    borrowed: Callable[[Any], Any] = lambda body: body,
    **service: Any,
) -> Iterator[Running]:
    """Run a server on a free port of loopback in a thread; stop it at the end."""
    import socket

    fake: Any = FakeModel() if model is None else model

    def load() -> Any:
        if isinstance(fake, Exception):
            raise fake
        return borrowed(fake)

    bounds = limits or Limits()
    made = Service(engine=Engine(load, bounds), limits=bounds, **{"create_worker": FakeWorker, **service})
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    runner = Runner(made)
    thread = threading.Thread(target=lambda: runner.run(sockets=[listening]), daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while time.monotonic() < until and not (runner.started and made.engine.state != "loading"):
        time.sleep(0.01)
    assert runner.started
    try:
        yield Running(listening.getsockname()[1], made, runner, fake, thread)
    finally:
        runner.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive(), "the server did not stop"


class FakeWorker:
    """Ears by loudness, a judge that is always sure, and the fake model's answers; in threads, as the real one."""

    def __init__(self, engine: Engine, settings: Any, tell: Callable[..., None], base: Any) -> None:
        self.engine, self.settings, self.tell = engine, settings, tell
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
            heard = self.engine.model().transcribe(Audio(np.full(10, 0.5, np.float32), RATE_HZ))
            self.tell(lambda at_ms: ev.Transcribed(at_ms, action.turn, heard, action.end))
        elif isinstance(action, do.Draft):
            threading.Thread(target=self.draft, args=(action,), daemon=True).start()

    def draft(self, action: Any) -> None:
        model, number = self.engine.model(), action.reply
        gone = lambda: number in self.dropped or self.closed  # noqa: E731
        heard = action.heard
        if action.cause == "turn" and heard is None:
            heard = model.transcribe(Audio(np.full(10, 0.5, np.float32), RATE_HZ))
            self.tell(lambda at_ms: ev.Transcribed(at_ms, action.turn, heard, action.end))
        asked = heard if action.cause == "turn" else action.history[-1].text
        try:
            told = action.cause != "turn" and action.history[-1].role == "tool"
            said = Said(f"it says {asked}") if told else model.answer(asked or "", action.history)
        except Exception as error:
            why = str(error)
            self.tell(lambda at_ms: ev.ReplyFailed(at_ms, number, why))
            return
        self.tell(lambda at_ms: ev.ReplyText(at_ms, number, said.text))
        for sound in model.say_stream(said.text, cancelled=gone):
            self.tell(lambda at_ms, sound=sound: ev.ReplyAudio(at_ms, number, sound))
        call = said.call
        if call:
            self.tell(lambda at_ms: ev.ToolCalled(at_ms, number, call.id, call.name, call.arguments))
        self.tell(lambda at_ms: ev.ReplyDone(at_ms, number))

    def played(self, sound: np.ndarray) -> None:
        self.sounds.append(sound)

    def configure(self, settings: Any) -> None:
        self.settings = settings

    def close(self) -> None:
        self.closed = True
