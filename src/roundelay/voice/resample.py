"""Sample rate conversion of a stream, chunk by chunk."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from roundelay.voice.stream import FinishedStream

# The filter: taps on each side in samples of the lower rate, the Kaiser window's shape for -70 dB, and the cutoff as a
# fraction of the lower rate's Nyquist frequency (flat up to 0.86 of it, silent from all of it).
HALF_TAPS, KAISER_BETA, CUTOFF = 32, 7.0, 0.93
BLOCK_SAMPLES = 6_000  # converted at a time: the windows of more would not fit into the cache


class Resampler:
    """A streaming resampler, a `Stream` of float32 [n] to float32 [m].

    A polyphase windowed sinc (ours). Its delay is 32 samples of the lower rate, 2 ms at 16 kHz. The streaming mode of
    soxr was measured to delay by up to 36 ms.
    """

    def __init__(self, source_hz: int, target_hz: int) -> None:
        common = math.gcd(source_hz, target_hz)
        self._up, self._down = target_hz // common, source_hz // common
        self._taps, self._ahead = phases(self._up, self._down)
        self._line = np.zeros(self._ahead - 1, np.float32)  # silence before the first sample
        self._first = self._given = 0  # input index of the line's first window; samples output so far
        self._finished = False

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The output samples that the input so far determines."""
        if self._finished:
            raise FinishedStream
        if self._up == self._down:
            return samples
        blocks = [samples[at : at + BLOCK_SAMPLES] for at in range(0, len(samples), BLOCK_SAMPLES)] or [samples]
        made = [self._convert(block) for block in blocks]
        return made[0] if len(made) == 1 else np.concatenate(made)

    def finish(self) -> np.ndarray:
        """The rest: the output up to the last input sample, with silence after it."""
        rest = self.push(np.zeros(0 if self._up == self._down else self._ahead, np.float32))
        self._finished = True
        return rest

    def _convert(self, samples: np.ndarray) -> np.ndarray:
        line = np.concatenate([self._line, np.asarray(samples, np.float32)])
        width = self._taps.shape[1]
        end = self._first + max(0, len(line) - width + 1)
        total = -(-end * self._up // self._down)
        places = np.arange(self._given, total) * self._down
        out = np.empty(len(places), np.float32)
        for phase in range(self._up):
            mine = places % self._up == phase
            if mine.any():
                windows = np.lib.stride_tricks.sliding_window_view(line, width)
                out[mine] = windows[places[mine] // self._up - self._first] @ self._taps[phase]
        keep = total * self._down // self._up
        self._line, self._first, self._given = line[keep - self._first :], keep, total
        return out


@cache
def phases(up: int, down: int) -> tuple[np.ndarray, int]:
    """The filter's taps float32 [up, 2·ahead], one row for each phase, and `ahead`, the taps on each side."""
    ahead = math.ceil(HALF_TAPS * max(1.0, down / up))
    cutoff = CUTOFF * min(1.0, up / down)
    place = np.arange(1 - ahead, 1 + ahead)[None] - np.arange(up)[:, None] / up
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - (place / ahead) ** 2, 0, 1)))
    taps = np.sinc(cutoff * place) * window
    return np.asarray(taps / taps.sum(1, keepdims=True), np.float32), ahead
