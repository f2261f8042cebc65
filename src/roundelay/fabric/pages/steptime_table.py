"""Published step times beside ours as tables in Markdown, each with its errors."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.fabric.pages import markdown
from roundelay.fabric.pages.markdown import verdict
from roundelay.fabric.steptime.published import MEAN, PublishedRow, mean_error

HEADS = ("run", "theirs", "ours", "error", "used to calibrate", "verdict")


def table(rows: Sequence[PublishedRow]) -> list[str]:
    """Return a published table's rows beside ours."""
    return markdown.table(HEADS, [_cells(row) for row in rows])


def _cells(row: PublishedRow) -> list[str]:
    points = f" ({row.mfu_points:+.1f} points of MFU)" if row.table == "llama" else ""
    calibrates = "yes" if row.calibrates else "no"
    error = f"{row.error:+.1%}{points}"
    return [row.name, f"{row.theirs:g} {row.unit}", f"{row.ours:.4g}", error, calibrates, verdict(row.held)]


def summary(rows: Sequence[PublishedRow]) -> str:
    """Return the mean and the worst error in a sentence, with the goal of the mean where the table has one."""
    goal = MEAN.get(rows[0].table)
    mean, worst = mean_error(rows), max(abs(row.error) for row in rows)
    held = "" if goal is None else f"; goal {goal:.1%}: {verdict(mean <= goal)}"
    return f"Mean error {mean:.2%}, worst {worst:.2%}{held}."
