"""The flow network: conditional flow matching from noise to the residual of the regressed prior.

The path is straight (optimal transport); the target is the difference between true and regressed mel frames. The
network is causal in its own state and sees only the prior 20 ms ahead, so that the look-ahead of Euler steps does not
add up (ours).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from roundelay.train.codec.blocks import Stack
from roundelay.train.codec.tokenizer import SPEAKER
from roundelay.voice.decoder.flow import FLOW_AHEAD, PAIR, RESIDUAL, STEPS
from roundelay.voice.tokenizer.frontend import BANDS

WAVES = 32  # of the embedding of time


@dataclass(frozen=True, slots=True)
class Sizes:
    """Width and layers of the velocity network."""

    width: int = 256
    expansion: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4)


class Flow(nn.Module):
    """State, condition, voice and time to a velocity, all at 50 Hz in pairs of mel frames."""

    waves: Tensor

    def __init__(self, s: Sizes) -> None:
        super().__init__()
        self.stem = nn.Linear(3 * PAIR, s.width)
        self.time = nn.Sequential(nn.Linear(2 * WAVES, 192), nn.SiLU(), nn.Linear(192, 192))
        self.voice = nn.Linear(SPEAKER, 192)
        self.stack = Stack(s.width, s.expansion, s.dilations, condition=192)
        self.norm = nn.LayerNorm(s.width)
        self.out = nn.Linear(s.width, PAIR)
        self.register_buffer("waves", torch.exp(torch.linspace(0.0, 5.0, WAVES)))

    def forward(
        self,
        x_BTD: Tensor,
        condition_BTE: Tensor,
        speaker_BC: Tensor,
        time_B: Tensor,
        cache_BSC: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Velocity [B, T, 160] and the cache; E = 320: the prior now and one step ahead."""
        turns = time_B.unsqueeze(-1) * self.waves
        when = self.time(torch.cat([torch.sin(turns), torch.cos(turns)], -1))
        condition = torch.nn.functional.silu(when + self.voice(speaker_BC * SPEAKER**0.5))
        hidden, cache = self.stack(self.stem(torch.cat([x_BTD, condition_BTE], -1)), cache_BSC, condition)
        return self.out(self.norm(hidden)), cache


def sample(net: Flow, prior_TD: np.ndarray, voice: np.ndarray, seed: int = 0, temperature: float = 0.7) -> np.ndarray:
    """Normalised mel frames [2T, 80] from regressed steps [T+1, 160], as the exported decoder makes them."""
    device = next(net.parameters()).device
    steps = len(prior_TD) - FLOW_AHEAD
    line = torch.from_numpy(prior_TD.astype(np.float32)).to(device)
    condition = torch.cat([line[:steps], line[FLOW_AHEAD:]], 1)[None]
    noise = np.random.default_rng(seed).standard_normal((1, steps, PAIR), dtype=np.float32)
    x, vector = torch.from_numpy(noise).to(device) * temperature, torch.from_numpy(voice).to(device)[None]
    with torch.no_grad():
        for at in range(STEPS):
            x = x + net(x, condition, vector, torch.full((1,), at / STEPS, device=device))[0] / STEPS
    return np.asarray((line[:steps] + RESIDUAL * x[0]).cpu().numpy().reshape(-1, BANDS))
