"""Seeded small fabrics on which the fast planners are judged by the exact solvers of `oracles`.

A case returns (ours, optimum, our seconds, the solver's), or None where its seed gives none.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import oracles

from roundelay.errors import BadInput
from roundelay.fabric.pages import markdown
from roundelay.fabric.pages.markdown import verdict
from roundelay.fabric.placement import align, orchestrate, repair
from roundelay.fabric.placement.packing import capacity, pack
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment

HEADS = ("what", "cases", "equal to the optimum", "goal", "measured", "verdict", "ours, ms", "solver, ms", "ratio")
MEAN, WORST = 1.03, 1.25  # of the optimum, that alignment may reach
Judged = tuple[int, int, float, float]


def packing(seed: int) -> Judged:
    """Return (ours, optimum, our seconds, the solver's) of packing one size, or a large one first."""
    rng = np.random.default_rng(seed)
    n, k, m, closed = int(rng.integers(10, 25)), int(rng.integers(1, 4)), int(rng.integers(1, 4)), bool(rng.integers(2))
    k = min(k, (n - 1) // 2)
    down = rng.random(n) < rng.choice([0.05, 0.15, 0.3, 0.5])
    large = 0 if rng.random() < 0.5 else m + int(rng.integers(1, 3))
    started = time.perf_counter()
    most_large = capacity(down, k, large, closed) if large else 0
    small = 0
    while pack(down, k, closed, {large: most_large, m: small + 1}) is not None:
        small += 1
    spent = time.perf_counter() - started
    started = time.perf_counter()
    sizes, weights = ([large, m], [n, 1]) if large else ([m], [1])  # one large group is worth more than all small ones
    best = oracles.most_groups(down, k, sizes, weights, closed)
    return n * most_large + small, best, spent, time.perf_counter() - started


def alignment(seed: int) -> Judged | None:
    """Return (our pairs, least pairs, our seconds, the solver's) of an aligned placement."""
    rng = np.random.default_rng(seed)
    p, m, k = int(rng.integers(2, 5)), int(rng.integers(2, 4)), int(rng.integers(2, 4))
    tors = int(rng.integers(6, 11))
    healthy = rng.random((p, tors)) >= rng.choice([0.02, 0.05, 0.1, 0.2, 0.3])
    most = sum(len(orchestrate.cut(~row, k, m, closed=False)) for row in healthy)
    if not most:
        return None
    wanted = int(rng.integers(1, most + 1)) if seed % 2 else max(1, int(most * rng.uniform(0.6, 1)))
    started = time.perf_counter()
    found = align.align_groups(healthy, k, m, wanted)
    spent = time.perf_counter() - started
    started = time.perf_counter()
    best = oracles.least_pairs(healthy, k, m, wanted)
    if found is None or best is None:
        assert found is None and best is None, seed
        return None
    return align.cost(found[1]), best, spent, time.perf_counter() - started


def repairing(seed: int) -> Judged | None:
    """Return (other groups disturbed, fewest possible, our seconds, the solver's) after one fault; -1 is impossible."""
    rng = np.random.default_rng(seed)
    n, k, m, closed = int(rng.integers(14, 31)), int(rng.integers(1, 4)), int(rng.integers(2, 5)), bool(rng.integers(2))
    deployment = Deployment.of(n, 4, k, closed=closed)
    down = tuple(int(x) for x in np.flatnonzero(rng.random(n) < rng.choice([0, 0.05, 0.15, 0.25])))
    empty = Placement(deployment, (), down)
    most = orchestrate.capacity(deployment, orchestrate.free_mask(empty), 4 * m)
    if not most:
        return None
    groups = int(rng.integers(1, most + 1)) if rng.random() < 0.7 else most
    try:
        placed, _ = orchestrate.place(empty, 4 * m, 4 * m * groups, spare_every=int(rng.integers(0, 3)))
    except BadInput:
        return None
    job = placed.job()
    hit = int(rng.integers(len(job.groups)))
    node = job.groups[hit][int(rng.integers(m))]
    started = time.perf_counter()
    try:
        ours = repair.repair(placed, [node]).disturbed - 1
    except BadInput:
        ours = -1
    spent = time.perf_counter() - started
    mask = placed.down_mask()
    mask[node] = True
    started = time.perf_counter()
    best = oracles.fewest_disturbed(mask, job.groups, hit, k, closed)
    return ours, -1 if best is None else best, spent, time.perf_counter() - started


def collect(case: Callable[[int], Judged | None], wanted: int) -> np.ndarray:
    """Return [wanted, 4] of the first seeds that give a case."""
    out, seed = [], 0
    while len(out) < wanted:
        row = case(seed)
        seed += 1
        if row is not None:
            out.append(row)
    return np.array(out)


def line(name: str, table: np.ndarray) -> str:
    """Return the cases of `collect` [n, 4] as a line under HEADS; alignment may be a little off, the others not."""
    ours, best = table[:, 0], table[:, 1]
    equal, cases = int((ours == best).sum()), len(table)
    goal, shown, met = "all equal", f"{equal} of {cases}", equal == cases
    if name == "alignment":
        mean, worst = (ours / best).mean(), (ours / best).max()
        goal, shown = f"{MEAN}x on average, {WORST}x at worst", f"{mean:.4f}x, {worst:.3f}x"
        met = mean <= MEAN and worst <= WORST
    same = table[ours == best]
    our_ms, their_ms = 1e3 * np.median(table[:, 2]), 1e3 * np.median(table[:, 3])
    ratio = np.median(same[:, 3] / same[:, 2])
    return markdown.row(
        [name, cases, equal, goal, shown, verdict(met), f"{our_ms:.2f}", f"{their_ms:.1f}", f"{ratio:.0f}"]
    )


CASES: dict[str, Callable[[int], Judged | None]] = {"packing": packing, "alignment": alignment, "repair": repairing}
