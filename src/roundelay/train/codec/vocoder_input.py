"""Networks in training, run as they will be when exported, so that a check hears what a user will hear."""

from __future__ import annotations

import numpy as np
import torch

from roundelay.train.codec.vocoder import Vocoder
from roundelay.voice.decoder.vocoder import AHEAD, render
from roundelay.voice.tokenizer.frontend import SILENCE, log_mel, normal


def revoice(net: Vocoder, wave: np.ndarray, mel: np.ndarray | None = None) -> np.ndarray:
    """Samples [N] from a signal's own mel frames (or from `mel`, natural log), through the vocoder alone."""
    frames = log_mel(wave) if mel is None else mel
    padded = np.concatenate([frames, np.full((AHEAD + 3, frames.shape[1]), SILENCE, np.float32)])
    with torch.no_grad():
        gains, pitch, _, _ = net(torch.from_numpy(normal(padded).astype(np.float32))[None])
    return render(gains[0, AHEAD:].numpy(), pitch[0, AHEAD:].numpy())[: len(wave)]
