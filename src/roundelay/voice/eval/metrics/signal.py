"""Measures of audio that need no listener: pitch and intelligibility."""

from __future__ import annotations

import warnings

import numpy as np

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.audio import Audio

F0_RANGE_HZ = (60.0, 450.0)


def pitch_track(audio: Audio) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and F0 in Hz (0 where unvoiced), both [T], every 10 ms, by WORLD's DIO and StoneMask.

    Raises `MissingPackage` without pyworld.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyworld 0.3.5 still imports pkg_resources
            import pyworld
    except ImportError:
        raise MissingPackage("pyworld", "eval") from None
    x = audio.samples.astype(np.float64)
    low, high = F0_RANGE_HZ
    f0, times = pyworld.dio(x, audio.rate, f0_floor=low, f0_ceil=high, frame_period=10.0)
    return times, pyworld.stonemask(x, f0, times, audio.rate)


def median_pitch(audio: Audio) -> float:
    """The median F0 of the voiced frames in Hz; NaN where nothing is voiced."""
    f0 = pitch_track(audio)[1]
    return float(np.median(f0[f0 > 0])) if (f0 > 0).any() else float("nan")


def longest_silence_s(audio: Audio) -> float:
    """The longest silence between the first and the last sound, in seconds: frames of 10 ms that are 40 dB below the
    loud ones (the 95th percentile). 0 where nothing sounds (ours).
    """
    size = audio.rate // 100
    frames = audio.samples[: len(audio.samples) // size * size].reshape(-1, size)
    levels = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1))
    loud = np.flatnonzero(levels > 0.01 * np.percentile(levels, 95)) if len(levels) else np.zeros(0, int)
    return float(np.diff(loud).max(initial=1) - 1) / 100


def stoi(clean: Audio, made: Audio) -> float:
    """Short-time objective intelligibility of `made` against `clean`, 0 to 1, over their common length.

    Raises `BadInput` if the rates differ, `MissingPackage` without pystoi.
    """
    try:
        from pystoi import stoi as measure
    except ImportError:
        raise MissingPackage("pystoi", "eval") from None
    if clean.rate != made.rate:
        raise BadInput("sample rates", f"{clean.rate} and {made.rate}", "must be the same; resample one")
    length = min(clean.samples.size, made.samples.size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(measure(clean.samples[:length], made.samples[:length], clean.rate))
