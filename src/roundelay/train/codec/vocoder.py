"""The vocoder network: mel frames to the gains of a pulse train and of noise, and to the pitch.

A Vocos-like backbone with an iSTFT head; its spectra filter those of a source (see `voice.decoder.source`).
Losses: log and linear magnitudes at three resolutions, and the mel front end itself. All sizes ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from roundelay.train.codec.blocks import Stack
from roundelay.voice.decoder.source import PITCH_HZ, PITCHES
from roundelay.voice.tokenizer.frontend import (
    BANDS,
    BINS,
    FLOOR,
    HOP,
    MEAN,
    MEMORY,
    N_FFT,
    SCALE,
    filterbank,
    window,
)

AHEAD = 2  # frames of look-ahead: 20 ms
TYPICAL = 0.886 * float(np.sqrt((window() ** 2).sum()))  # mean magnitude of unit-power noise under the window


@dataclass(frozen=True, slots=True)
class Sizes:
    """Width and layers of the backbone."""

    width: int = 256
    expansion: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 1)


@cache
def spread() -> np.ndarray:
    """Float32 [80, 321]: mel bands back to bins, each bin a weighted mean of the bands that hold it."""
    bank = filterbank()
    rows = bank / np.maximum(bank.sum(1, keepdims=True), 1e-9)
    rows[0], rows[-1] = rows[1], rows[-2]
    return np.ascontiguousarray(rows.T, dtype=np.float32)


class Vocoder(nn.Module):
    """Normalised mel frames to filters, `AHEAD` frames late."""

    spread: Tensor

    def __init__(self, s: Sizes) -> None:
        super().__init__()
        self.stem = nn.Linear(BANDS, s.width)
        self.stack = Stack(s.width, s.expansion, s.dilations)
        self.norm = nn.LayerNorm(s.width)
        self.out = nn.Linear(s.width, 3 * BINS)
        self.pitch = nn.Linear(s.width, PITCHES)
        nn.init.normal_(self.out.weight, std=0.01)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("spread", torch.from_numpy(spread()))

    def forward(
        self, mel_BTM: Tensor, cache_BSC: Tensor | None = None, late_BAM: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log gain and turn (radians) of the pulses, log gain of the noise [B, T, 321 each] side by side, the
        pitch logits [B, T, 100], the cache, and the last `AHEAD` frames that the next call needs
        (`late_BAM`).
        """
        if late_BAM is None:
            late_BAM = mel_BTM.new_zeros(mel_BTM.shape[0], AHEAD, BANDS)
        behind = torch.cat([late_BAM, mel_BTM], 1)
        hidden, cache_BSC = self.stack(self.stem(mel_BTM), cache_BSC)
        hidden = self.norm(hidden)
        base = (behind[:, : mel_BTM.shape[1]] * SCALE + MEAN) @ self.spread - float(np.log(TYPICAL))
        voiced, turn, noise = self.out(hidden).chunk(3, -1)
        gains = torch.cat([base + voiced - 0.7, 3.14159 * torch.tanh(turn), base + noise - 0.7], -1)
        return gains, self.pitch(hidden), cache_BSC, behind[:, -AHEAD:]


def synthesise(gains_BTK: Tensor, pulses_BN: Tensor, noise_BN: Tensor) -> Tensor:
    """Samples [B, 480 + 160·T] by overlap-add; the first and last 480 are incomplete. Sources are [B, 480 +
    160·T].
    """
    shape = torch.from_numpy(window()).to(gains_BTK.device)
    voiced, turn, quiet = gains_BTK.chunk(3, -1)
    pulse = torch.fft.rfft(pulses_BN.unfold(1, N_FFT, HOP) * shape)
    hiss = torch.fft.rfft(noise_BN.unfold(1, N_FFT, HOP) * shape)
    spectra = torch.polar(voiced.clamp(max=8).exp(), turn) * pulse + quiet.clamp(max=8).exp() * hiss
    frames = torch.fft.irfft(spectra, N_FFT) * (shape / 1.5)
    total = MEMORY + HOP * frames.shape[1]
    return functional.fold(frames.transpose(1, 2), (1, total), (1, N_FFT), stride=(1, HOP)).reshape(len(frames), total)


def spectral_loss(guess_BN: Tensor, truth_BN: Tensor) -> tuple[Tensor, Tensor]:
    """The mean over three resolutions of log-magnitude L1 plus spectral convergence, and the log-mel L1."""
    total = guess_BN.new_zeros(())
    mel = total
    for size in (320, N_FFT, 1280):
        shape = torch.hann_window(size, device=guess_BN.device)
        both = torch.stft(
            torch.cat([guess_BN, truth_BN]), size, size // 4, window=shape, center=False, return_complex=True
        )
        guess, truth = torch.sqrt(both.real**2 + both.imag**2 + 1e-8).chunk(2)
        close = torch.linalg.norm(guess - truth) / torch.linalg.norm(truth).clamp(min=1e-3)
        logs = (torch.log(guess.clamp(min=1e-3)) - torch.log(truth.clamp(min=1e-3))).abs().mean()
        total = total + (logs + close) / 3
        if size == N_FFT:
            bank = torch.from_numpy(filterbank()).to(guess.device)
            bands = [torch.log((m.transpose(1, 2) @ bank).clamp(min=FLOOR * 10)) for m in (guess, truth)]
            mel = (bands[0] - bands[1]).abs().mean()
    return total, mel


def pitch_loss(logits_BTP: Tensor, f0_BT: Tensor) -> Tensor:
    """Cross-entropy against a narrow bell around the true class, where the frame is voiced (f0 > 0)."""
    classes = torch.from_numpy(np.log(PITCH_HZ)).to(f0_BT.device, torch.float32)
    width = float(np.log(PITCH_HZ[1] / PITCH_HZ[0]))
    voiced = f0_BT > 0
    far = (torch.log(f0_BT.clamp(min=1)).unsqueeze(-1) - classes) / width
    target = torch.softmax(-0.5 * far**2, -1)
    loss = -(target * functional.log_softmax(logits_BTP, -1)).sum(-1)
    return (loss * voiced).sum() / voiced.sum().clamp(min=1)
