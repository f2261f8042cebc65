"""Lower bounds that hold for every inner choice of an outer configuration, for `fabric.search`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from roundelay.fabric.steptime import layers, memory
from roundelay.fabric.steptime.candidates import LEANEST
from roundelay.fabric.steptime.grid import Grid, Scenario
from roundelay.fabric.steptime.steptime import communication, stages_to_fill


def leanest(grid: Grid, fixed: Mapping[str, int]) -> Grid:
    """Return the grid with the inner axes at what holds the fewest bytes, or where they are fixed."""
    return replace(grid, **{name: np.full(len(grid), float(fixed.get(name, v))) for name, v in LEANEST.items()})


def least_bytes(scenario: Scenario, grid: Grid, fixed: Mapping[str, int]) -> np.ndarray:
    """Return a number of bytes [N] that no inner choice goes below.

    Weights, gradients and optimiser fall with the ZeRO stage. Activations: sequence parallelism only divides them, and
    of the three recomputations the least is taken, for the one layer that full recomputation makes again may weigh
    more.
    """
    lean = leanest(grid, fixed)
    modes = [fixed["recompute"]] if "recompute" in fixed else [0, 1, 2]
    stages = [fixed["zero"]] if "zero" in fixed else [2, 3]  # what ZeRO 3 gathers may weigh more than what it spares
    totals = []
    for mode, stage in product(modes, stages):
        asked = replace(lean, recompute=np.full(len(grid), float(mode)), zero=np.full(len(grid), float(stage)))
        totals.append(memory.memory_use(scenario, asked).total)
    return np.minimum.reduce(totals)


def least_seconds(scenario: Scenario, grid: Grid, fixed: Mapping[str, int]) -> np.ndarray:
    """Return seconds [N] that no inner choice goes below: compute with nothing recomputed, and its forward collectives.

    Every part left out (recomputation, hidden or open backward collectives, data parallelism, optimiser) is at least
    zero, and sequence parallelism only shortens the element-wise passes.
    """
    del fixed
    lean = replace(grid, recompute=np.zeros(len(grid)), sequence_parallel=np.ones(len(grid)))
    share = scenario.model.moe_layers / scenario.model.shape.layers
    layer = layers.dense(scenario, lean)
    if share:
        layer = layer.mix(layers.moe(scenario, lean), share)
    ending = layers.head(scenario, lean)
    comms = communication(scenario, lean, layer, share)
    middle, last, _ = memory.stage_layers(scenario, lean)
    one = sum((getattr(layer, name) for name in layer.__slots__), start=np.zeros(1)) + 4 * comms.unit
    head = sum((getattr(ending, name) for name in ending.__slots__), start=np.zeros(1)) + 2 * comms.unit
    micro = scenario.global_batch / (grid.dp * grid.micro_batch)
    hops = np.where(grid.pp > 1, 2 * grid.interleave, 0.0) * comms.hop
    pace = np.maximum(middle * one, last * one + head)
    # one millionth off for rounding: the step adds the same numbers in another order
    return (micro * (pace + hops) + stages_to_fill(scenario, grid) * (middle * one + hops)) * (1 - 1e-6)
