"""Every configuration that divides: outer axes (who computes what) and, for each, the inner choices (what is kept)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.steptime.divisibility import divisors, interleaves, layers_divide, tensor_widths
from roundelay.fabric.steptime.grid import Grid, Scenario

OUTER = ("tp", "pp", "dp", "cp", "ep", "micro_batch", "interleave")
INNER = ("recompute", "sequence_parallel", "zero")
LEANEST = {"recompute": 2, "sequence_parallel": 1, "zero": 3}


def outer(scenario: Scenario, gpus: int, fixed: Mapping[str, int]) -> Grid:
    """Return all outer configurations of exactly `gpus` GPUs, inner axes at their leanest.

    Raises `BadInput` if there are none.
    """
    for name in fixed:
        if name not in OUTER + INNER:
            raise BadInput("axis", name, f"known are {', '.join(OUTER + INNER)}")
    if gpus < 1:
        raise BadInput("--gpus", gpus, "give at least 1")
    shape = scenario.model.shape
    rows = list(_rows(scenario, gpus, fixed))
    if not rows:
        raise BadInput(
            "--gpus",
            gpus,
            f"no tp x pp x dp x cp of it divides {shape.layers} layers, {shape.heads} heads "
            f"and a batch of {scenario.global_batch}"
            + (f" with {_flags(fixed)}" if fixed else "")
            + "; change one of them",
        )
    return Grid.of([[*row, 2, 1 if row[0] > 1 else 0, 3] for row in rows])


def _flags(fixed: Mapping[str, int]) -> str:
    return ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in fixed.items())


def _rows(scenario: Scenario, gpus: int, fixed: Mapping[str, int]) -> Iterator[tuple[int, ...]]:
    for tp in _only(divisors(gpus), fixed, "tp"):
        if not tensor_ok(scenario, tp):
            continue
        for pp in _only(divisors(gpus // tp), fixed, "pp"):
            if pp > scenario.model.shape.layers or not (pieces := _interleaves(scenario, pp, fixed)):
                continue
            for cp in _only(divisors(gpus // tp // pp), fixed, "cp"):
                if cp > 1 and scenario.seq % (2 * cp):
                    continue
                dp = gpus // tp // pp // cp
                if scenario.global_batch % dp or fixed.get("dp", dp) != dp:
                    continue
                for ep in _only(expert_ranks(scenario, dp * cp), fixed, "ep"):
                    for micro, v in _batches(scenario.global_batch // dp, pp, tuple(pieces), fixed.get("micro_batch")):
                        yield tp, pp, dp, cp, ep, micro, v


def _only(values: list[int], fixed: Mapping[str, int], name: str) -> list[int]:
    return values if name not in fixed else [v for v in values if v == fixed[name]]


def tensor_ok(scenario: Scenario, tp: int) -> bool:
    """Whether tensor parallelism may have this many GPUs: widths, key-value groups, domain and nodes."""
    if any(size % tp for _, size in tensor_widths(scenario)) or tp > scenario.links.hbd_gpus:
        return False
    groups, node = scenario.model.shape.kv_groups, scenario.links.gpus_per_node
    if scenario.links.ring and tp % node and node % tp:
        return False
    return groups % tp == 0 or tp % groups == 0


def _interleaves(scenario: Scenario, pp: int, fixed: Mapping[str, int]) -> list[int]:
    """Return the interleavings to try; one that was asked for may cut unevenly."""
    layers, asked = scenario.model.shape.layers, fixed.get("interleave")
    if asked is None:
        return interleaves(layers, pp)
    return [asked] if layers_divide(layers, pp, asked) and (pp > 1 or asked == 1) else []


def expert_ranks(scenario: Scenario, ranks: int) -> list[int]:
    """Return the expert parallelisms that divide both the experts and the ranks."""
    return [ep for ep in divisors(scenario.model.experts) if ranks % ep == 0]


@lru_cache(maxsize=4096)
def _batches(sequences: int, pp: int, pieces: tuple[int, ...], only: int | None) -> list[tuple[int, int]]:
    """Return (micro-batch, interleave): interleaving needs micro-batches in multiples of the stages."""
    sizes = [m for m in divisors(sequences) if only in (None, m)]
    return [(m, v) for m in sizes for v in pieces if v == 1 or (sequences // m) % pp == 0]


def inner(scenario: Scenario, grid: Grid, fixed: Mapping[str, int]) -> Grid:
    """Return every inner choice of these outer configurations.

    Left out is only what another choice equals or beats in time and memory: selective recomputation where flash
    attention keeps no scores, sequence parallelism without tensor parallelism, ZeRO without ranks to share with.
    """
    recomputes = [fixed["recompute"]] if "recompute" in fixed else ([0, 2] if scenario.software.flash else [0, 1, 2])
    flags = [fixed["sequence_parallel"]] if "sequence_parallel" in fixed else [0, 1]
    zeros = [fixed["zero"]] if "zero" in fixed else [0, 1, 2, 3]
    choices = np.array([(r, s, z) for r in recomputes for s in flags for z in zeros], dtype=np.float64)
    count = len(choices)
    index = np.repeat(np.arange(len(grid)), count)
    chosen = np.tile(choices, (len(grid), 1))
    wide = grid.take(index)
    keep = np.ones(len(index), dtype=bool)
    if "sequence_parallel" not in fixed:
        even = (scenario.seq // wide.cp) % wide.tp == 0
        keep &= (chosen[:, 1] == 0) | ((wide.tp > 1) & even)
    if "zero" not in fixed:
        keep &= (chosen[:, 2] == 0) | (wide.dp * wide.cp > 1)
    wide, chosen = wide.take(keep), chosen[keep]
    return replace(wide, recompute=chosen[:, 0], sequence_parallel=chosen[:, 1], zero=chosen[:, 2])
