"""The vocoder's excitation: a pulse train at the voice's pitch, with its phase continuous across blocks.

A mel frame does not determine where the glottal pulses lie, so that a network that predicts phases chooses them anew in
every frame, and overlapping frames cancel. A source with a continuous phase avoids this (as in HiFT, Step-Audio's
vocoder: neural source filter and iSTFT; the closed form below is ours).
"""

from __future__ import annotations

import numpy as np

from roundelay.voice.tokenizer.frontend import HOP, RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 50.0, 650.0
PITCHES = 100  # classes of the pitch estimate, evenly spaced in log frequency
TOP_HZ = 7_600.0  # no harmonic beyond this
PITCH_HZ = np.exp(np.linspace(np.log(LOWEST_HZ), np.log(HIGHEST_HZ), PITCHES))


def pitch_of(logits_TP: np.ndarray) -> np.ndarray:
    """F0 in Hz float64 [T] from class logits [T, 100]: the centre of mass around the best class, in log frequency."""
    best = logits_TP.argmax(-1)
    near = np.clip(best[:, None] + np.arange(-3, 4), 0, PITCHES - 1)
    weight = np.take_along_axis(logits_TP.astype(np.float64), near, -1)
    weight = np.exp(weight - weight.max(-1, keepdims=True))
    return np.asarray(np.exp((np.log(PITCH_HZ)[near] * weight).sum(-1) / weight.sum(-1)))


def pulses(f0_BT: np.ndarray, before_B: np.ndarray, phase_B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit-power pulse trains float32 [B, 160·T] and the phases [B] at their ends, radians.

    In block t the pitch glides from the previous one to `f0_BT[:, t]` (Hz); `before_B` and `phase_B` continue a call
    before. The sum of K cosines is computed in closed form.
    """
    batch = len(f0_BT)
    f0 = np.asarray(f0_BT, np.float64)
    start = np.concatenate([before_B[:, None], f0[:, :-1]], 1)[..., None]
    glide = start + (f0[..., None] - start) * (np.arange(1, HOP + 1) / HOP)
    phase = phase_B[:, None] + np.cumsum(glide.reshape(batch, -1), 1) * (2 * np.pi / RATE_HZ)
    harmonics = np.repeat(np.floor(TOP_HZ / np.maximum(start[..., 0], f0)), HOP, 1)
    half = np.sin(phase / 2)
    near = np.abs(half) < 1e-5
    ratio = np.where(near, 2 * harmonics + 1, np.sin((harmonics + 0.5) * phase) / np.where(near, 1, half))
    train = (ratio - 1) / 2 * np.sqrt(2 / harmonics)
    return train.astype(np.float32), np.mod(phase[:, -1], 4 * np.pi)
