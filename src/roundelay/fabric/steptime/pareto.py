"""What can be had for what: the configurations no other beats in time, memory, GPUs and GPU-seconds at once (ours)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from roundelay.fabric.steptime import bounds, candidates
from roundelay.fabric.steptime.grid import Scenario
from roundelay.fabric.steptime.steptime import StepTime, evaluate, result

CHUNK = 4096


def front(scenario: Scenario, gpus: Sequence[int], fixed: Mapping[str, int]) -> list[StepTime]:
    """Return the Pareto front over every configuration that fits on any of these numbers of GPUs, fewest GPUs first.

    Step time, bytes a GPU, GPUs and GPU-seconds a step are all to be small. Exact: every configuration whose least
    bytes fit is timed. Raises `BadInput` where nothing divides.
    """
    best: list[StepTime] = []
    for count in sorted(set(gpus)):
        best += _front_of(scenario, count, fixed)
    table = np.array([[s.step_s, s.memory_total_gb, s.gpus, s.gpus * s.step_s] for s in best])
    return [step for i, step in enumerate(best) if not is_dominated(table, i)]


def is_dominated(table: np.ndarray, row: int) -> bool:
    """Whether another row [N, objectives] is nowhere larger and somewhere smaller."""
    return bool(((table <= table[row]).all(axis=1) & (table < table[row]).any(axis=1)).any())


def _front_of(scenario: Scenario, gpus: int, fixed: Mapping[str, int]) -> list[StepTime]:
    """Return the front in time and bytes on exactly `gpus` GPUs."""
    limit = scenario.hardware.memory_gb * 1e9
    outer = candidates.outer(scenario, gpus, fixed)
    outer = outer.take(bounds.least_bytes(scenario, outer, fixed) <= limit)
    kept: list[tuple[float, float, StepTime]] = []
    for start in range(0, len(outer), CHUNK):
        grid = candidates.inner(scenario, outer.take(np.arange(start, min(start + CHUNK, len(outer)))), fixed)
        done = evaluate(scenario, grid)
        held = done.memory.total
        fits = np.flatnonzero(held <= limit)
        fits = fits[np.lexsort((held[fits], done.step_s[fits]))]
        lower = np.minimum.accumulate(np.concatenate([[np.inf], held[fits]]))[:-1]
        chosen = [int(i) for i in fits[held[fits] < lower]]
        kept += [(float(done.step_s[i]), float(held[i]), result(scenario, grid, done, i)) for i in chosen]
    kept.sort(key=lambda entry: entry[:2])
    out, least = [], np.inf
    for _, size, step in kept:
        if size < least:
            out.append(step)
            least = size
    return out
