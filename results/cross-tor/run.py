"""Cross-ToR share against the fault ratio: python results/cross-tor/run.py

8,192 GPUs in 4-GPU nodes, TP-32; writes numbers.csv, cross-tor.svg and the tables of README.md.
"""

import sys
from itertools import product
from pathlib import Path

from roundelay.fabric.pages import cross_tor_page, pictures
from roundelay.fabric.placement.cross_tor import against_faults
from roundelay.fabric.topology.deployment import Deployment
from roundelay.files import replace_table, write_csv

HERE = Path(__file__).parent
RATIOS = [round(0.01 * i, 2) for i in range(11)]
REFERENCE_CASE, REFERENCE = (2, 0.85, 3), {0.05: 0.0, 0.07: 0.039, 0.10: 0.275}

rows = []
for per_tor, share, k in product((2, 4, 8), (0.85, 0.75), (2, 3)):
    rows += against_faults(Deployment.of(2048, 4, k, per_tor), 32, share, RATIOS, seeds=5)
    print(rows[-1], file=sys.stderr, flush=True)
write_csv(HERE / "numbers.csv", [row.as_dict() for row in rows], force=True)
pictures.save(cross_tor_page.figure(rows), HERE / "cross-tor.svg")
reference = cross_tor_page.reference_points([row for row in rows if row.case == REFERENCE_CASE], REFERENCE)
replace_table(HERE / "README.md", [*reference, "", *cross_tor_page.curves_table(rows)])
