"""The building block of the codec: a causal ConvNeXt layer whose memory is an argument, never an attribute.

A stack's memory is one tensor [B, S, C]: the inputs its convolutions still need, layer after layer. A stream passes it
from call to call; training passes none and gets zeros, so that streaming equals offline by construction (ours).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

KERNEL = 7


class Block(nn.Module):
    """Depth-wise convolution, norm, two-layer perceptron, scaled residual; optionally a condition by FiLM."""

    def __init__(self, width: int, expansion: int, dilation: int, condition: int = 0, causal: bool = True) -> None:
        super().__init__()
        self.dilation, self.causal = dilation, causal
        self.depthwise = nn.Conv1d(width, width, KERNEL, groups=width, dilation=dilation)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width * expansion)
        self.down = nn.Linear(width * expansion, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))
        self.film = nn.Linear(condition, 2 * width) if condition else None
        if self.film is not None:
            nn.init.normal_(self.film.weight, std=0.02)
            nn.init.zeros_(self.film.bias)

    @property
    def memory(self) -> int:
        """How many input frames the convolution looks back."""
        return (KERNEL - 1) * self.dilation

    def forward(self, x_BTC: Tensor, past_BSC: Tensor, condition_BC: Tensor | None = None) -> Tensor:
        """[B, T, C] after the layer; `past_BSC` are the `memory` frames before x (ignored if not causal)."""
        if self.causal:
            seen = torch.cat([past_BSC, x_BTC], 1).transpose(1, 2)
        else:
            seen = functional.pad(x_BTC.transpose(1, 2), (self.memory // 2, self.memory // 2))
        y = self.norm(self.depthwise(seen).transpose(1, 2))
        if self.film is not None and condition_BC is not None:
            gain, shift = self.film(condition_BC).unsqueeze(1).chunk(2, -1)
            y = y * (1 + gain) + shift
        return x_BTC + self.scale * self.down(functional.gelu(self.up(y), approximate="tanh"))


class Stack(nn.Module):
    """Blocks one after another, with one memory tensor for all."""

    def __init__(
        self, width: int, expansion: int, dilations: Sequence[int], condition: int = 0, causal: bool = True
    ) -> None:
        super().__init__()
        self.width = width
        self.blocks = nn.ModuleList(Block(width, expansion, d, condition, causal) for d in dilations)

    @property
    def memory(self) -> int:
        """Frames of memory in all, the S of the cache [B, S, C]."""
        return sum(block.memory for block in self.blocks)  # type: ignore[misc]

    def empty(self, batch: int = 1) -> Tensor:
        """The memory of a stream that has seen nothing: zeros [B, S, C]."""
        return next(self.parameters()).new_zeros(batch, self.memory, self.width)

    def forward(
        self, x_BTC: Tensor, cache_BSC: Tensor | None = None, condition_BC: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """[B, T, C] after all layers, and the memory [B, S, C] for the next call."""
        cache = self.empty(x_BTC.shape[0]) if cache_BSC is None else cache_BSC
        kept, at = [], 0
        for block in self.blocks:
            memory = int(block.memory)  # type: ignore[arg-type]
            past = cache[:, at : at + memory]
            at += memory
            kept.append(torch.cat([past, x_BTC], 1)[:, -memory:])
            x_BTC = block(x_BTC, past, condition_BC)
        return x_BTC, torch.cat(kept, 1)


def pair(x_BTC: Tensor, times: int = 2) -> Tensor:
    """[B, T/times, times·C]: neighbouring frames side by side."""
    return x_BTC.reshape(x_BTC.shape[0], -1, times * x_BTC.shape[2])


def unpair(x_BTC: Tensor, times: int = 2) -> Tensor:
    """[B, times·T, C/times]: the inverse of `pair`."""
    return x_BTC.reshape(x_BTC.shape[0], -1, x_BTC.shape[2] // times)


def cubic(values: Tensor) -> Tensor:
    """Values, their squares and cubes side by side: four levels of a digit become linearly independent."""
    return torch.cat([values, values**2, values**3], -1)


def parameters(module: nn.Module) -> int:
    """The number of a module's parameters."""
    return sum(p.numel() for p in module.parameters())
