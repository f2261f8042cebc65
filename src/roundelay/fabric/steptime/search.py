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
from roundelay.fabric.job.workload import Model
from roundelay.fabric.steptime import bounds, candidates
from roundelay.fabric.steptime.grid import Case, Grid
from roundelay.fabric.steptime.steptime import StepTime, case_of, evaluate, result

CHUNK = 1024  # configurations of the outer axes taken at once


@dataclass(frozen=True, slots=True)
class Found:
    """The best steps, fastest first; how many outer configurations divide, how many steps were timed, how many of
    those fit.
    """

    best: tuple[StepTime, ...]
    outer: int
    timed: int
    fitting: int


def search(
    model: Model | str,
    gpus: int,
    fabric: Links | str = "dgx",
    *,
    seq: int,
    global_batch: int,
    hardware: Hardware | str = "h100",
    software: Software | str | None = None,
    fixed: Mapping[str, int] | None = None,
    top: int = 1,
) -> Found:
    """Return the `top` fastest configurations that fit, of all that divide; exact.

    `fixed` holds axes at a value: tp pp dp cp ep micro_batch interleave recompute sequence_parallel zero (recompute
    as 0 none, 1 selective, 2 full). Raises `BadInput` where none divides or none fits, saying by how much.
    """
    case = case_of(model, seq, global_batch, hardware, fabric, software)
    return search_case(case, gpus, fixed or {}, top)


def search_case(case: Case, gpus: int, fixed: Mapping[str, int], top: int = 1) -> Found:
    """Return the same for a case already made."""
    if top < 1:
        raise BadInput("--top", top, "give at least 1")
    outer = candidates.outer(case, gpus, fixed)
    bytes_N = bounds.least_bytes(case, outer, fixed)
    limit = case.hardware.memory_gb * 1e9
    possible = np.flatnonzero(bytes_N <= limit)
    if not len(possible):
        _refuse(case, gpus, float(bytes_N.min()), outer, int(bytes_N.argmin()))
    least_N = bounds.least_seconds(case, outer, fixed)
    order = possible[np.argsort(least_N[possible], kind="stable")]
    kept: list[tuple[float, StepTime]] = []
    timed = fitting = 0
    for start in range(0, len(order), CHUNK):
        worst = kept[-1][0] if len(kept) >= top else np.inf
        index = order[start : start + CHUNK]
        index = index[least_N[index] <= worst]
        if not len(index):
            break
        grid = candidates.inner(case, outer.take(index), fixed)
        done = evaluate(case, grid)
        fits = np.flatnonzero(done.held.total <= limit)
        timed, fitting = timed + len(grid), fitting + len(fits)
        chosen = [int(i) for i in fits[np.argsort(done.step_s[fits], kind="stable")][:top]]
        kept += [(float(done.step_s[i]), result(case, grid, done, i)) for i in chosen]
        kept = sorted(kept, key=lambda pair: pair[0])[:top]
    if not kept:
        _refuse(case, gpus, float(bytes_N.min()), outer, int(bytes_N.argmin()))
    return Found(tuple(step for _, step in kept), len(outer), timed, fitting)


def brute(case: Case, gpus: int, fixed: Mapping[str, int]) -> tuple[Grid, np.ndarray, np.ndarray]:
    """Return every configuration, its seconds and its bytes: no pruning at all."""
    grid = candidates.inner(case, candidates.outer(case, gpus, fixed), fixed)
    done = evaluate(case, grid)
    return grid, done.step_s, done.held.total


def _refuse(case: Case, gpus: int, least: float, outer: Grid, index: int) -> None:
    over = least / 1e9 - case.hardware.memory_gb
    p, _ = outer.row(index, case.seq, case.global_batch)
    raise BadInput(
        f"{gpus} GPUs of {case.hardware.memory_gb:g} GB",
        f"on {case.links.name}",
        f"cannot hold it: the leanest cut (tp {p.tp}, pp {p.pp}, cp {p.cp}, dp {p.dp}, all recomputed, ZeRO 3) is "
        f"{max(over, 0.1):.1f} GB a GPU over; give more GPUs, larger domains or a GPU with more memory",
    )
