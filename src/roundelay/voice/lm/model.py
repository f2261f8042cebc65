"""The Step-1 decoder in torch, for training and for GPUs (Step-Audio, arXiv 2502.11946, and its
released configuration).

Legend: B rows, T new tokens, S tokens seen, L layers, H heads, G key-value groups, R = H / G heads of a group,
D head width, V vocabulary. The weights are in the modules, under the official names; the tokens seen are in a
`State`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from roundelay.errors import BadInput
from roundelay.shape import Shape

EPSILON = 1e-5  # of the norms (the released configuration)


def slopes(heads: int) -> list[float]:
    """The slope of every head's distance penalty [H], for any number of heads (the Step-Audio release)."""
    power = 2 ** int(math.log2(heads))
    first = [2.0 ** (-8.0 * i / power) for i in range(1, power + 1)]
    rest = [2.0 ** (-4.0 * (2 * i - 1) / power) for i in range(1, heads - power + 1)]
    return first + rest


def distance_bias(slopes_H: Tensor, positions_BT: Tensor, seen: int) -> Tensor:
    """The bias of attention logits [B, H, T, S]: −slope·√(i−j) for keys j <= i, −inf for later ones."""
    far_BTS = positions_BT[..., None] - torch.arange(seen, device=positions_BT.device)
    root_BTS = far_BTS.clamp(min=0).to(torch.float32).sqrt().masked_fill(far_BTS < 0, math.inf)
    return -slopes_H[None, :, None, None] * root_BTS[:, None]


class RMSNorm(nn.Module):
    """x / √(mean x² + ε) · weight; the mean is taken in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPSILON)
        return wide.to(x.dtype) * self.weight


@dataclass(slots=True)
class State:
    """The key-value cache of a batch: static caches [L, B, G, capacity, D] and the length of each row.

    Rows may have different lengths. Padding is on the right: its keys lie beyond a row's length, where no query
    attends, until real tokens overwrite them.
    """

    keys_LBGSD: Tensor
    values_LBGSD: Tensor
    lengths_B: Tensor
    longest: int = 0

    @property
    def capacity(self) -> int:
        """How many tokens a row can hold."""
        return self.keys_LBGSD.shape[3]

    def rewind(self, length: int) -> None:
        """Drop every row's tokens from `length` on; a shorter row stays unchanged."""
        self.lengths_B.clamp_(max=length)
        self.longest = min(self.longest, length)

    def resized(self, capacity: int, length: int) -> State:
        """A copy of each row's first `length` tokens with room for `capacity`."""
        rows, groups, width = self.keys_LBGSD.shape[1], self.keys_LBGSD.shape[2], self.keys_LBGSD.shape[4]
        caches = []
        for old in (self.keys_LBGSD, self.values_LBGSD):
            new = old.new_zeros(len(old), rows, groups, capacity, width)
            new[:, :, :, :length] = old[:, :, :, :length]
            caches.append(new)
        return State(caches[0], caches[1], self.lengths_B.clamp(max=length), min(self.longest, length))


@dataclass(frozen=True, slots=True)
class _Place:
    """Common inputs of all layers in a pass: positions [B, T], bias [B or 1, G, R·T, S], the state."""

    positions_BT: Tensor
    bias_BGQS: Tensor
    state: State | None


class Attention(nn.Module):
    """Grouped-query attention; heads of a group are folded into the query axis, so keys are never repeated."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.groups, self.width = shape.kv_groups, shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, shape.query, bias=False)
        self.k_proj = nn.Linear(shape.hidden, shape.key_value, bias=False)
        self.v_proj = nn.Linear(shape.hidden, shape.key_value, bias=False)
        self.o_proj = nn.Linear(shape.query, shape.hidden, bias=False)

    def project(self, x_BTC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, G, R·T, D], keys and values [B, G, T, D]."""
        rows, tokens, _ = x_BTC.shape
        q = self.q_proj(x_BTC).view(rows, tokens, self.groups, -1, self.width)
        q = q.permute(0, 2, 3, 1, 4).reshape(rows, self.groups, -1, self.width)
        k = self.k_proj(x_BTC).view(rows, tokens, self.groups, self.width).transpose(1, 2)
        v = self.v_proj(x_BTC).view(rows, tokens, self.groups, self.width).transpose(1, 2)
        return q, k, v

    def merge(self, y_BGQD: Tensor, tokens: int) -> Tensor:
        """The heads' outputs [B, G, R·T, D], projected to the residual stream [B, T, C]."""
        rows = y_BGQD.shape[0]
        y = y_BGQD.reshape(rows, self.groups, -1, tokens, self.width).permute(0, 3, 1, 2, 4)
        return self.o_proj(y.reshape(rows, tokens, -1))

    def forward(self, x_BTC: Tensor, layer: int, place: _Place) -> Tensor:
        q, k, v = self.project(x_BTC)
        if place.state is not None:
            k, v = _update_cache(place.state, layer, place.positions_BT, k, v, place.bias_BGQS.shape[-1])
        bias = place.bias_BGQS.expand(q.shape[0], -1, -1, -1)
        y = scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.merge(y, x_BTC.shape[1])


def _update_cache(
    state: State, layer: int, positions_BT: Tensor, k: Tensor, v: Tensor, seen: int
) -> tuple[Tensor, Tensor]:
    """Write new keys and values [B, G, T, D] into the caches; return the caches up to `seen`."""
    rows = torch.arange(k.shape[0], device=k.device)[:, None]
    keys, values = state.keys_LBGSD[layer], state.values_LBGSD[layer]
    keys[rows, :, positions_BT] = k.transpose(1, 2)
    values[rows, :, positions_BT] = v.transpose(1, 2)
    return keys[:, :, :seen], values[:, :, :seen]


class SwiGLU(nn.Module):
    """down(silu(gate x) · up x)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden, shape.ffn, bias=False)
        self.up_proj = nn.Linear(shape.hidden, shape.ffn, bias=False)
        self.down_proj = nn.Linear(shape.ffn, shape.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One layer: x + attention(norm x), then x + mlp(norm x)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = SwiGLU(shape)
        self.input_layernorm = RMSNorm(shape.hidden)
        self.post_attention_layernorm = RMSNorm(shape.hidden)

    def forward(self, x_BTC: Tensor, layer: int, place: _Place) -> Tensor:
        x_BTC = x_BTC + self.self_attn(self.input_layernorm(x_BTC), layer, place)
        return x_BTC + self.mlp(self.post_attention_layernorm(x_BTC))


class Body(nn.Module):
    """Embedding, layers and the last norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.hidden)

    def forward(self, ids_BT: Tensor, place: _Place) -> list[Tensor]:
        stream = [self.embed_tokens(ids_BT)]
        for number, layer in enumerate(self.layers):
            stream.append(layer(stream[-1], number, place))
        stream[-1] = self.norm(stream[-1])
        return stream


class Step1(nn.Module):
    """The language model: ids [B, T] -> logits [B, T, V]."""

    slopes_H: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        self.lm_head = nn.Linear(shape.hidden, shape.vocab, bias=False)
        self.register_buffer("slopes_H", torch.tensor(slopes(shape.heads)), persistent=False)

    def state(self, rows: int = 1, capacity: int | None = None) -> State:
        """An empty state for `rows` sequences of at most `capacity` tokens (default: the shape's longest)."""
        capacity = capacity or self.shape.max_length
        weight = self.lm_head.weight
        size = (self.shape.layers, rows, self.shape.kv_groups, capacity, self.shape.head_dim)
        empty = torch.zeros(size, dtype=weight.dtype, device=weight.device)
        return State(empty, torch.zeros_like(empty), torch.zeros(rows, dtype=torch.long, device=weight.device))

    def stream(self, ids_BT: Tensor, state: State | None = None, counts_B: Tensor | None = None) -> list[Tensor]:
        """The residual stream, L + 1 times [B, T, C]: the embedding, then each layer's output, the last one normalised.

        With a state, the tokens follow those of each row and are added to it: `counts_B` of each row (default all T);
        the rest is padding on the right. Raises `BadInput` when a row would overflow; the state is unchanged.
        """
        tokens = ids_BT.shape[1]
        positions_BT = torch.arange(tokens, device=ids_BT.device)[None]
        seen = tokens
        if state is not None:
            seen = state.longest + tokens
            if seen > state.capacity:
                raise BadInput("context", f"of {seen} tokens", f"is over the capacity of {state.capacity}")
            positions_BT = state.lengths_B[:, None] + positions_BT
        bias = distance_bias(self.slopes_H, positions_BT, seen).to(self.lm_head.weight.dtype)
        bias = bias.reshape(bias.shape[0], self.shape.kv_groups, -1, seen)
        stream: list[Tensor] = self.model(ids_BT, _Place(positions_BT, bias, state))
        if state is not None:
            state.lengths_B = state.lengths_B + (tokens if counts_B is None else counts_B)
            state.longest = seen if counts_B is None else int(state.lengths_B.max())
        return stream

    def forward(self, ids_BT: Tensor, state: State | None = None, counts_B: Tensor | None = None) -> Tensor:
        """Logits [B, T, V]; arguments as for `stream`."""
        logits: Tensor = self.lm_head(self.stream(ids_BT, state, counts_B)[-1])
        return logits
