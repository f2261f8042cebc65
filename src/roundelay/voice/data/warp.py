"""New voices from few: WORLD analysis and resynthesis with another pitch, other formants, another rate."""

from __future__ import annotations

import warnings

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice.data.phones import Phones
from roundelay.voice.data.speakers import Warp

FRAME_MS = 5.0


def warp_voice(samples_T: np.ndarray, rate_hz: int, warp: Warp) -> np.ndarray:
    """The same words in another voice, float32 [T / warp.rate]; F0 by DIO and StoneMask, the fast method.

    Raises `MissingPackage` without pyworld.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pyworld 0.3.5 still imports pkg_resources
            import pyworld
    except ImportError:
        raise MissingPackage("pyworld", "train") from None
    x = samples_T.astype(np.float64)
    f0, times = pyworld.dio(x, rate_hz, frame_period=FRAME_MS)
    f0 = pyworld.stonemask(x, f0, times, rate_hz)
    envelope = pyworld.cheaptrick(x, f0, times, rate_hz)
    aperiodicity = pyworld.d4c(x, f0, times, rate_hz)
    envelope, aperiodicity = _stretch(envelope, warp.formant), _stretch(aperiodicity, warp.formant)
    y = pyworld.synthesize(f0 * warp.f0, envelope, aperiodicity, rate_hz, FRAME_MS / warp.rate)
    return np.clip(y[: round(samples_T.size / warp.rate)], -1, 1).astype(np.float32)


def retime(phones: Phones, rate: float) -> Phones:
    """The phones of a voice that speaks `rate` times as fast."""
    return tuple((symbol, start / rate, end / rate) for symbol, start, end in phones)


def _stretch(spectrum_FB: np.ndarray, factor: float) -> np.ndarray:
    """Each frame's spectrum stretched in frequency: bin b of the result is bin b / factor, interpolated."""
    bins = spectrum_FB.shape[1]
    source = np.minimum(np.arange(bins) / factor, bins - 1)
    low = np.floor(source).astype(int)
    part = source - low
    high = np.minimum(low + 1, bins - 1)
    return np.ascontiguousarray(spectrum_FB[:, low] * (1 - part) + spectrum_FB[:, high] * part)
