"""Mel frames to samples without trained weights: Griffin and Lim's iteration (1984). Slow and offline."""

from __future__ import annotations

import numpy as np

from roundelay.voice.tokenizer.frontend import BINS, HOP, MEMORY, N_FFT, filterbank, window

ROUNDS = 48
MOMENTUM = 0.9  # Perraudin's acceleration


def invert(mel_TM: np.ndarray, seed: int = 0) -> np.ndarray:
    """Samples float32 [160·T] within [-1, 1] whose mel frames are near `mel_TM` (natural log)."""
    if not len(mel_TM):
        return np.zeros(0, np.float32)
    size = _magnitudes(np.exp(mel_TM.astype(np.float64)))
    angles = np.exp(2j * np.pi * np.random.default_rng(seed).random((len(mel_TM), BINS)))
    before = np.zeros_like(angles)
    for _ in range(ROUNDS):
        again = _analyse(_overlap(size * angles))
        ahead = again + MOMENTUM * (again - before)
        before = again
        angles = ahead / np.maximum(np.abs(ahead), 1e-12)
    return np.clip(_overlap(size * angles)[MEMORY:], -1, 1).astype(np.float32)


def _magnitudes(bands: np.ndarray) -> np.ndarray:
    """Bin magnitudes [T, 321] that give these mel bands: non-negative least squares."""
    bank = filterbank().astype(np.float64)
    guess = np.maximum(bands @ np.linalg.pinv(bank), 1e-6)
    for _ in range(20):  # multiplicative updates never turn negative
        guess *= (bands @ bank.T) / np.maximum(guess @ bank @ bank.T, 1e-12)
    return np.asarray(guess)


def _overlap(spectra: np.ndarray) -> np.ndarray:
    frames = np.fft.irfft(spectra, N_FFT, axis=-1) * window()
    total, weight = np.zeros(MEMORY + HOP * len(frames)), np.zeros(MEMORY + HOP * len(frames))
    for part in range(N_FFT // HOP):
        span = slice(part * HOP, part * HOP + HOP * len(frames))
        piece = slice(part * HOP, (part + 1) * HOP)
        total[span] += frames[:, piece].reshape(-1)
        weight[span] += np.tile(window()[piece] ** 2, len(frames))
    return total / np.maximum(weight, 0.1)


def _analyse(samples: np.ndarray) -> np.ndarray:
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP] * window(), axis=-1)
