"""The best parallelism of a model on a fabric: every configuration that divides, none lost.

Two bounds prune, and both are proven: `bounds.least_seconds` leaves out only parts that are never negative, and
`bounds.least_bytes` holds the least of every kind. Configurations are taken by rising bound, so that the search may
stop as soon as the bound passes the worst of the wanted results. `brute` asks everything; the tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.job.hardware import Hardware, Links, Software
from roundelay.fabric.job.workload import ModelSpec
from roundelay.fabric.steptime import bounds, candidates
from roundelay.fabric.steptime.grid import Grid, Scenario
from roundelay.fabric.steptime.steptime import StepTime, evaluate, result, scenario_of

CHUNK = 1024  # configurations of the outer axes taken at once


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best steps, fastest first; how many outer configurations divide, how many steps were timed, how many of
    those fit.
    """

    best: tuple[StepTime, ...]
    outer: int
    timed: int
    fitting: int


def search(
    model: ModelSpec | str,
    gpus: int,
    links: Links | str = "dgx",
    *,
    seq: int,
    global_batch: int,
    hardware: Hardware | str = "h100",
    software: Software | str | None = None,
    fixed: Mapping[str, int] | None = None,
    top: int = 1,
) -> SearchResult:
    """Return the `top` fastest configurations that fit, of all that divide; exact.

    `fixed` holds axes at a value: tp pp dp cp ep micro_batch interleave recompute sequence_parallel zero (recompute
    as 0 none, 1 selective, 2 full). Raises `BadInput` where none divides or none fits, saying by how much.
    """
    scenario = scenario_of(model, seq, global_batch, hardware, links, software)
    return search_scenario(scenario, gpus, fixed or {}, top)


def search_scenario(scenario: Scenario, gpus: int, fixed: Mapping[str, int], top: int = 1) -> SearchResult:
    """Return the same for a scenario already made."""
    if top < 1:
        raise BadInput("--top", top, "give at least 1")
    outer = candidates.outer(scenario, gpus, fixed)
    bytes_N = bounds.least_bytes(scenario, outer, fixed)
    limit = scenario.hardware.memory_gb * 1e9
    possible = np.flatnonzero(bytes_N <= limit)
    if not len(possible):
        _refuse(scenario, gpus, float(bytes_N.min()), outer, int(bytes_N.argmin()))
    least_N = bounds.least_seconds(scenario, outer, fixed)
    order = possible[np.argsort(least_N[possible], kind="stable")]
    kept: list[tuple[float, StepTime]] = []
    timed = fitting = 0
    for start in range(0, len(order), CHUNK):
        worst = kept[-1][0] if len(kept) >= top else np.inf
        index = order[start : start + CHUNK]
        index = index[least_N[index] <= worst]
        if not len(index):
            break
        grid = candidates.inner(scenario, outer.take(index), fixed)
        done = evaluate(scenario, grid)
        fits = np.flatnonzero(done.memory.total <= limit)
        timed, fitting = timed + len(grid), fitting + len(fits)
        chosen = [int(i) for i in fits[np.argsort(done.step_s[fits], kind="stable")][:top]]
        kept += [(float(done.step_s[i]), result(scenario, grid, done, i)) for i in chosen]
        kept = sorted(kept, key=lambda pair: pair[0])[:top]
    if not kept:
        _refuse(scenario, gpus, float(bytes_N.min()), outer, int(bytes_N.argmin()))
    return SearchResult(tuple(step for _, step in kept), len(outer), timed, fitting)


def brute(scenario: Scenario, gpus: int, fixed: Mapping[str, int]) -> tuple[Grid, np.ndarray, np.ndarray]:
    """Return every configuration, its seconds and its bytes: no pruning at all."""
    grid = candidates.inner(scenario, candidates.outer(scenario, gpus, fixed), fixed)
    done = evaluate(scenario, grid)
    return grid, done.step_s, done.memory.total


def _refuse(scenario: Scenario, gpus: int, least: float, outer: Grid, index: int) -> None:
    over = least / 1e9 - scenario.hardware.memory_gb
    p, _ = outer.row(index, scenario.seq, scenario.global_batch)
    raise BadInput(
        f"{gpus} GPUs of {scenario.hardware.memory_gb:g} GB",
        f"on {scenario.links.name}",
        f"cannot hold it: the leanest cut (tp {p.tp}, pp {p.pp}, cp {p.cp}, dp {p.dp}, all recomputed, ZeRO 3) is "
        f"{max(over, 0.1):.1f} GB a GPU over; give more GPUs, larger domains or a GPU with more memory",
    )
