"""Exact solvers that judge the fast ones, on small fabrics: OR-tools CP-SAT."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

cp_model = pytest.importorskip("ortools.sat.python.cp_model", reason="OR-tools is the oracle of these tests")


def chains(free: Sequence[int], k: int, m: int, size: int | None = None) -> list[tuple[int, ...]]:
    """Return every realisable chain of m of the free positions with gaps of at most K; on a circle of `size` if given.

    Two hops of an odd K in a row need one bundle twice (K=1 has two bundles with a path each).
    """
    free_set = set(free)
    out = []
    for start in free:
        for hops in itertools.product(range(1, k + 1), repeat=m - 1):
            if k % 2 and k > 1 and any(a == b == k for a, b in itertools.pairwise(hops)):
                continue
            chain = [start]
            for hop in hops:
                there = chain[-1] + hop
                chain.append(there % size if size else there)
            if all(c in free_set for c in chain) and len(set(chain)) == m:
                out.append(tuple(chain))
    return out


def solve(model: cp_model.CpModel) -> cp_model.CpSolver | None:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = 60
    status = solver.solve(model)
    assert status != cp_model.UNKNOWN, "the oracle ran out of time; make the case smaller"
    return solver if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None


def most_groups(down: np.ndarray, k: int, sizes: Sequence[int], weights: Sequence[int], closed: bool) -> int:
    """Return the largest total weight of disjoint chains of the given sizes."""
    model = cp_model.CpModel()
    free = [int(i) for i in np.flatnonzero(~down)]
    uses: dict[int, list[cp_model.IntVar]] = {i: [] for i in free}
    terms = []
    for size, weight in zip(sizes, weights, strict=True):
        for chain in chains(free, k, size, len(down) if closed else None):
            chosen = model.new_bool_var("")
            terms.append(weight * chosen)
            for node in chain:
                uses[node].append(chosen)
    for chosen_at in uses.values():
        model.add_at_most_one(chosen_at)
    model.maximize(sum(terms))
    solver = solve(model)
    assert solver is not None
    return round(solver.objective_value)


def least_pairs(healthy_PT: np.ndarray, k: int, m: int, wanted: int) -> int | None:
    """Return the least distinct (ToR, rank) pairs of `wanted` groups, each inside one row; None if they do not fit."""
    rows, tors = healthy_PT.shape
    model = cp_model.CpModel()
    pair = [[model.new_bool_var("") for _ in range(m)] for _ in range(tors)]
    chosen_all = []
    for row in range(rows):
        uses: dict[int, list[cp_model.IntVar]] = {t: [] for t in range(tors)}
        for chain in chains([int(t) for t in np.flatnonzero(healthy_PT[row])], k, m):
            chosen = model.new_bool_var("")
            chosen_all.append(chosen)
            for j, t in enumerate(chain):
                uses[t].append(chosen)
                model.add_implication(chosen, pair[t][j])
        for chosen_at in uses.values():
            model.add_at_most_one(chosen_at)
    model.add(sum(chosen_all) >= wanted)
    model.minimize(sum(sum(row) for row in pair))
    solver = solve(model)
    return None if solver is None else round(solver.objective_value)


def fewest_disturbed(down: np.ndarray, groups: Sequence[Sequence[int]], hit: int, k: int, closed: bool) -> int | None:
    """Return the fewest groups, besides the hit one, that must change so that all fit again; None if none can."""
    m = len(groups[0])
    model = cp_model.CpModel()
    size = len(down)
    free = [int(i) for i in np.flatnonzero(~down)]
    uses: dict[int, list[cp_model.IntVar]] = {i: [] for i in free}
    stays = []
    for index, group in enumerate(groups):
        if index == hit:
            continue
        stay = model.new_bool_var("")
        stays.append(stay)
        for node in group:
            uses[node].append(stay)
    made = []
    for chain in chains(free, k, m, size if closed else None):
        chosen = model.new_bool_var("")
        made.append(chosen)
        for node in chain:
            uses[node].append(chosen)
    for chosen_at in uses.values():
        model.add_at_most_one(chosen_at)
    model.add(sum(made) + sum(stays) == len(groups))
    model.maximize(sum(stays))
    solver = solve(model)
    return None if solver is None else len(stays) - round(solver.objective_value)
