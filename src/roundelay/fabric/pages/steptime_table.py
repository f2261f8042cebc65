"""Published step times beside ours as tables in Markdown, each with its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from roundelay.fabric.pages import markdown
from roundelay.fabric.pages.markdown import verdict
from roundelay.fabric.steptime.published import MEAN, MEAN_OF_CLASS, PublishedRow, class_errors, mean_error

# published; it knows no ZeRO 3, FP8 or mixtures
CALCULON = {"runs": "3.65%, worst 8.87%"}
HEADS = ("run", "theirs", "ours", "error", "used to calibrate", "verdict")


def by_set(tables: Mapping[str, Sequence[PublishedRow]]) -> list[str]:
    """Return the mean error by set and by class, of the rows that set no constant; beside Calculon's."""
    out = []
    for name, rows in tables.items():
        judged = [row for row in rows if not row.calibrates]
        if not judged:
            continue
        mean, worst, goal = mean_error(judged), max(abs(row.error) for row in judged), MEAN.get(name)
        out.append([name, f"{len(judged)} of {len(rows)}", f"{mean:.1%}", f"{worst:.1%}", CALCULON.get(name, "–"),
                    "–" if goal is None else f"{goal:.1%}: {verdict(mean <= goal)}"])  # fmt: skip
    for name, each in class_errors(row for rows in tables.values() for row in rows).items():
        goal = MEAN_OF_CLASS.get(name)
        out.append([f"class {name}", f"{each.rows}", f"{each.mean_ratio:.1%}", f"{each.worst_ratio:.1%}", "–",
                    "–" if goal is None else f"{goal:.1%}: {verdict(each.mean_ratio <= goal)}"])  # fmt: skip
    return markdown.table(("set", "rows not calibrated on", "mean error", "worst", "Calculon's", "goal"), out)


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
