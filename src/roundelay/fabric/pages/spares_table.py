"""What spare nodes do to single faults, as a table in Markdown."""

from __future__ import annotations

from roundelay.fabric.control.spares import SpareRow
from roundelay.fabric.pages.markdown import verdict

HEADS = ("nodes per ToR", "re-placed between faults", "spares", "spare nodes", "job, GPUs", "faults in groups",
         "one group touched", "groups touched, mean", "not rebuilt", "goal 0.99")  # fmt: skip
GOAL, JUDGED_EVERY = 0.99, 2  # one spare per two groups confines this share of the faults to their group


def cells(nodes_per_tor: int, replaced: bool, row: SpareRow) -> list[str]:
    """Return a row of the statistic under HEADS; `replaced` says that the job is placed anew before each fault."""
    every = row.spare_every_groups
    return [
        str(nodes_per_tor),
        "yes" if replaced else "no",
        f"one in {every} groups" if every else "none",
        f"{row.spare_ratio:.1%}",
        f"{row.job_gpus:,}",
        f"{row.faults:,}",
        f"{row.one_group_share:.4f}",
        f"{row.mean_disturbed:.2f}",
        f"{row.unrepaired_share:.4f}",
        verdict(row.one_group_share >= GOAL) if every == JUDGED_EVERY else "–",
    ]
