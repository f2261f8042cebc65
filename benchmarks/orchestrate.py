"""How placing and repairing grow: python benchmarks/orchestrate.py

Full search of a job of 85 % of the GPUs, TP-32, K=3, then the repair of single faults; CPU seconds, compiled code warm,
medians. Then alignment beside OR-tools CP-SAT where CP-SAT still answers. Writes orchestrate.md beside this file.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from roundelay.fabric.placement import align, orchestrate
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.placement.repair import repair
from roundelay.fabric.topology.deployment import Deployment

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests" / "fabric"))
SIZES = (2_560, 25_600, 256_000)  # nodes: 10k, 100k and 1M GPUs
GOALS_S = {25_600: 0.3, 256_000: 3.0}
REPAIR_GOAL_MS = 10


def placed(nodes: int, per_tor: int, ratio: float, seed: int = 1) -> tuple[float, Placement, float]:
    """Return (CPU seconds, placement, cross-ToR share) of a full search."""
    down = np.flatnonzero(np.random.default_rng(seed).random(nodes) < ratio)
    empty = Placement(Deployment.of(nodes, 4, 3, per_tor), (), tuple(int(n) for n in down))
    started = time.process_time()
    done, score = orchestrate.place(empty, 32, int(nodes * 4 * 0.85) // 32 * 32)
    return time.process_time() - started, done, score.cross_tor


def repairs(base: Placement, count: int = 5) -> float:
    """Return the median CPU milliseconds of repairing one fault: finding the moves and checking the new placement."""
    rng = np.random.default_rng(2)
    groups = base.job().groups
    spent = []
    for _ in range(count):
        node = groups[int(rng.integers(len(groups)))][int(rng.integers(8))]
        started = time.process_time()
        repair(base, [node])
        spent.append(1e3 * (time.process_time() - started))
    return statistics.median(spent)


def beside_solver(cases: int = 12) -> list[tuple[int, int, int, int, float, float]]:
    """Return (rows, ToRs, our pairs, the solver's, our seconds, the solver's) of growing alignment cases."""
    import oracles

    out = []
    for seed in range(cases):
        rng = np.random.default_rng(seed)
        tors = 10 + 2 * seed
        healthy = rng.random((2, tors)) >= 0.1
        most = sum(len(orchestrate.cut(~row, 3, 4, closed=False)) for row in healthy)
        wanted = max(1, int(most * 0.8))
        started = time.process_time()
        found = align.align_groups(healthy, 3, 4, wanted)
        ours_s = time.process_time() - started
        started = time.process_time()
        best = oracles.least_pairs(healthy, 3, 4, wanted)
        assert found is not None and best is not None
        out.append((2, tors, align.cost(found[1]), best, ours_s, time.process_time() - started))
    return out


def main() -> None:
    from fabric_waste import processor

    placed(256, 2, 0.05)
    lines = [
        "# Placing and repairing, 10k to 1M GPUs",
        "",
        f"`python benchmarks/orchestrate.py`, {date.today()}, {platform.machine()}, {processor()}, Python "
        f"{platform.python_version()}, one core; CPU seconds, compiled code warm. A job of 85 % of the GPUs, TP-32, K=3.",
        "",
        "| GPUs | nodes per ToR | faults | search, s | per node, us | goal, s | verdict | cross-ToR | repair, ms | goal, ms | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for nodes in SIZES:
        for per_tor, ratio in ((2, 0.05), (2, 0.1), (8, 0.05), (8, 0.1)):
            runs = [placed(nodes, per_tor, ratio) for _ in range(3)]
            spent = statistics.median(run[0] for run in runs)
            repair_ms = repairs(runs[0][1])
            goal = GOALS_S.get(nodes)
            verdict = "–" if goal is None else "met" if spent <= goal else "MISSED"
            quick = "met" if repair_ms <= REPAIR_GOAL_MS else "MISSED"
            lines.append(
                f"| {4 * nodes:,} | {per_tor} | {ratio:.0%} | {spent:.3f} | {1e6 * spent / nodes:.1f} | {goal or '–'} | {verdict} "
                f"| {runs[0][2]:.3f} | {repair_ms:.1f} | {REPAIR_GOAL_MS} | {quick} |"
            )
            print(lines[-1], flush=True)
    table = beside_solver()
    lines += [
        "",
        "| rows x ToRs | pairs, ours | pairs, CP-SAT | ours, ms | CP-SAT, ms | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for rows, tors, ours, best, ours_s, best_s in table:
        lines.append(
            f"| {rows} x {tors} | {ours} | {best} | {1e3 * ours_s:.1f} | {1e3 * best_s:.0f} | {best_s / ours_s:.0f} |"
        )
    equal = [best_s / ours_s for _, _, ours, best, ours_s, best_s in table if ours == best]
    ratio = statistics.median(equal)
    lines += [
        "",
        f"At equal answers ({len(equal)} of {len(table)}) the median ratio is {ratio:.0f}; goal 50: {'met' if ratio >= 50 else 'MISSED'}.",
        "",
    ]
    (HERE / "orchestrate.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines[-16:]))


if __name__ == "__main__":
    main()
