"""Engines of others behind the server: a tone at any rate, and faults of every kind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from tone_engine import ToneEngine

from roundelay.voice.audio import Audio
from roundelay.voice.engines.guard import Limits
from roundelay.voice.interfaces import CallOptions, Utterance
from roundelay.voice.pipeline import Pipeline

LIMITS = Limits(first_s=1.0, next_s=1.0, per_audio_s=0.0, end_of_turn_s=1.0)
FAULTS = ("raises", "NaN", "wrong rate", "nothing", "hangs")


class Tones(ToneEngine):
    """A tone of `hz`, a tenth of a second a word, or a fault instead of it."""

    def __init__(self, rate_hz: int = 22_050, hz: float = 440.0, fault: str = "") -> None:
        super().__init__(rate_hz)
        self.hz, self.fault = hz, fault

    @property
    def pipeline(self) -> Pipeline:
        return Pipeline(self, self, self, self, LIMITS)  # type: ignore[arg-type]

    def synthesize(self, utterance: Utterance, options: CallOptions | None = None) -> Iterator[Audio]:
        size = self.rate_hz // 10
        if self.fault == "raises":
            raise ZeroDivisionError("a bug in an engine")
        if self.fault == "NaN":
            yield Audio(np.full(size, np.nan), self.rate_hz)
        if self.fault == "wrong rate":
            yield Audio(np.full(size, 0.1), self.rate_hz // 2)
        if self.fault == "hangs":
            time.sleep(3)
        if self.fault:
            return
        for at, _ in enumerate(utterance.text.split()):
            yield Audio(
                0.3 * np.sin(2 * np.pi * self.hz * np.arange(at * size, (at + 1) * size) / self.rate_hz), self.rate_hz
            )


def peak_hz(samples: np.ndarray, rate_hz: int) -> float:
    """The frequency of the loudest component."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))
    return float(np.argmax(spectrum) * rate_hz / (1 << 17))


def samples_of(data: bytes) -> np.ndarray[Any, Any]:
    """PCM 16 as float32."""
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768
