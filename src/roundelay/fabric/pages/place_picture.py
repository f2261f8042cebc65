"""A placement drawn over its ToRs: a column is a ToR, a row a sub-line, a colour a group, which bears its number."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from roundelay.fabric.placement.placement import Placement

INK = ("white", "black")  # on the dark colours, and on the light ones between them
WRAP_TORS = 128  # ToRs in one strip
MAX_STRIPS = 16
WIDTH_INCH = 11.0
STRIP_INCH = 8.5  # of the panel, beside its names
LABEL_POINTS = 6.5
LETTER_INCH = 0.062  # a digit of a label
MAX_LABELS = 1500  # numbers that can still be read, and drawn in a few seconds
# free, down, and a dark and a light one by turns for the groups
COLOURS = ["#f2f2f2", "#cb181d", "#2171b5", "#6baed6", "#238b45", "#74c476", "#807dba", "#bcbddc", "#d94801", "#fdae6b"]


def picture(placement: Placement) -> Figure:
    """Return the placement as strips of ToRs; equal ranks of aligned groups stand in one column.

    A fabric of more than sixteen strips is cut, and the title says so.
    """
    deployment = placement.deployment
    group_N = placement.group_of()
    shade = np.where(group_N >= 0, 2 + group_N % (len(COLOURS) - 2), 0)
    shade[placement.down_mask()] = 1
    rows_PT = deployment.rows(shade)
    edge_PT = deployment.rows(group_N)
    strips = -(-deployment.tors // WRAP_TORS)
    shown = min(strips, MAX_STRIPS)
    figure = Figure(figsize=(WIDTH_INCH, 0.8 + shown * (0.28 * deployment.nodes_per_tor + 0.4)))
    axes = figure.subplots(shown, 1, squeeze=False)[:, 0]
    names, labels = group_labels(placement), 0
    for strip, panel in enumerate(axes):
        first = strip * WRAP_TORS
        part = rows_PT[:, first : first + WRAP_TORS]
        panel.imshow(
            part, cmap=ListedColormap(COLOURS), vmin=0, vmax=len(COLOURS) - 1, aspect="auto", interpolation="none"
        )
        _edges(panel, edge_PT[:, first : first + WRAP_TORS])
        columns = min(WRAP_TORS, deployment.tors)
        labels += _numbers(
            panel, edge_PT[:, first : first + WRAP_TORS], names, STRIP_INCH / columns, MAX_LABELS - labels
        )
        panel.set(xlim=(-0.5, columns - 0.5))
        panel.set_yticks(range(deployment.nodes_per_tor), [str(p) for p in range(deployment.nodes_per_tor)], fontsize=7)
        panel.set_ylabel("sub-line", fontsize=8)
        ticks = range(0, part.shape[1], 16)
        panel.set_xticks(ticks, [str(first + t) for t in ticks], fontsize=7)
        panel.grid(visible=False)
    axes[-1].set_xlabel("ToR", fontsize=8)
    cut = f", the first {shown * WRAP_TORS:,} of {deployment.tors:,} ToRs" if shown < strips else ""
    jobs = ", ".join(f"{job.name}: {len(job.groups)} groups of TP-{job.tp}" for job in placement.jobs)
    axes[0].set_title(f"{jobs}{cut}. A number is a group's; red is down, grey is free", fontsize=9, loc="left")
    figure.subplots_adjust(hspace=0.9)
    return figure


def group_labels(placement: Placement) -> list[str]:
    """Return each group's label in the order of `Placement.group_of`: its number in its job, after the job's name where
    there are several.
    """
    several = len(placement.jobs) > 1
    return [f"{job.name} {i}" if several else str(i) for job in placement.jobs for i in range(len(job.groups))]


def _numbers(panel: object, group_PT: np.ndarray, names: list[str], cell_inch: float, most: int) -> int:
    """Write the group's label into every run of its nodes that is wide enough, at most so many; return how many.

    Where a job's name does not fit the number alone is written.
    """
    done = 0
    for row, line in enumerate(group_PT):
        starts = np.flatnonzero(np.diff(line, prepend=-2))
        for start, end in zip(starts, [*starts[1:], len(line)], strict=True):
            if line[start] < 0 or done >= most:
                continue
            label, room = names[line[start]], (end - start) * cell_inch
            fitting = next((text for text in (label, label.split(" ")[-1]) if len(text) * LETTER_INCH <= room), None)
            if fitting is not None:
                middle = (start + end - 1) / 2
                panel.text(  # type: ignore[attr-defined]
                    middle,
                    row,
                    fitting,
                    fontsize=LABEL_POINTS,
                    color=INK[int(line[start]) % 2],
                    ha="center",
                    va="center",
                )
                done += 1
    return done


def _edges(panel: object, group_PT: np.ndarray) -> None:
    """Draw a line where one group ends and another begins."""
    row, column = np.nonzero(group_PT[:, 1:] != group_PT[:, :-1])
    panel.vlines(column + 0.5, row - 0.5, row + 0.5, color="white", lw=0.8)  # type: ignore[attr-defined]
