"""The edges of a run of Kokoro: its silence off, so that pieces follow one another after the pause that fits (ours)."""

from __future__ import annotations

import numpy as np

FRAME_S = 0.005
AUDIBLE_DB = -42.0  # of the loudest frame: breath and hum lie below
BEFORE_S, AFTER_S = 0.03, 0.06  # kept around the sound: weak consonants, and the end of a vowel
FADE_S = 0.01


def trim(samples_T: np.ndarray, rate_hz: int) -> np.ndarray:
    """The samples without the silence at both ends, faded in and out; empty where nothing is audible."""
    size = round(FRAME_S * rate_hz)
    frames = samples_T[: len(samples_T) // size * size].reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    if not len(power) or power.max() < 1e-9:
        return samples_T[:0]
    loud = np.flatnonzero(power > power.max() * 10 ** (AUDIBLE_DB / 10))
    start = max(0, int(loud[0]) * size - round(BEFORE_S * rate_hz))
    stop = min(len(samples_T), (int(loud[-1]) + 1) * size + round(AFTER_S * rate_hz))
    kept = samples_T[start:stop].copy()
    fade = np.linspace(0, 1, min(len(kept), round(FADE_S * rate_hz)), dtype=np.float32)
    kept[: len(fade)] *= fade
    kept[len(kept) - len(fade) :] *= fade[::-1]
    return kept
