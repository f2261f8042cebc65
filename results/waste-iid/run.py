"""Waste at independent faults, simulated and in closed form: python results/waste-iid/run.py

Writes numbers.csv, waste.svg and the table of README.md.
"""

from pathlib import Path

from roundelay.fabric.pages import pictures, waste_page
from roundelay.fabric.waste import sweeps
from roundelay.fabric.waste.agreement import agreement
from roundelay.fabric.waste.study import Study
from roundelay.files import replace_table, write_csv

HERE = Path(__file__).parent
RATIOS = [round(0.01 * i, 2) for i in range(11)]
CASES = ((16, 4), (32, 4), (64, 4), (32, 8))

rows = []
for case, (tp, r) in enumerate(CASES):
    study = Study(tp=tp, gpus_per_node=r, seeds=20)
    mine = []
    for i, ratio in enumerate(RATIOS):  # every point has seeds of its own, so that the points are independent
        mine += sweeps.sweep(study.with_(seed=1000 * (100 * case + i)), [ratio])
    rows += [{"tp": tp, "gpus_per_node": r, **row} for row in mine]
    if (tp, r) == (32, 4):
        pictures.save(pictures.against_ratio(mine, sweeps.curves(study, RATIOS), tp), HERE / "waste.svg")
lines = waste_page.agreement(agreement(rows))
write_csv(HERE / "numbers.csv", rows, force=True)
replace_table(HERE / "README.md", lines)
print("\n".join(lines))
