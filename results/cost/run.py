"""The paper's cost table and its two sentences on NVL-72: python results/cost/run.py

Writes numbers.json, cost.svg and the tables of README.md. A verdict is computed, never written by hand.
"""

import json
import tomllib
from pathlib import Path

from roundelay.fabric.cost.cost import CostStudy
from roundelay.fabric.cost.fibres import FloorPlan
from roundelay.fabric.pages import cost_pictures, cost_table, pictures
from roundelay.files import replace_table

HERE = Path(__file__).parent
RATIOS = [0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1]

theirs = tomllib.loads((HERE / "published.toml").read_text(encoding="utf-8"))
study = CostStudy(against="nvl-72")
rows, aggregate, sensitivity = study.rows(), study.aggregate(RATIOS), study.sensitivity()
lines = cost_table.published({row["arch"]: row for row in rows}, theirs)
lines += ["", "Interconnect and wasted GPUs, USD per installed GPU (2,880 GPUs, TP-32, a GPU at USD 25,000):", ""]
lines += [*cost_table.aggregate(aggregate, list(theirs["table"])), "", *cost_table.deciding(sensitivity)]
numbers = {"rows": rows, "aggregate": aggregate, "sensitivity": sensitivity}
(HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
replace_table(HERE / "README.md", lines)
panels = [
    ("bills", list(study.catalogue.bills.values())),
    ("aggregate", aggregate),
    ("sensitivity", CostStudy(arch="infinitepod-k2,nvl-72", against="nvl-72").sensitivity()),
    ("fibres", CostStudy(arch="infinitepod-k2,infinitepod-k3").fibres(FloorPlan())),
]
pictures.save(cost_pictures.figure(panels), HERE / "cost.svg")
print("\n".join(lines))
