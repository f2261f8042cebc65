"""Recent microphone audio, so that a turn can be cut out of it by sample."""

from __future__ import annotations

import threading

import numpy as np


class RingBuffer:
    """The last `keep` samples or a little more, addressed by sample since the session began. Safe between threads."""

    def __init__(self, keep: int) -> None:
        self._pieces: list[np.ndarray] = []
        self._keep, self._first, self.end = keep, 0, 0
        self._lock = threading.Lock()

    def push(self, sound: np.ndarray) -> None:
        """Append audio, float32 [n]; the oldest blocks beyond `keep` are dropped."""
        with self._lock:
            self._pieces.append(np.array(sound, np.float32))
            self.end += len(sound)
            while self.end - self._first - len(self._pieces[0]) > self._keep:
                self._first += len(self._pieces.pop(0))

    def cut(self, start: int, end: int) -> np.ndarray:
        """Samples `start` to `end`, float32 [n], as far as they are still kept."""
        with self._lock:
            at, parts = self._first, []
            for piece in self._pieces:
                parts.append(piece[max(0, start - at) : max(0, end - at)])
                at += len(piece)
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
