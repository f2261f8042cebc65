"""Channel augmentation of speech: noise, a room, a telephone; drawn by seed, recorded in the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

SNR_DB, RT60_S = (8.0, 30.0), (0.12, 0.6)
TELEPHONE_HZ = (300.0, 3_400.0)
MU = 255.0


@dataclass(frozen=True, slots=True)
class EffectShares:
    """The probability of each effect; they are drawn independently."""

    noise: float = 0.12
    room: float = 0.08
    telephone: float = 0.15


def draw_effects(rng: np.random.Generator, shares: EffectShares) -> dict[str, Any] | None:
    """Random effects for an utterance, in the manifest's form; None for no effect."""
    rolls = rng.random(3)
    chosen: dict[str, Any] = {}
    if rolls[0] < shares.room:
        chosen["room"] = {"rt60_s": round(float(rng.uniform(*RT60_S)), 3)}
    if rolls[1] < shares.noise:
        slope = float(rng.choice([0.0, 1.0, 2.0]))  # white, pink, brown
        chosen["noise"] = {"snr_db": round(float(rng.uniform(*SNR_DB)), 2), "slope": slope}
    if rolls[2] < shares.telephone:
        chosen["telephone"] = {"mu_law": bool(rng.random() < 0.5)}
    return chosen or None


def apply_effects(samples_T: np.ndarray, rate_hz: int, effects: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """`samples` after the effects, float32 [T], within full scale: first the room, then noise, then the telephone."""
    y = samples_T.astype(np.float64)
    if room := effects.get("room"):
        y = _room(y, rate_hz, room["rt60_s"], rng)
    if noise := effects.get("noise"):
        y = y + _noise(y, noise["snr_db"], noise["slope"], rng)
    if line := effects.get("telephone"):
        y = _telephone(y, rate_hz, line["mu_law"])
    peak = np.abs(y).max()
    return (y / peak * min(peak, 0.99) if peak > 0 else y).astype(np.float32)


def _room(x: np.ndarray, rate_hz: int, rt60_s: float, rng: np.random.Generator) -> np.ndarray:
    """A direct sound and an exponentially decaying tail of noise: 60 dB down after `rt60_s`."""
    times = np.arange(round(rt60_s * rate_hz)) / rate_hz
    tail = rng.standard_normal(times.size) * np.exp(-6.9 * times / rt60_s)
    tail[: round(0.002 * rate_hz)] = 0.0
    tail *= 0.5 / np.sqrt(np.sum(tail**2) + 1e-12)
    size = 1 << (x.size + tail.size).bit_length()
    wet = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(tail, size), size)[: x.size]
    return x + wet


def _noise(x: np.ndarray, snr_db: float, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Noise whose power falls by `slope` powers of frequency, `snr_db` below the speech."""
    spectrum = np.fft.rfft(rng.standard_normal(x.size))
    spectrum /= np.maximum(np.arange(spectrum.size), 1 + x.size // 400) ** (slope / 2)
    noise = np.fft.irfft(spectrum, x.size)
    power = np.mean(x**2) * 10 ** (-snr_db / 10)
    return noise * np.sqrt(power / (np.mean(noise**2) + 1e-20))


def _telephone(x: np.ndarray, rate_hz: int, mu_law: bool) -> np.ndarray:
    """300 to 3,400 Hz with soft edges and, if asked, eight bits of mu-law."""
    size = 1 << x.size.bit_length()
    spectrum = np.fft.rfft(x, size)
    hertz = np.fft.rfftfreq(size, 1 / rate_hz)
    low, high = TELEPHONE_HZ
    spectrum *= np.clip((hertz - low * 0.7) / (low * 0.6), 0, 1) * np.clip((high * 1.08 - hertz) / (high * 0.12), 0, 1)
    y = np.fft.irfft(spectrum, size)[: x.size]
    if not mu_law:
        return y
    scale = max(np.abs(y).max(), 1e-6) / 0.9
    code = np.round(np.sign(y) * np.log1p(MU * np.abs(y / scale)) / np.log1p(MU) * 127) / 127
    return np.sign(code) * np.expm1(np.abs(code) * np.log1p(MU)) / MU * scale
