"""The mel front end of the nano engine: 16 kHz samples to 80 log-mel bands, 100 frames a second, causal.

Tokenizer, speaker encoder, decoder and training share these frames (ours; Step-Audio's two tokenizers each have their
own). Frame t is the Hann-windowed spectrum of the 640 samples that end at sample (t+1)·160, so that it is causal and a
stream keeps 480 samples.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from roundelay.voice.stream import FinishedStream

RATE_HZ = 16_000  # the TTS teachers' rate; other audio is resampled to it
HOP = 160  # samples: 10 ms
N_FFT = 640  # samples: 40 ms, window and transform alike
BANDS = 80
BINS = N_FFT // 2 + 1
FLOOR = 1e-4  # of a band, before the logarithm: about the rounding of 16-bit samples
SILENCE = float(np.log(FLOOR))
MEMORY = N_FFT - HOP  # samples before a frame's own hop
BLOCK_FRAMES = 3000  # spectra are taken 30 s at a time, so that an hour needs little memory

# Mean and scale of speech, so that the networks see values near zero (measured on the teachers' speech; ours).
MEAN, SCALE = -4.0, 2.5


@cache
def window() -> np.ndarray:
    """The periodic Hann window, float32 [640]."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


@cache
def filterbank() -> np.ndarray:
    """Triangular mel bands from 0 to 8 kHz, float32 [bins 321, bands 80], each band summing to one.

    The scale is mel = 1127·ln(1 + f/700) (O'Shaughnessy). A band too narrow to hold a bin takes
    its nearest bins in proportion.
    """
    top = 1127 * np.log1p(RATE_HZ / 2 / 700)
    edges_hz = 700 * np.expm1(np.linspace(0, top, BANDS + 2) / 1127)
    # Each band is integrated over the bins' width, so that narrow low bands are never empty.
    fine = np.linspace(0, RATE_HZ / 2, (BINS - 1) * 16 + 1)
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    triangles = np.clip(np.minimum((fine - left) / (centre - left), (right - fine) / (right - centre)), 0, None)
    owner = np.clip(np.rint(fine / (RATE_HZ / 2) * (BINS - 1)).astype(int), 0, BINS - 1)
    bank_MK = np.zeros((BANDS, BINS))
    for band in range(BANDS):
        np.add.at(bank_MK[band], owner, triangles[band])
    bank_MK /= bank_MK.sum(1, keepdims=True)
    return np.ascontiguousarray(bank_MK.T, dtype=np.float32)


def frames_of(samples: int) -> int:
    """How many frames `samples` samples give: one for every hop begun."""
    return -(-samples // HOP)


def spectrum(padded: np.ndarray) -> np.ndarray:
    """Complex spectra [T, 321] of float32 [480 + 160·T] samples whose first 480 are the past."""
    views = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    return np.fft.rfft(views * window(), axis=-1)


def _mel(padded: np.ndarray) -> np.ndarray:
    bands = np.abs(spectrum(padded)).astype(np.float32) @ filterbank()
    return np.log(np.maximum(bands, FLOOR))


class LogMelStream:
    """Mel frames as samples at 16 kHz arrive: a `Stream` of float32 [n] to float32 [T, 80] (natural log)."""

    def __init__(self) -> None:
        self._past = np.zeros(MEMORY, np.float32)  # the last 480 samples, and those that do not fill a hop yet
        self._finished = False

    def push(self, samples: np.ndarray) -> np.ndarray:
        """A frame for every hop that the samples complete; T may be zero."""
        if self._finished:
            raise FinishedStream
        self._past = np.concatenate([self._past, np.asarray(samples, np.float32)])
        ready = (len(self._past) - MEMORY) // HOP
        blocks = [np.zeros((0, BANDS), np.float32)]
        for start in range(0, ready, BLOCK_FRAMES):
            count = min(BLOCK_FRAMES, ready - start)
            blocks.append(_mel(self._past[start * HOP : (start + count) * HOP + MEMORY]))
        self._past = self._past[ready * HOP :]
        return np.concatenate(blocks)

    def finish(self) -> np.ndarray:
        """The frame of the hop begun, padded with silence."""
        begun = len(self._past) - MEMORY
        last = self.push(np.zeros(-begun % HOP, np.float32))
        self._finished = True
        return last


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Mel frames float32 [ceil(n/160), 80] of a whole signal [n] at 16 kHz, the last hop padded with silence."""
    missing = frames_of(len(samples)) * HOP - len(samples)
    return LogMelStream().push(np.concatenate([samples, np.zeros(missing, np.float32)]))


def normal(mel: np.ndarray) -> np.ndarray:
    """The frames normalised for the networks: near zero mean, near unit scale."""
    return (mel - MEAN) / SCALE
