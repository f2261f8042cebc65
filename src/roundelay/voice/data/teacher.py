"""What a TTS teacher of the data engine is, and what it is given and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from roundelay.voice.data.phones import Phones

RATE_HZ = 16_000  # the rate of flite's and festival's own voices, and of the nano engine


@dataclass(frozen=True, slots=True)
class Line:
    """A line for a teacher to speak: `pitch` (0-99) is espeak-ng's, `speed` a ratio, espeak-ng's and Kokoro's."""

    text: str
    voice: str
    pitch: int = 50
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Rendering:
    """A spoken line: `samples` float32 [T] at 16 kHz, and the phones with their times in seconds."""

    samples: np.ndarray
    phones: Phones


class Teacher(Protocol):
    """A speech engine with its name, licence and version; it turns lines into audio with phone alignments."""

    name: str
    licence: str

    def version(self) -> str:
        """The engine's version; raises `BadInput` naming the package to install if it is absent."""
        ...

    def speak(self, lines: Sequence[Line]) -> list[Rendering | None]:
        """One `Rendering` per line, in order; None where the engine failed on that line."""
        ...
