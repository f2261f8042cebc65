"""Goodput drawn: each architecture's GPU-time as one bar of named terms."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from roundelay.fabric.goodput.goodput import TERMS, GoodputRow

TERM_COLOURS = {
    "goodput": "#2171b5",
    "below_peak": "#c6dbef",
    "checkpoint": "#fdd0a2",
    "lost": "#fdae6b",
    "restart": "#f16913",
    "detection": "#a63603",
    "waiting": "#dadaeb",
    "idle": "#9e9ac8",
    "topology": "#fb6a4a",
    "remainder": "#969696",
    "down": "#252525",
}


def figure(rows: Sequence[GoodputRow]) -> Figure:
    """Return two panels: all GPU-time with goodput first, and, larger, what is neither useful nor below peak."""
    made = Figure(figsize=(9.5, 1.4 + 0.62 * len(rows)), layout="constrained")
    whole, losses = made.subplots(2)
    names = [row.arch for row in rows]
    for axes, terms in ((whole, tuple(reversed(TERMS))), (losses, tuple(reversed(TERMS[:-2])))):
        left = [0.0] * len(rows)
        for term in terms:
            widths = [row.terms[term] for row in rows]
            axes.barh(names, widths, left=left, color=TERM_COLOURS[term], label=term.replace("_", " "))
            left = [a + b for a, b in zip(left, widths, strict=True)]
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
    for i, row in enumerate(rows):
        if row.note:
            continue
        whole.text(row.goodput / 2, i, f"{row.goodput:.1%}", ha="center", va="center", color="white", fontsize=8)
    whole.set(xlim=(0, 1), xlabel="share of all GPUs' peak over the history")
    losses.set(xlabel="share of GPU-time that is no useful work", xlim=(0, 1.05 * max(_lost(row) for row in rows) or 1))
    whole.legend(ncols=6, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    return made


def _lost(row: GoodputRow) -> float:
    """Return the largest bar worth drawing in full; a job that never fits would squeeze all others."""
    return 0.0 if row.note else 1 - row.availability
