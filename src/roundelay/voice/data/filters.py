"""Quality filters: an utterance that fails one is rejected and counted under the filter's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from roundelay.voice.audio import Audio

FRAME_S = 0.02
CLIP_LEVEL = 0.999


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """Thresholds of the filters (ours): seconds, seconds a character, shares, the judge's error rate (None: off)."""

    shortest_s: float = 0.3
    longest_s: float = 15.0
    fastest_s_per_char: float = 0.025
    slowest_s_per_char: float = 0.25
    clipped: float = 0.002
    speech: float = 0.25
    quietest_peak: float = 0.02
    worst_wer: float | None = None


def rejection_reason(samples_T: np.ndarray, rate_hz: int, text: str, limits: FilterLimits) -> str | None:
    """The name of the first filter an utterance fails, cheapest first; None if it passes all."""
    seconds = samples_T.size / rate_hz
    if not text:
        return "no text"
    if not np.isfinite(samples_T).all():
        return "not finite"
    if seconds < limits.shortest_s:
        return "too short"
    if seconds > limits.longest_s:
        return "too long"
    spoken_s = speech_fraction(samples_T, rate_hz) * seconds
    if np.abs(samples_T).max() < limits.quietest_peak:
        return "too quiet"
    if np.mean(np.abs(samples_T) >= CLIP_LEVEL) > limits.clipped:
        return "clipped"
    if spoken_s / seconds < limits.speech:
        return "no speech"
    if spoken_s / len(text) < limits.fastest_s_per_char:
        return "too fast for its text"
    if len(text) > 12 and spoken_s / len(text) > limits.slowest_s_per_char:
        return "too slow for its text"
    return None


def speech_fraction(samples_T: np.ndarray, rate_hz: int) -> float:
    """The share of 20 ms frames within 35 dB of the loudest one: a plain energy detector."""
    size = max(1, round(FRAME_S * rate_hz))
    frames = samples_T[: samples_T.size // size * size].reshape(-1, size)
    if not len(frames):
        return 0.0
    power = np.mean(frames.astype(np.float64) ** 2, axis=1)
    return float(np.mean(power > max(power.max() * 10**-3.5, 1e-10)))


def recogniser_filter(limits: FilterLimits) -> Callable[[np.ndarray, int, str], str | None] | None:
    """A filter by the default judge (PocketSphinx, about real time); None if `worst_wer` is not set."""
    if limits.worst_wer is None:
        return None
    from roundelay.voice.eval import judges

    worst, judge = limits.worst_wer, judges.Judge(judges.load())

    def fails(samples_T: np.ndarray, rate_hz: int, text: str) -> str | None:
        return "misheard" if judge.errors(text, Audio(samples_T, rate_hz)).rate > worst else None

    return fails
