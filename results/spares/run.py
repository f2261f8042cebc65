"""What single faults disturb, with and without spares, over the public trace: python results/spares/run.py TRACE

720 nodes of 4 GPUs, K=3, TP-32, three node orders; writes the table of README.md.
"""

import sys
from itertools import product
from pathlib import Path

from roundelay.fabric.control import spares
from roundelay.fabric.faults import trace
from roundelay.fabric.pages import markdown, spares_table
from roundelay.fabric.topology.deployment import Deployment
from roundelay.files import replace_table

HERE = Path(__file__).parent

history = trace.read(sys.argv[1])
lines = markdown.table(spares_table.HEADS, [])
for per_tor, replaced in product((1, 2), (True, False)):
    deployment = Deployment.of(720, 4, 3, per_tor)
    events = [trace.on_fabric(history, deployment.ring.fabric, seed) for seed in range(3)]
    for row in spares.table(deployment, events, 32, replace=replaced, every=(0, 4, 2, 1)):
        lines.append(markdown.row(spares_table.cells(per_tor, replaced, row)))
        print(lines[-1], flush=True)
replace_table(HERE / "README.md", lines)
