"""Pitch tracks for the vocoder's training: F0 by WORLD's DIO and StoneMask, one value per 10 ms block."""

from __future__ import annotations

import warnings

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice.decoder.source import HIGHEST_HZ, LOWEST_HZ
from roundelay.voice.tokenizer.frontend import HOP, RATE_HZ


def track_pitch(wave: np.ndarray) -> np.ndarray:
    """F0 in Hz float32 [T] at the end of every hop of float32 [160·T] samples; zero where unvoiced."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyworld
    except ImportError:
        raise MissingPackage("pyworld", "train") from None
    samples = wave.astype(np.float64)
    rough, times = pyworld.dio(samples, RATE_HZ, LOWEST_HZ * 1.1, HIGHEST_HZ * 0.9, frame_period=1000 * HOP / RATE_HZ)
    f0 = pyworld.stonemask(samples, rough, times, RATE_HZ)
    blocks = len(wave) // HOP
    return np.pad(f0, (0, max(0, blocks + 1 - len(f0))))[1 : blocks + 1].astype(np.float32)


def fill_gaps(f0_T: np.ndarray) -> np.ndarray:
    """The track with unvoiced stretches interpolated between their neighbours, on a log scale."""
    voiced = np.flatnonzero(f0_T > 0)
    if not voiced.size:
        return np.full(len(f0_T), 120.0)
    return np.asarray(np.exp(np.interp(np.arange(len(f0_T)), voiced, np.log(f0_T[voiced]))))
