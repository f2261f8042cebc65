"""Published step times beside ours: python results/steptime/run.py

Writes the tables of README.md and the errors that step times are shown with (specs/step-errors.toml). Exits with 1
where a row or a mean misses its tolerance.
"""

import sys
from pathlib import Path

from roundelay.fabric.pages import steptime_table
from roundelay.fabric.steptime import accuracy
from roundelay.fabric.steptime.published import MEAN, MEAN_OF_CLASS, PublishedRuns, class_errors, mean_error
from roundelay.fabric.steptime.published_2025 import LatestRuns
from roundelay.fabric.steptime.published_fsdp import FsdpRuns
from roundelay.files import replace_table, write_text

HERE = Path(__file__).parent

runs = PublishedRuns.read(HERE / "published.toml")
fsdp, latest = FsdpRuns.read(HERE / "published-fsdp.toml"), LatestRuns.read(HERE / "published-2025.toml")
tables = runs.all() | fsdp.all() | latest.all()
sources = {name: runs.source.get(name) or fsdp.source(name) or latest.source(name) for name in tables}
lines, held = steptime_table.by_set(tables), True
for name, rows in tables.items():
    judged = [row for row in rows if name == "layers" or not row.calibrates]
    lines += ["", f"**{sources[name]}**", "", *steptime_table.table(rows), "", steptime_table.summary(judged)]
    held &= all(row.held for row in rows) and mean_error(judged) <= MEAN.get(name, 1)
found = class_errors(row for rows in tables.values() for row in rows)
held &= all(found[name].mean_ratio <= goal for name, goal in MEAN_OF_CLASS.items())
replace_table(HERE / "README.md", lines)
write_text(accuracy.PATH, accuracy.text(found), force=True)
print("\n".join(lines))
sys.exit(0 if held else 1)
