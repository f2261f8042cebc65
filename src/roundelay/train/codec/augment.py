"""Data augmentation on mel frames, where it is cheap: gain, channel (telephone band, steady noise, holes), and VTLP.

Vocal tract length perturbation stretches the frequency axis, which changes the apparent speaker: codes that must
explain the unchanged target with its own speaker vector learn to leave the speaker out. All numbers ours.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from roundelay.voice.tokenizer.frontend import BANDS, FLOOR, RATE_HZ, SILENCE

VTLP_FACTORS = np.exp(np.linspace(-0.26, 0.26, 21))  # factors of the frequency axis: up to four and a half semitones


def centres_hz() -> np.ndarray:
    """The centre frequency of each band."""
    top = 1127 * np.log1p(RATE_HZ / 2 / 700)
    return np.asarray(700 * np.expm1(np.linspace(0, top, BANDS + 2) / 1127))[1:-1]


@cache
def _stretch(index: int) -> np.ndarray:
    """The matrix [80, 80] that moves every band's content to frequency x VTLP_FACTORS[index]."""
    places = np.interp(centres_hz() / VTLP_FACTORS[index], centres_hz(), np.arange(BANDS))
    low = np.floor(places).astype(int)
    matrix = np.zeros((BANDS, BANDS), np.float32)
    high, part = np.minimum(low + 1, BANDS - 1), places - low
    np.add.at(matrix, (low, np.arange(BANDS)), 1 - part)
    np.add.at(matrix, (high, np.arange(BANDS)), part)
    return matrix


def vtlp(mel_TM: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The frames [T, 80] with their frequency axis stretched by a random factor."""
    return mel_TM @ _stretch(int(rng.integers(len(VTLP_FACTORS))))


def random_gain(mel_TM: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The frames after a random gain of -18 to +10 dB."""
    return np.maximum(mel_TM + rng.uniform(-2.07, 1.15), SILENCE)


def random_channel(mel_TM: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """The frames after a random channel: tilt, steady noise, band limits, a hole in time or frequency."""
    mel = mel_TM
    if rng.random() < 0.3 * strength:  # a random equaliser
        tilt = np.linspace(-1, 1, BANDS) * rng.normal(0, 0.6) + np.sin(np.arange(BANDS) / rng.uniform(6, 20)) * 0.3
        mel = mel + tilt.astype(np.float32)
    noisy = rng.random() < 0.5 * strength
    if noisy:
        slope = np.linspace(0, 1, BANDS) * rng.uniform(-3, 1.5)
        level = float(np.quantile(mel, 0.9)) - rng.uniform(5, 35) / 8.686
        grain = np.log(np.sqrt(rng.standard_exponential(mel.shape, dtype=np.float32)) + 1e-3)
        mel = np.logaddexp(mel, (level + slope - slope.max()).astype(np.float32) + 0.5 * grain)
    if rng.random() < 0.25 * strength:  # telephone
        top, low = rng.uniform(3300, 4000), rng.choice([0.0, 250.0])
        outside = (centres_hz() > top) | (centres_hz() < low)
        floor = np.float32(mel.min() if rng.random() < 0.5 else SILENCE)
        mel = np.where(outside, np.maximum(floor, mel - rng.uniform(3, 7)), mel)
    if rng.random() < 0.4 * strength:
        mel = mel.copy()
        if rng.random() < 0.5 and len(mel) > 40:
            start = int(rng.integers(len(mel) - 12))
            mel[start : start + int(rng.integers(3, 12))] = mel.mean(0)
        else:
            band = int(rng.integers(BANDS - 12))
            mel[:, band : band + int(rng.integers(3, 12))] = np.float32(mel.mean())
    return np.maximum(mel, np.float32(np.log(FLOOR))).astype(np.float32)


def noise_only(frames: int, rng: np.random.Generator) -> np.ndarray:
    """Mel frames [T, 80] without speech: silence, hiss, hum or held chords."""
    kind = rng.integers(4)
    mel = np.full((frames, BANDS), SILENCE, np.float32)
    if kind == 0:
        return mel
    grain = np.log(np.sqrt(rng.standard_exponential(mel.shape, dtype=np.float32)) + 1e-3) * 0.6
    slope = (np.linspace(0, 1, BANDS) * rng.uniform(-4, 2)).astype(np.float32)
    mel = np.maximum(mel, rng.uniform(-8, -1) + slope + grain)
    if kind > 1:
        for start in range(0, frames, int(rng.integers(10, 60))):
            peaks = rng.choice(BANDS, size=int(rng.integers(1, 8)), replace=False)
            mel[start:, peaks] = np.maximum(mel[start:, peaks] * 0.5, rng.uniform(-2, 3, len(peaks)).astype(np.float32))
    return mel.astype(np.float32)
