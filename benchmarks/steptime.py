"""How fast steps are timed and searched: python benchmarks/steptime.py

Evaluations a second on one core, as one grid and one by one; whole searches from 1k to 131k GPUs beside the number of
configurations that divide. CPU seconds, warm, medians of three. Writes steptime.md beside this file.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from roundelay.fabric.steptime import candidates
from roundelay.fabric.steptime.search import search_scenario
from roundelay.fabric.steptime.steptime import evaluate, scenario_of, step_time

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
GOAL_PER_S, GOAL_S = 20_000, 5.0
CHUNK = 16_384


def spent(work: Callable[[], object], times: int = 3) -> float:
    """Return the median CPU seconds of the work."""
    out = []
    for _ in range(times):
        started = time.process_time()
        work()
        out.append(time.process_time() - started)
    return statistics.median(out)


def main() -> None:
    from fabric_waste import processor

    scenario = scenario_of("llama3-405b", 8192, 2048, "h100", "infinitepod-k3")
    outer = candidates.outer(scenario, 16384, {})
    grid = candidates.inner(scenario, outer, {})
    part = grid.take(np.arange(CHUNK))
    grid_s = spent(lambda: evaluate(scenario, part)) / CHUNK
    rows = [grid.row(index, scenario.seq, scenario.global_batch) for index in range(0, len(grid), len(grid) // 200)]
    single_s = spent(lambda: [step_time(scenario.model, p, job, links=scenario.links) for p, job in rows]) / len(rows)
    lines = [
        "# Timing steps and searching",
        "",
        f"`python benchmarks/steptime.py`, {date.today()}, {platform.machine()}, {processor()}, Python "
        f"{platform.python_version()}, one core of a shared machine; CPU seconds, warm, medians of three.",
        "",
        "| what | evaluations a second | goal | verdict |",
        "|---|---|---|---|",
        f"| a grid of {CHUNK:,} | {1 / grid_s:,.0f} | {GOAL_PER_S:,} | {'met' if 1 / grid_s >= GOAL_PER_S else 'MISSED'} |",
        f"| one by one, `step_time` | {1 / single_s:,.0f} | – | – |",
        "",
        f"Calculon takes 2 to 8 ms an evaluation (the issue's figure): ours in a grid is {2e-3 / grid_s:,.0f} to {8e-3 / grid_s:,.0f} times as fast.",
        "",
        "| model | fabric | GPUs | divide (outer) | divide (all) | timed | search, s | us a dividing configuration | goal, s | verdict |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for model, seq in (("llama3-405b", 8192), ("gpt-moe-1.1t", 2048)):
        for fabric in ("infinitepod-k3", "dgx"):
            for gpus in (1024, 8192, 131072):
                each = scenario_of(model, seq, 2048, "h100", fabric)
                found = search_scenario(each, gpus, {})
                count = len(candidates.inner(each, candidates.outer(each, gpus, {}), {}))
                took = spent(lambda each=each, gpus=gpus: search_scenario(each, gpus, {}))
                verdict = "met" if took <= GOAL_S else "MISSED"
                lines.append(
                    f"| {model} | {fabric} | {gpus:,} | {found.outer:,} | {count:,} | {found.timed:,} | {took:.3f} "
                    f"| {1e6 * took / count:.2f} | {GOAL_S:g} | {verdict} |"
                )
                print(lines[-1], flush=True)
    (HERE / "steptime.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
