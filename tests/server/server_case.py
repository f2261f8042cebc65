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
from roundelay.server.answering import Call, Said
from roundelay.server.engine import Engine, SpeechModel
from roundelay.server.limits import Limits
from roundelay.server.run import Runner
from roundelay.server.service import Service
from roundelay.voice.audio import Audio

RATE_HZ = 16_000


@dataclass
class FakeModel:
    """Speaks 80 ms of a tone for each word, hears the words it was told, and answers with what was said."""

    heard: str = "what is the time"
    pause_s: float = 0.0  # before each piece, for tests of cancelling
    said: list[str] = field(default_factory=list)
    cancelled: int = 0

    def say_stream(
        self, text: str, voice: str | None = None, seed: int = 0, cancelled: Callable[[], bool] = lambda: False
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
    house: Service
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
    **house: Any,
) -> Iterator[Running]:
    """Run a server on a free port of loopback in a thread; stop it at the end."""
    import socket

    fake: Any = FakeModel() if model is None else model

    def load() -> Any:
        if isinstance(fake, Exception):
            raise fake
        return borrowed(fake)

    bounds = limits or Limits()
    made = Service(engine=Engine(load, bounds), limits=bounds, **house)
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
