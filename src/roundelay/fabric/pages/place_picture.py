"""A placement drawn over its ToRs: a column is a ToR, a row a sub-line, a colour a group."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from roundelay.fabric.placement.placement import Placement

WRAP_TORS = 128  # ToRs in one strip
MAX_STRIPS = 16
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
    figure = Figure(figsize=(11, 0.6 + shown * (0.28 * deployment.nodes_per_tor + 0.32)))
    axes = figure.subplots(shown, 1, squeeze=False)[:, 0]
    for strip, panel in enumerate(axes):
        first = strip * WRAP_TORS
        part = rows_PT[:, first : first + WRAP_TORS]
        panel.imshow(
            part, cmap=ListedColormap(COLOURS), vmin=0, vmax=len(COLOURS) - 1, aspect="auto", interpolation="none"
        )
        _edges(panel, edge_PT[:, first : first + WRAP_TORS])
        panel.set(yticks=[], xlim=(-0.5, min(WRAP_TORS, deployment.tors) - 0.5))
        ticks = range(0, part.shape[1], 16)
        panel.set_xticks(ticks, [str(first + t) for t in ticks], fontsize=7)
        panel.grid(visible=False)
    cut = f", the first {shown * WRAP_TORS:,} of {deployment.tors:,} ToRs" if shown < strips else ""
    jobs = ", ".join(f"{job.name}: {len(job.groups)} groups of TP-{job.tp}" for job in placement.jobs)
    axes[0].set_title(
        f"{jobs}{cut}. Columns are ToRs, rows sub-lines; red is down, grey is free", fontsize=9, loc="left"
    )
    figure.subplots_adjust(hspace=0.9)
    return figure


def _edges(panel: object, group_PT: np.ndarray) -> None:
    """Draw a line where one group ends and another begins."""
    row, column = np.nonzero(group_PT[:, 1:] != group_PT[:, :-1])
    panel.vlines(column + 0.5, row - 0.5, row + 0.5, color="white", lw=0.8)  # type: ignore[attr-defined]
