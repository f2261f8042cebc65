"""16-bit PCM, the form in which samples travel on the wire."""

from __future__ import annotations

import numpy as np

WIRE_RATE_HZ = 24_000  # of OpenAI's PCM, and what its clients play by default


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples float32 in [-1, 1] as little-endian int16; values beyond are clipped."""
    return np.asarray(np.clip(np.rint(samples * 32767.0), -32768, 32767), "<i2")


def from_int16(data: bytes) -> np.ndarray:
    """Little-endian int16 bytes (an even count) as float32 in [-1, 1]."""
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768.0
