"""Waste at independent faults, simulated and in closed form: python results/waste-iid/run.py

Writes numbers.csv, waste.svg and the table of README.md.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from roundelay.fabric.pages import pictures
from roundelay.fabric.waste import sweeps
from roundelay.fabric.waste.study import Study
from roundelay.files import replace_table, write_csv

HERE = Path(__file__).parent
RATIOS = [round(0.01 * i, 2) for i in range(11)]
CASES = ((16, 4), (32, 4), (64, 4), (32, 8))


def main() -> None:
    rows: list[dict[str, Any]] = []
    for case, (tp, r) in enumerate(CASES):
        study = Study(tp=tp, gpus_per_node=r, seeds=20)
        mine: list[dict[str, Any]] = []
        for i, ratio in enumerate(RATIOS):  # every point has seeds of its own, so that the points are independent
            mine += sweeps.sweep(study.with_(seed=1000 * (100 * case + i)), [ratio])
        rows += [{"tp": tp, "gpus_per_node": r, **row} for row in mine]
        if (tp, r) == (32, 4):
            pictures.save(pictures.against_ratio(mine, sweeps.curves(study, RATIOS), tp), HERE / "waste.svg")
    write_csv(HERE / "numbers.csv", rows, force=True)
    scores: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["standard_error"] > 0:
            scores[row["arch"]].append((row["waste"] - row["closed_form"]) / row["standard_error"])
        else:
            assert abs(row["waste"] - row["closed_form"]) < 1e-12, row
    lines = [
        "| architecture | points | mean z | largest abs z | expected largest | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for arch, values in scores.items():
        largest, mean = max(map(abs, values)), sum(values) / len(values)
        verdict = "agree" if largest < 4 and abs(mean) < 3 / len(values) ** 0.5 else "DIFFER"
        lines.append(f"| {arch} | {len(values)} | {mean:+.2f} | {largest:.2f} | about 2.4 | {verdict} |")
    replace_table(HERE / "README.md", lines)
    print("\n".join(lines))


main()
