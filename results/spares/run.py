"""What single faults disturb, with and without spares, over the public trace: python results/spares/run.py TRACE

720 nodes of 4 GPUs, K=3, TP-32, three node orders; writes the table of README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from roundelay.fabric.control import spares
from roundelay.fabric.faults import trace
from roundelay.fabric.topology.deployment import Deployment
from roundelay.files import replace_table

HERE = Path(__file__).parent


def main(path: str) -> None:
    history = trace.read(path)
    lines = [
        "| nodes per ToR | re-placed between faults | spares | spare nodes | job, GPUs | faults in groups | one group touched | groups touched, mean | not rebuilt | goal 0.99 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for per_tor in (1, 2):
        deployment = Deployment.of(720, 4, 3, per_tor)
        events = [trace.on_fabric(history, deployment.ring.fabric, seed) for seed in range(3)]
        for replaced in (True, False):
            for row in spares.table(deployment, events, 32, replace=replaced, every=(0, 4, 2, 1)):
                goal = "–"
                if row.spare_every_groups == 2:
                    goal = "met" if row.one_group_share >= 0.99 else "MISSED"
                density = f"one in {row.spare_every_groups} groups" if row.spare_every_groups else "none"
                lines.append(
                    f"| {per_tor} | {'yes' if replaced else 'no'} | {density} | {row.spare_ratio:.1%} | {row.job_gpus:,} | {row.faults:,} "
                    f"| {row.one_group_share:.4f} | {row.mean_disturbed:.2f} | {row.unrepaired_share:.4f} | {goal} |"
                )
                print(lines[-1], flush=True)
    replace_table(HERE / "README.md", lines)


if __name__ == "__main__":
    main(sys.argv[1])
