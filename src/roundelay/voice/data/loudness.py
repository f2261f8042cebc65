"""One loudness for all voices: integrated loudness after ITU-R BS.1770-4, measured by pyloudnorm."""

from __future__ import annotations

import numpy as np

from roundelay.errors import MissingPackage

BLOCK_S = 0.4  # of the measure; a shorter sound is measured as if it were repeated
PEAK = 0.99  # of full scale, which no sample exceeds: a line of a high crest stays quieter
SILENT_LUFS = -70.0  # the gate of the measure


def loudness_lufs(samples_T: np.ndarray, rate_hz: int) -> float:
    """The integrated loudness in LUFS; -inf for silence. Raises `MissingPackage`."""
    try:
        import pyloudnorm
    except ImportError:
        raise MissingPackage("pyloudnorm", "train") from None
    needed = round(BLOCK_S * rate_hz) + 1
    if 0 < samples_T.size < needed:
        samples_T = np.tile(samples_T, -(-needed // samples_T.size))
    return float(pyloudnorm.Meter(rate_hz).integrated_loudness(samples_T.astype(np.float64)))


def at_loudness(samples_T: np.ndarray, rate_hz: int, wanted_lufs: float) -> np.ndarray:
    """The samples at a loudness, or as near as full scale allows; silence stays as it is."""
    found = loudness_lufs(samples_T, rate_hz)
    if not found > SILENT_LUFS:
        return samples_T
    factor = 10 ** ((wanted_lufs - found) / 20)
    return samples_T * np.float32(min(factor, PEAK / float(np.abs(samples_T).max())))
