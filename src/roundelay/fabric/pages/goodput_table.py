"""Goodput as tables in Markdown: simulation beside the closed form, a published run beside ours, shares of GPU-time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from roundelay.fabric.goodput.goodput import (
    DAY_S,
    TERMS,
    CheckpointedJob,
    GoodputRow,
    best_interval_s,
    expected_availability,
)
from roundelay.fabric.goodput.renewal import RenewalRow
from roundelay.fabric.pages import markdown

SHOWN = [term for term in TERMS if term != "below_peak"]


def renewal(rows: Iterable[RenewalRow], histories: int) -> list[str]:
    """Return the simulation beside the closed form; they agree where they lie within three standard errors."""
    head = "mean time between faults | interval, s | closed form | simulated, {} histories | z | verdict"
    return markdown.table(
        head.format(histories).split(" | "),
        [
            [
                f"{row.mtbf_s / 3600:g} h",
                f"{row.interval_s:.0f}",
                f"{row.expected:.4f}",
                f"{row.simulated:.4f} ± {row.standard_error:.4f}",
                f"{row.z:+.2f}",
                "agree" if abs(row.z) < 3 else "DIFFER",
            ]
            for row in rows
        ],
    )


def published_run(name: str, job: CheckpointedJob, *, days: float, faults: int, effective: float) -> list[str]:
    """Return the availability of a job under the faults of a published run, beside what the run reports at least."""
    mtbf_s = days * DAY_S / faults
    ours = expected_availability(job, mtbf_s, best_interval_s(job.checkpoint_s, mtbf_s))
    held = "met" if ours > effective else f"MISSED by {100 * (effective - ours):.1f} points"
    cells = [name, f"one in {mtbf_s / 3600:.2f} h", f"over {100 * effective:.0f} %", f"{ours:.1%}", held]
    return markdown.table(("run", "faults", "theirs", "ours, by the defaults", "verdict"), [cells])


def shares(rows: Sequence[GoodputRow]) -> list[str]:
    """Return each architecture's shares of all GPU-time in per cent, and how often a day its job stops."""
    return markdown.table(
        ["architecture", *SHOWN, "stops a day"],
        [
            [row.arch, *(f"{100 * row.terms[term]:.2f}" for term in SHOWN), f"{row.interruptions_per_day:.2f}"]
            for row in rows
        ],
    )
