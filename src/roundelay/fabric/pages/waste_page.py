"""Waste as tables in Markdown, beside closed forms and reference values, and the reference values as a figure."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from roundelay.fabric.pages import markdown, pictures
from roundelay.fabric.pages.markdown import verdict
from roundelay.fabric.waste.agreement import Agreement
from roundelay.fabric.waste.reference import ReferenceRow

BAR_WIDTH = 0.12


def agreement(rows: Sequence[Agreement]) -> list[str]:
    """Return how the simulation of each architecture agrees with its closed form, over about forty points."""
    heads = ("architecture", "points", "mean z", "largest abs z", "expected largest", "verdict")
    return markdown.table(
        heads,
        [
            [
                row.arch,
                str(row.points),
                f"{row.mean_z:+.2f}",
                f"{row.largest_z:.2f}",
                "about 2.4",
                "agree" if row.agrees else "DIFFER",
            ]
            for row in rows
        ],
    )


def reference(rows: Sequence[ReferenceRow]) -> list[str]:
    """Return every reference value beside ours."""
    heads = ("node, TP", "architecture", "theirs, %", "ours, %", "difference", "verdict")
    return markdown.table(
        heads,
        [
            [
                f"{row.gpus_per_node}-GPU, {row.tp}",
                row.arch,
                f"{row.theirs:g}",
                f"{row.ours:.3f}",
                f"{row.ours - row.theirs:+.3f}",
                verdict(row.held),
            ]
            for row in rows
        ],
    )


def reference_figure(rows: Sequence[ReferenceRow]) -> Figure:
    """Return ours as bars for each case and architecture, the reference values as black ticks."""
    figure = Figure(figsize=(9.5, 3.6))
    axes = figure.subplots()
    cases = list(dict.fromkeys((row.gpus_per_node, row.tp) for row in rows))
    names = list(dict.fromkeys(row.arch for row in rows))
    for i, name in enumerate(names):
        mine = [row for row in rows if row.arch == name]
        x = [case + (i - len(names) // 2) * BAR_WIDTH for case in range(len(cases))]
        axes.bar(x, [row.ours / 100 for row in mine], BAR_WIDTH, color=pictures.COLOURS[name], label=name)
        axes.plot(x, [row.theirs / 100 for row in mine], "k_", ms=7)
    axes.set(yscale="log", ylabel="waste, share of all GPUs", xticks=range(len(cases)))
    axes.set_xticklabels([f"{r}-GPU nodes\nTP-{tp}" for r, tp in cases])
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    return figure
