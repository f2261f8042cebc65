"""Bytes one GPU holds, by kind, on the fullest pipeline stage.

Weights, gradients and optimiser: 2 + gradient_bytes + 12 bytes a parameter (bf16; Adam with fp32 master weights and two
moments), shared out by the ZeRO stage. Activations: Korthikanti et al. (arXiv 2205.05198, section 4), by the term,
so that gated MLPs, grouped queries, mixtures and `lean` software follow from the same list.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.fabric.steptime.grid import Grid, Scenario
from roundelay.fabric.steptime.layers import tokens

Array = np.ndarray
ADAM_BYTES = 12


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes by kind [N], and parameters on the fullest stage: those of attention and dense MLPs, those of experts."""

    weights: Array
    gradients: Array
    optimiser: Array
    activations: Array
    logits: Array
    gathered: Array
    reserved: Array
    dense_parameters: Array
    expert_parameters: Array

    @property
    def total(self) -> Array:
        """All of it."""
        kept = self.weights + self.gradients + self.optimiser + self.gathered
        return kept + self.activations + self.logits + self.reserved


def stage_layers(scenario: Scenario, grid: Grid) -> tuple[Array, Array, Array]:
    """Return (layers of a middle stage, layers of the last stage, whether the layers can be cut so).

    Layers divide by pp·interleave; or they do with two more, the embedding and the head taking the place of a layer
    in the first and last stage (Llama 3, section 3.3.2); or some pieces have a layer more than others, the last the
    fewer (DeepSeek-V3's 61 on 16 stages).
    """
    layers, pieces = scenario.model.shape.layers, grid.pp * grid.interleave
    even = layers % pieces == 0
    with_ends = ((layers + 2) % pieces == 0) & (grid.pp > 1)
    middle = np.where(even, layers / grid.pp, np.ceil((layers + 2) / grid.pp))
    last = np.where(even, middle, middle - 1)
    middle = np.where(~even & (grid.pp == 2), last, middle)
    uneven = ~(even | with_ends)
    middle = np.where(uneven, np.ceil(layers / pieces) * grid.interleave, middle)
    last = np.where(uneven, np.floor(layers / pieces) * grid.interleave, last)
    return middle, last, pieces <= layers + 2


def layer_parameters(scenario: Scenario, grid: Grid) -> tuple[Array, Array]:
    """Parameters of a mean layer on one GPU: (replicated over data-parallel ranks, experts).

    Norms and biases are left out: a few thousandths of a per cent.
    """
    model = scenario.model
    share = model.moe_layers / model.shape.layers
    one = np.ones(len(grid))
    if model.kv_rank:
        attention = sum((k * n / (grid.tp if cut else one) for k, n, cut in model.attention_maps), start=0.0 * one)
    else:
        kv = np.maximum(model.shape.key_value / grid.tp, model.shape.head_dim)
        attention = model.shape.hidden * (2 * model.shape.query / grid.tp + 2 * kv)
    mlp = (1 - share) * model.dense_mlp_parameters / grid.tp + share * model.router_parameters
    mlp = mlp + share * model.shared_experts * model.expert_parameters / grid.tp
    return attention + mlp, share * model.experts / grid.ep * model.expert_parameters / grid.tp


def layer_activations(scenario: Scenario, grid: Grid) -> Array:
    """Bytes one layer keeps of one micro-batch for its backward pass."""
    shape, model, t = scenario.model.shape, scenario.model, tokens(scenario, grid)
    soft, tp = scenario.software, grid.tp
    spread = np.where(grid.sequence_parallel > 0, tp, 1.0)
    share = model.moe_layers / shape.layers
    norms = 2 if soft.lean else 4  # inputs of two norms; and their outputs
    whole = (2 * norms + (2 if soft.dropout else 0)) * shape.hidden / spread
    kept_inner = (model.mlp_matrices - 1) + (0 if soft.lean else 1)
    inner = (1 - share) * shape.ffn + share * (model.top_k + model.shared_experts) * model.expert_width
    attention = 2 * (shape.query + model.laid_width)
    routed = share * 4 * model.top_k * shape.hidden
    parted = (attention + 2 * kept_inner * inner) / tp + routed / spread
    scores = 0.0 if soft.flash else (5.0 if soft.dropout else 4.0) * shape.heads * scenario.seq / tp
    scores = np.where(grid.recompute > 0, 0.0, scores)
    kept = whole + parted + scores
    return t * np.where(grid.recompute == 2, 2 * shape.hidden / spread, kept)


def memory_use(scenario: Scenario, grid: Grid) -> MemoryUse:
    """Return what the fullest stage holds: the first, which keeps the most micro-batches, or the last, with its
    logits.
    """
    shape = scenario.model.shape
    middle, last, _ = stage_layers(scenario, grid)
    dense, expert = layer_parameters(scenario, grid)
    table = shape.vocab * shape.hidden / grid.tp
    lone = grid.pp == 1
    ends = np.where(lone & (not scenario.model.tied), 2.0, 1.0) * table
    dense_p, expert_p = middle * dense + ends, middle * expert
    ranks, expert_ranks = grid.dp * grid.cp, grid.dp * grid.cp / grid.ep

    def shared(stage: int, size: float) -> Array:
        by = np.where(grid.zero >= stage, ranks, 1.0), np.where(grid.zero >= stage, expert_ranks, 1.0)
        return size * (dense_p / by[0] + expert_p / by[1])

    micro_batches = scenario.global_batch / (grid.dp * grid.micro_batch)
    flight = np.where(grid.interleave > 1, 1 + (grid.pp - 1) / (grid.pp * grid.interleave), 1.0) * grid.pp
    flight = np.minimum(flight, micro_batches)
    one = layer_activations(scenario, grid)
    first = middle * flight * one
    again = np.where(grid.recompute == 2, _working(scenario, grid), 0.0)
    logits = tokens(scenario, grid) * shape.vocab / grid.tp * 6  # bf16, and fp32 for the loss
    closing = np.where(grid.interleave > 1, np.minimum(micro_batches, grid.pp), 1.0)
    at_last = last * np.minimum(closing, flight) * one
    ending = lone | (at_last + logits > first)
    held = np.minimum(middle, 2 if scenario.software.prefetch else 1)  # this layer's weights and the next one's
    whole = held * 2.0 * (dense + expert) + scenario.software.gradient_bytes * (dense + expert)
    spread = (grid.zero == 3) & (ranks > 1)
    return MemoryUse(
        weights=shared(3, 2.0) * (2 if scenario.software.dualpipe else 1),
        gradients=shared(2, float(scenario.software.gradient_bytes)),
        optimiser=shared(1, float(ADAM_BYTES)),
        activations=np.where(ending & ~lone, at_last, first) + again,
        logits=np.where(ending, logits, 0.0),
        gathered=np.where(spread, whole, 0.0),
        reserved=np.full(len(grid), scenario.hardware.reserved_gb * 1e9),
        dense_parameters=dense_p,
        expert_parameters=expert_p,
    )


def _working(scenario: Scenario, grid: Grid) -> Array:
    """Bytes of the one layer that full recomputation has just made again."""
    plain = Grid(*(getattr(grid, n) if n != "recompute" else np.zeros(len(grid)) for n in Grid.__slots__))
    return layer_activations(scenario, plain)
