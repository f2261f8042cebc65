"""The flow's network in training: conditional flow matching from noise to what the regressed prior leaves
out.

The path is straight (optimal transport), the target the difference between true and regressed mel frames. The
network is causal in its own state; only the prior is seen 20 ms ahead, so that Euler steps do not add up
look-ahead (ours).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from roundelay.train.codec.blocks import Stack
from roundelay.train.codec.data import Corpora, Item, train_weights
from roundelay.train.codec.tokenizer import QUIET, SPEAKER, Prior, Teachable, grouped, with_margins
from roundelay.train.codec.tokenizer_stage import REFERENCE, refer
from roundelay.voice.decoder.flow import FLOW_AHEAD, PAIR, RESIDUAL, STEPS
from roundelay.voice.tokenizer.frontend import BANDS, normal
from roundelay.voice.tokenizer.fsq import GROUP_VALUES

GROUP = 12  # mel frames
WARM = 10  # steps of 20 ms whose loss is not counted: the memory is still filling
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


class Crops:
    """Stretches of codes, true frames and references; the frozen tokenizer reads an utterance once."""

    def __init__(
        self, teacher: Teachable, corpora: Corpora, items: Sequence[Item], shares: dict[str, float], seed: int
    ) -> None:
        self.teacher, self.corpora, self.items, self.seed = teacher.eval(), corpora, items, seed
        lengths = np.array([item.frames for item in items], float)
        weights = train_weights(items, shares) * lengths
        self.weights = weights / weights.sum()
        self.same: dict[str, list[int]] = {}
        for at, item in enumerate(items):
            self.same.setdefault(item.speaker, []).append(at)
        self.known: dict[int, np.ndarray] = {}

    def codes(self, at: int) -> np.ndarray:
        """Digit values float16 [G, 28] of utterance `at`."""
        if at not in self.known:
            mel = whole(self.corpora.mel(self.items[at])).to(next(self.teacher.parameters()).device)
            with torch.no_grad():
                linguistic, semantic, *_ = self.teacher.trunk(with_margins(mel), drop=1)
            self.known[at] = grouped(linguistic, semantic)[0].cpu().numpy().astype(np.float16)
        return self.known[at]

    def draw(self, step: int, count: int, groups: int) -> tuple[np.ndarray, ...]:
        """Codes [B, G, 28], mel [B, 6G, 160], its weight [B, 6G], reference [B, 240, 80], noise, time."""
        rng = np.random.default_rng([self.seed, step])
        values = np.zeros((count, groups, GROUP_VALUES), np.float32)
        mels = np.full((count, groups * 6, PAIR), QUIET, np.float32)
        weight = np.zeros((count, groups * 6), np.float32)
        reference = np.empty((count, REFERENCE, BANDS), np.float32)
        for row, at in enumerate(rng.choice(len(self.items), count, p=self.weights).tolist()):
            codes, mel = self.codes(at), whole(self.corpora.mel(self.items[at]))[0].numpy().reshape(-1, PAIR)
            start = int(rng.integers(max(1, len(codes) - groups + 1)))
            taken = codes[start : start + groups]
            values[row, : len(taken)] = taken
            mels[row, : 6 * len(taken)] = mel[6 * start : 6 * (start + len(taken))]
            weight[row, : 6 * len(taken)] = 1
            weight[row, :WARM] *= start == 0
            voices = self.same[self.items[at].speaker]
            other = voices[int(rng.integers(len(voices)))] if rng.random() < 0.5 else at
            reference[row] = refer(self.corpora.mel(self.items[other]), rng)
        noise = rng.standard_normal(mels.shape, dtype=np.float32)
        return values, mels, weight, reference, noise, rng.random(count, dtype=np.float32)


def whole(mel: np.ndarray) -> Tensor:
    """Normalised frames [1, T, 80], filled with silence to whole groups."""
    filled = np.pad(normal(mel), ((0, -len(mel) % GROUP), (0, 0)), constant_values=QUIET)
    return torch.from_numpy(filled.astype(np.float32))[None]


def step_of(
    net: Flow, crops: Crops, count: int, groups: int, device: torch.device
) -> Callable[[int], dict[str, Tensor]]:
    """The flow-matching loss of a step: from noise to what the frozen prior leaves out."""

    def losses(step: int) -> dict[str, Tensor]:
        arrays = (torch.from_numpy(a).to(device) for a in crops.draw(step, count, groups))
        values, mel, weight, reference, noise, time = arrays
        with torch.no_grad():
            vector = crops.teacher.speaker(reference)
            line = crops.teacher.prior(values, vector)[0][:, Prior.AHEAD :]
        steps = line.shape[1] - FLOW_AHEAD
        mel, weight, noise = mel[:, :steps], weight[:, :steps, None], noise[:, :steps]
        condition = torch.cat([line[:, :steps], line[:, FLOW_AHEAD:]], -1)
        target = (mel - line[:, :steps]) / RESIDUAL
        part = time[:, None, None]
        velocity, _ = net((1 - part) * noise + part * target, condition, vector, time)
        error = (((velocity - (target - noise)) ** 2) * weight).sum()
        return {"loss": error / (weight.sum() * PAIR).clamp(min=1)}

    return losses


def sample(net: Flow, prior_TD: np.ndarray, voice: np.ndarray, seed: int = 0, temperature: float = 0.7) -> np.ndarray:
    """Normalised mel frames [2T, 80] from regressed steps [T+1, 160], as the exported decoder would make
    them.
    """
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


def check_of(net: Flow, crops: Crops, watched: Sequence[int]) -> Callable[[int], dict[str, Any]]:
    """On whole utterances: mel L1 of the prior and of the flow, and how lively each is (true = 1)."""

    def check(step: int) -> dict[str, Any]:
        net.eval()
        device = next(net.parameters()).device
        rows = []
        for at in watched:
            mel = whole(crops.corpora.mel(crops.items[at]))
            values = torch.nn.functional.pad(torch.from_numpy(crops.codes(at).astype(np.float32)), (0, 0, 0, 1))
            with torch.no_grad():
                vector = crops.teacher.speaker(mel.to(device))
                prior = crops.teacher.prior(values[None].to(device), vector)[0][0, Prior.AHEAD :].cpu().numpy()
            truth = mel[0].numpy()
            made = sample(net, prior[: len(truth) // 2 + FLOW_AHEAD], vector[0].cpu().numpy())
            flat = prior[: len(truth) // 2].reshape(-1, BANDS)
            lively = [float(np.abs(np.diff(m, axis=0)).mean()) for m in (flat, made, truth)]
            rows.append([np.abs(flat - truth).mean(), np.abs(made - truth).mean(), *np.array(lively[:2]) / lively[2]])
        net.train()
        names = ("prior_l1", "flow_l1", "prior_lively", "flow_lively")
        return {name: round(float(v), 4) for name, v in zip(names, np.mean(rows, 0), strict=True)}

    return check
