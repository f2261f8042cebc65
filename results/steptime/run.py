"""Published step times beside ours: python results/steptime/run.py

Writes the tables of README.md. Exits with 1 where a row misses its tolerance.
"""

import sys
from pathlib import Path

from roundelay.fabric.pages import steptime_table
from roundelay.fabric.steptime.published import MEAN, PublishedRuns, mean_error
from roundelay.files import replace_table

HERE = Path(__file__).parent

runs = PublishedRuns.read(HERE / "published.toml")
lines, held = [], True
for name, rows in runs.all().items():
    judged = [row for row in rows if name != "runs" or not row.calibrates]
    lines += ["", f"**{runs.source[name]}**", "", *steptime_table.table(rows), "", steptime_table.summary(judged)]
    held &= all(row.held for row in rows) and mean_error(judged) <= MEAN.get(name, 1)
replace_table(HERE / "README.md", lines)
print("\n".join(lines))
sys.exit(0 if held else 1)
