"""How many conversations a machine carries at once, by what one sentence costs it (ours).

Counted in processor time, so that other programs that run meanwhile do not change the answer.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roundelay.errors import RoundelayError
from roundelay.voice.audio import Audio
from roundelay.voice.engines import registry
from roundelay.voice.engines.defaults import default
from roundelay.voice.interfaces import CallOptions, Engine
from roundelay.voice.pipeline import Pipeline

FIRST_SOUND_S = 2.0  # everyone who asks at the same moment hears something by then
SPEAKING = 0.5  # of a conversation is the bot's speech; the rest is the person's
USABLE = 0.8  # of the cores; the rest hears, and keeps the connections
MOST = 32  # their input is watched for speech in one thread; an engine is asked by 64 at once at most
SENTENCE = "Good morning, it is half past nine."  # as long as the first clause of an answer


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one sentence costs in processor time, and the conversations that so many cores carry."""

    hear_s: float  # to hear a sentence
    first_s: float  # from then on until the first sound of one
    real_time_factor: float  # for each second of speech
    cores: int

    @property
    def conversations(self) -> int:
        """At least one: as many as hear their first sound in time if all ask at once, and do not run dry."""
        first = self.cores * FIRST_SOUND_S / max(self.hear_s + self.first_s, 1e-6)
        spoken = self.cores * USABLE / max(SPEAKING * self.real_time_factor, 1e-6)
        return max(1, min(MOST, math.floor(min(first, spoken))))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure(pipeline: Pipeline, count: int | None = None) -> Capacity:
    """The capacity of a pipeline that is loaded and otherwise idle, on `count` cores, all by default.

    A sentence is spoken and heard twice, for the first time loads what is loaded late. An engine behind an address
    costs nothing here, and is not asked. Raises what the engines raise.
    """
    if _elsewhere(pipeline.synthesizer):
        return Capacity(0.0, 0.0, 0.0, count or cores())
    first_s = hear_s = factor = 0.0
    for _ in range(2):
        began, first_s, blocks = time.process_time(), 0.0, list[Audio]()
        for block in pipeline.stream(SENTENCE, options=CallOptions(candidates=lambda: 1)):
            first_s = first_s or time.process_time() - began
            blocks.append(block)
        spoken = Audio(np.concatenate([block.samples for block in blocks]), blocks[0].rate)
        factor = (time.process_time() - began) / spoken.duration_s
        began = time.process_time()
        if not _elsewhere(pipeline.transcriber):
            pipeline.transcribe(spoken)
        hear_s = time.process_time() - began
    return Capacity(round(hear_s, 3), round(first_s, 3), round(factor, 3), count or cores())


def _elsewhere(engine: Engine) -> bool:
    """Whether an engine runs behind an address."""
    return engine.name in registry.names() and "url" in registry.spec(engine.name).settings


def of_defaults() -> dict[str, Any]:
    """A row of what `serve` carries with its default engines: their names, the costs, `conversations` at once; "why"
    instead where an engine fails.
    """
    chosen = {role: default(role).choice for role in registry.ROLES}
    row: dict[str, Any] = {"hears": chosen["transcriber"].shown, "speaks": chosen["synthesizer"].shown}
    try:
        found = measure(Pipeline.of(chosen))
    except RoundelayError as error:
        return {**row, "conversations": None, "why": str(error)}
    return {**row, **asdict(found), "conversations": found.conversations}
