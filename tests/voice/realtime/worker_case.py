"""Sounds, an engine of twenty lines, and a worker with what it tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import RoundelayError
from roundelay.voice import vad
from roundelay.voice.agent.persona import persona
from roundelay.voice.audio import Audio
from roundelay.voice.engines.guard import DEFAULT_LIMITS
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Message, Request, Response, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.reply_request import WorkerConfig
from roundelay.voice.realtime.worker import Worker
from roundelay.voice.realtime.worker_pool import WorkerPool
from roundelay.voice.voices import Voice

RATE = ev.INPUT_RATE_HZ
JFK = Path(__file__).parents[4] / "shared" / "data" / "human" / "jfk.flac"
LIMITS = Thresholds()


def buzz(ms: int, hz: float = 120.0, level: float = 0.2) -> np.ndarray:
    """A sawtooth: loud and periodic, as a voice is."""
    t = np.arange(ms * RATE // 1000) / RATE
    return (level * (2 * (t * hz % 1) - 1)).astype(np.float32)


def noise(ms: int, level: float = 0.001, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(ms * RATE // 1000)).astype(np.float32)


class FakeEngine:
    """An engine of twenty lines: hears one text, answers another, speaks a tenth of a second a word."""

    name, rate_hz = "fake", RATE
    capabilities: frozenset[Capability] = frozenset()

    def __init__(
        self, heard: str = "what time is it", text: str = "It is noon. Good day.", skill: str | None = None
    ) -> None:
        self.heard, self.text, self.skill = heard, text, skill
        self.reads, self.candidates = 0, list[int]()
        self.gate = threading.Event()
        self.gate.set()

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        for _ in utterance.text.split():
            self.candidates.append(options.candidates() if options.candidates else 1)
            self.gate.wait(5)
            if options.cancelled():
                return
            yield Audio(np.full(self.rate_hz // 10, 0.1, np.float32), self.rate_hz)

    def voices(self) -> tuple[Voice, ...]:
        return ()

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> str:
        self.reads += 1
        if self.heard == "broken":
            raise RoundelayError("the recogniser is broken")
        return self.heard

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
        self.request = request
        yield Response(self.text, skill=self.skill)

    def probability(self, text: str, domain_only: bool) -> float | None:
        return None


class WorkerTest:
    """A worker and what it tells; time is the number of the event."""

    def __init__(self, engine: FakeEngine, pool: WorkerPool | None = None, **config: Any) -> None:
        self.told: list[ev.Event] = []
        self.news = threading.Condition()
        self.pool = pool or WorkerPool(2)
        pipeline = Pipeline(engine, engine, engine, engine, config.pop("limits", DEFAULT_LIMITS))
        settings = WorkerConfig(LIMITS, persona(), **config)
        self.worker = Worker(pipeline, self.tell, self.pool, settings, vad.EnergyDetector())

    def tell(self, make: Callable[[int], ev.Event]) -> None:
        with self.news:
            self.told.append(make(len(self.told)))
            self.news.notify_all()

    def wait(self, kind: type[ev.Event], count: int = 1) -> list[ev.Event]:
        """The events told, as soon as there are `count` of a kind."""
        with self.news:
            assert self.news.wait_for(lambda: sum(isinstance(e, kind) for e in self.told) >= count, 10), self.told
            return list(self.told)


DRAFT = do.Draft(1, "turn", (Message("user", "hello", "turn-0"),), 1, 0, 16_000)
