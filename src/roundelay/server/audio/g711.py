"""G.711, the 8 kHz telephone codec (ITU-T G.711): eight bits a sample, mu-law or A-law."""

from __future__ import annotations

import numpy as np


def _mu_law_table() -> np.ndarray:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = (((mantissa.astype(np.int32) << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _a_law_table() -> np.ndarray:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


TABLES = {"audio/pcmu": _mu_law_table(), "audio/pcma": _a_law_table()}


class G711:
    """G.711 bytes to float32 samples in [-1, 1] at 8 kHz, and back by the nearest value."""

    def __init__(self, kind: str) -> None:
        self._values = TABLES[kind].astype(np.float32) / 32768.0
        self._order = np.argsort(self._values, kind="stable").astype(np.uint8)
        self._borders = (self._values[self._order][1:] + self._values[self._order][:-1]) / 2

    def decode(self, data: bytes) -> np.ndarray:
        """The samples of these bytes."""
        return self._values[np.frombuffer(data, np.uint8)]

    def encode(self, samples: np.ndarray) -> bytes:
        """The bytes of these samples."""
        return self._order[np.searchsorted(self._borders, samples)].tobytes()
