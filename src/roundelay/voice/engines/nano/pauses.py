"""Pauses of natural length between pieces of speech, and no long silence inside one, as the audio streams (ours)."""

from __future__ import annotations

import numpy as np

from roundelay.voice.stream import FinishedStream

FRAME_MS = 10
SILENT_RMS = 0.002  # -54 dB: between words the nano voices are below -60 dB, their weakest consonants above -50 dB
MAX_INNER_S = 0.35  # silence inside a piece; the stop of a consonant is a third of it
MAX_EDGE_S = 0.3  # before the first sound, and behind the last
NEAR_S = 0.1  # a silence this near a boundary is the pause there
FITTING = (0.75, 1.25)  # of the pause wanted: a silence that is left as it was made


class PauseShaper:
    """A `Stream` of samples float32 [n]: silences are held back until sound follows, and get the length that fits."""

    def __init__(self, rate_hz: int) -> None:
        self._rate, self._size = rate_hz, rate_hz * FRAME_MS // 1000
        self._rest = np.zeros(0, np.float32)
        self._silence: list[np.ndarray] = []
        self._boundaries: list[tuple[int, float]] = []  # sample, pause in seconds
        self._at = 0  # the sample of the input where the rest begins
        self._sounded = self._finished = False

    def boundary(self, sample: int, pause_s: float) -> None:
        """Note that a pause belongs at a sample of the input, before that sample is pushed."""
        self._boundaries.append((sample, pause_s))

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The samples that are certain now."""
        if self._finished:
            raise FinishedStream
        line = np.concatenate([self._rest, samples])
        whole = len(line) // self._size * self._size
        self._rest = line[whole:]
        made: list[np.ndarray] = []
        for frame in line[:whole].reshape(-1, self._size):
            if np.sqrt(np.mean(np.square(frame, dtype=np.float64))) < SILENT_RMS:
                self._silence.append(frame)
            else:
                made += [self._pause(), frame]
                self._silence, self._sounded = [], True
            self._at += self._size
        return np.concatenate([np.zeros(0, np.float32), *made])

    def finish(self) -> np.ndarray:
        """The last samples: the silence behind the last sound, cut."""
        if self._finished:
            raise FinishedStream
        self._finished = True
        last = np.concatenate([np.zeros(0, np.float32), *self._silence, self._rest])
        return last[: round(MAX_EDGE_S * self._rate)]

    def _pause(self) -> np.ndarray:
        """What stands for the silence before the frame that comes."""
        held = np.concatenate([np.zeros(0, np.float32), *self._silence])
        near = round(NEAR_S * self._rate)
        due = [pause_s for sample, pause_s in self._boundaries if sample <= self._at + (near if len(held) else 0)]
        self._boundaries = self._boundaries[len(due) :]
        wanted_s = max(due, default=0.0)
        if not self._sounded:
            return held[: round(MAX_EDGE_S * self._rate)]
        if not wanted_s or FITTING[0] * wanted_s <= len(held) / self._rate <= FITTING[1] * wanted_s:
            return held[: round(max(MAX_INNER_S, FITTING[1] * wanted_s) * self._rate)]
        length = round(wanted_s * self._rate)
        half = min(len(held), length) // 2  # what is added or taken is in the middle of the silence
        return np.concatenate([held[:half], np.zeros(length - 2 * half, np.float32), held[len(held) - half :]])
