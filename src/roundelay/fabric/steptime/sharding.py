"""What data parallelism costs a step: ZeRO 0 to 3, its collectives beside the passes, and what hiding them costs.

With ZeRO 3 (PyTorch's FSDP) every pass gathers a layer's weights while the layer before computes, and every backward
pass scatters its gradients. All ranks meet at every layer, so each layer takes as long as on the slowest of them: of n
normal times, sqrt(2 ln n) deviations above the mean. The collectives' kernels take multiprocessors and memory
bandwidth from the products they run beside. The form is ours, the ratios are calibrated (results/steptime).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.fabric.steptime import collectives, layers
from roundelay.fabric.steptime.grid import Grid, Scenario
from roundelay.fabric.steptime.memory import MemoryUse

Array = np.ndarray
MEASURED = 8.0  # GPUs whose waiting for one another stands in the ratios: they were calibrated on servers of eight


@dataclass(frozen=True, slots=True)
class StagePass:
    """Seconds of one micro-batch on a stage, forward and backward (for ZeRO 2 and 3 with what is
    recomputed and with the waiting for the host), layers, micro-batches.
    """

    forward: Array
    backward: Array
    layers: Array
    micro_batches: Array


def data_parallel(scenario: Scenario, grid: Grid, used: MemoryUse, stage: StagePass) -> tuple[Array, Array]:
    """Return (exposed, hidden) seconds of data parallelism in a step.

    Gradients are all-reduced once a step; ZeRO 1 scatters them and gathers weights; ZeRO 2 scatters after every
    micro-batch; ZeRO 3 also gathers the weights for every pass.
    """
    once, once_hidden = _once_a_step(scenario, grid, used, stage)
    each, each_hidden = _every_micro_batch(scenario, grid, used, stage)
    return np.where(grid.zero >= 2, each, once), np.where(grid.zero >= 2, each_hidden, once_hidden)


def _sizes(scenario: Scenario, grid: Grid, used: MemoryUse) -> list[tuple[Array, Array, Array]]:
    """Return (parameters, ranks that share them, GPUs between two of them) of the replicated and of the experts."""
    del scenario
    ranks = grid.dp * grid.cp
    return [
        (used.dense_parameters, ranks, grid.tp),
        (used.expert_parameters, ranks / grid.ep, grid.tp * grid.ep),
    ]


def _once_a_step(scenario: Scenario, grid: Grid, used: MemoryUse, stage: StagePass) -> tuple[Array, Array]:
    """ZeRO 0 and 1: gradients reduced beside the last backward pass, results gathered beside the first forward pass."""
    ratio, soft = scenario.hardware.overlap_ratio, scenario.software
    reduce = gather = np.zeros(len(grid))
    for parameters, ranks, inner in _sizes(scenario, grid, used):
        reduce = reduce + collectives.pass_s(scenario, parameters * soft.gradient_bytes, ranks, inner) * (ranks > 1)
        gather = gather + collectives.pass_s(scenario, parameters * layers.BF16, ranks, inner) * (ranks > 1)
    after = np.where(grid.zero == 0, reduce, gather)
    if not soft.dp_overlap:
        return reduce + after, np.zeros(len(grid))
    beside = np.minimum(reduce, ratio * stage.backward)
    beside = beside + np.where(grid.zero == 0, 0.0, np.minimum(after, ratio * stage.forward))
    return reduce + after - beside, beside


def _every_micro_batch(scenario: Scenario, grid: Grid, used: MemoryUse, stage: StagePass) -> tuple[Array, Array]:
    """ZeRO 2 and 3: a collective for each layer of each pass; the first and the last of a pass have nothing beside."""
    gpu, soft = scenario.hardware, scenario.software
    reduce = gather = np.zeros(len(grid))
    for parameters, ranks, inner in _sizes(scenario, grid, used):
        layer, shared = parameters / stage.layers, ranks > 1
        reduce = reduce + collectives.pass_s(scenario, layer * soft.gradient_bytes, ranks, inner) * shared
        gather = gather + collectives.pass_s(scenario, layer * layers.BF16, ranks, inner) * shared
    gather_pass = np.where(grid.zero == 3, gather * stage.layers, 0.0)
    reduce_pass = reduce * stage.layers
    front = gather_pass if not soft.prefetch else np.maximum(gather_pass - stage.forward, 0.0)
    back = np.maximum((gather_pass if soft.prefetch else 0.0) + reduce_pass - stage.backward, 0.0)
    back = back + (0.0 if soft.prefetch else gather_pass)
    if not soft.dp_overlap:
        front, back = gather_pass, gather_pass + reduce_pass
    both = 2 * gather_pass + reduce_pass
    hidden = both - front - back
    edges = np.minimum(reduce + np.where(grid.zero == 3, 2 * gather, 0.0), hidden)
    hidden = hidden - edges
    slowed = gpu.slowdown_ratio * hidden
    ranks = grid.dp * grid.cp
    spread = gpu.jitter_ratio * (np.sqrt(2 * np.log(np.maximum(ranks, MEASURED))) - (2 * np.log(MEASURED)) ** 0.5)
    waiting = np.where(grid.zero == 3, spread * (stage.forward + stage.backward), 0.0)
    after = np.where(grid.zero == 2, gather * stage.layers, 0.0)
    return stage.micro_batches * (front + back + edges + slowed + waiting) + after, stage.micro_batches * hidden
