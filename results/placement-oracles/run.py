"""The fast planners against exact solvers on seeded small fabrics: python results/placement-oracles/run.py [CASES]

Packing, alignment and repair, each against OR-tools CP-SAT (tests/fabric/oracles.py). Writes the table of README.md.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "fabric"))

import oracles  # noqa: E402

from roundelay.errors import BadInput  # noqa: E402
from roundelay.fabric.placement import align, orchestrate, repair  # noqa: E402
from roundelay.fabric.placement.placement import Placement  # noqa: E402
from roundelay.fabric.topology.deployment import Deployment  # noqa: E402
from roundelay.files import replace_table  # noqa: E402


def packing(seed: int) -> tuple[int, int, float, float]:
    """Return (ours, optimum, our seconds, the solver's) of packing one size, or two that divide each other."""
    rng = np.random.default_rng(seed)
    n, k, m, closed = int(rng.integers(10, 25)), int(rng.integers(1, 4)), int(rng.integers(1, 4)), bool(rng.integers(2))
    deployment = Deployment.of(n, 4, min(k, (n - 1) // 2), closed=closed)
    down = rng.random(n) < rng.choice([0.05, 0.15, 0.3, 0.5])
    sizes = [m] if rng.random() < 0.5 else [2 * m, m]
    started = time.perf_counter()
    free = ~down
    packed = orchestrate.pack(deployment, free, [(4 * size, n) for size in sizes])
    spent = time.perf_counter() - started
    ours = sum(size * len(groups) for size, groups in zip(sizes, packed, strict=True))
    started = time.perf_counter()
    best = oracles.most_groups(down, deployment.ring.k, sizes, sizes, closed)
    return ours, best, spent, time.perf_counter() - started


def alignment(seed: int) -> tuple[int, int, float, float] | None:
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


def repairing(seed: int) -> tuple[int, int, float, float] | None:
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


def collect(case, wanted: int) -> np.ndarray:
    """Return [wanted, 4] of the first seeds that give a case."""
    out, seed = [], 0
    while len(out) < wanted:
        row = case(seed)
        seed += 1
        if row is not None:
            out.append(row)
    return np.array(out)


def main(cases: int) -> None:
    lines = [
        "| what | cases | equal to the optimum | goal | measured | verdict | ours, ms | solver, ms | ratio |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, case in (("packing", packing), ("alignment", alignment), ("repair", repairing)):
        table = collect(case, cases)
        ours, best = table[:, 0], table[:, 1]
        equal = int((ours == best).sum())
        if name == "alignment":
            ratio = ours / best
            goal, shown = "1.03x on average, 1.25x at worst", f"{ratio.mean():.4f}x, {ratio.max():.3f}x"
            met = ratio.mean() <= 1.03 and ratio.max() <= 1.25
        else:
            goal, shown, met = "all equal", f"{equal} of {cases}", equal == cases
        same = table[ours == best]
        speed = np.median(same[:, 3] / same[:, 2])
        lines.append(
            f"| {name} | {cases} | {equal} | {goal} | {shown} | {'met' if met else 'MISSED'} | "
            f"{1e3 * np.median(table[:, 2]):.2f} | {1e3 * np.median(table[:, 3]):.1f} | {speed:.0f} |"
        )
        print(lines[-1], flush=True)
    replace_table(HERE / "README.md", lines)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
