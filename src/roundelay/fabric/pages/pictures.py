"""Plots of the fabric's answers, as matplotlib figures; `svg` makes one fit to stand inside a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from roundelay.fabric.faults.distribution import Distribution
from roundelay.fabric.topology.topology import segments

matplotlib.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "roundelay",
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "figure.facecolor": "white",
    }
)

COLOURS = {
    "big-switch": "#222222",
    "infinitepod-k1": "#9ecae1",
    "infinitepod-k2": "#2171b5",
    "infinitepod-k3": "#08306b",
    "nvl-36": "#a1d99b",
    "nvl-72": "#238b45",
    "nvl-576": "#74c476",
    "tpuv4-subblock": "#fd8d3c",
    "tpuv4-cube": "#a63603",
    "sip-ring": "#9e9ac8",
    "dgx": "#969696",
}
FLOOR = 1e-4  # waste below this ratio is drawn at it on logarithmic axes


def svg(figure: Figure, title: str) -> str:
    """Return the figure as an inline SVG element with an accessible title."""
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None, "Title": title})
    body = text.getvalue()
    return body[body.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the form that the file's ending names."""
    figure.savefig(path, dpi=150, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)


def _legend(axes: Any) -> None:
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)


def over_time(waste_by_arch: Mapping[str, np.ndarray], starts_days: np.ndarray, end_days: float) -> Figure:
    """Return waste ratio [E+1] of each architecture over one history whose states begin at `starts_days` [E+1]."""
    figure = Figure(figsize=(9.5, 3.4))
    axes = figure.subplots()
    times = np.append(starts_days, end_days)
    for name, waste in waste_by_arch.items():
        held = np.append(waste, waste[-1])
        axes.step(times, np.maximum(held, FLOOR), where="post", lw=1.1, label=name, color=COLOURS.get(name))
    axes.set(yscale="log", xlabel="day", ylabel="waste, share of all GPUs", xlim=(0, end_days))
    _legend(axes)
    return figure


def distribution(spreads: Mapping[str, Distribution], gpus: int) -> Figure:
    """Return, per architecture, the share of time in which waste exceeds a value."""
    figure = Figure(figsize=(9.5, 3.4))
    axes = figure.subplots()
    for name, spread in spreads.items():
        above = 1 - np.cumsum(spread.share)
        waste = np.maximum(spread.values / gpus, FLOOR)
        axes.step(waste, np.maximum(above, 1e-6), where="post", lw=1.6, label=name, color=COLOURS.get(name))
    axes.set(
        xscale="log", yscale="log", ylim=(1e-4, 1.1), xlabel="waste, share of all GPUs", ylabel="share of time above"
    )
    _legend(axes)
    return figure


def against_ratio(
    rows: Sequence[Mapping[str, Any]], curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], tp: int
) -> Figure:
    """Return waste against the fault ratio: points with two standard errors, closed forms as lines through them."""
    figure = Figure(figsize=(9.5, 4.2))
    axes = figure.subplots()
    for name in dict.fromkeys(row["arch"] for row in rows):
        mine = [row for row in rows if row["arch"] == name]
        x = [row["fault_ratio"] for row in mine]
        colour = COLOURS.get(name)
        spread = [2 * row["standard_error"] for row in mine]
        axes.errorbar(x, [row["waste"] for row in mine], spread, fmt="o", ms=3.5, lw=1, color=colour, label=name)
        if name in curves:
            axes.plot(*curves[name], lw=1.1, color=colour)
    axes.set(xlabel="node fault ratio", ylabel=f"waste at TP-{tp}, share of all GPUs", ylim=(0, 1))
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_yticks([0, 0.005, 0.01, 0.05, 0.1, 0.5, 1], ["0", "0.005", "0.01", "0.05", "0.1", "0.5", "1"])
    _legend(axes)
    return figure


def waiting(usable: Mapping[str, Distribution], gpus: int) -> Figure:
    """Return the share of time a job must wait, against its share of the GPUs."""
    figure = Figure(figsize=(9.5, 3.4))
    axes = figure.subplots()
    shares = np.linspace(0.5, 1, 201)
    for name, spread in usable.items():
        waits = [spread.below(share * gpus) for share in shares]
        axes.plot(shares, waits, lw=1.6, label=name, color=COLOURS.get(name))
    axes.set(xlabel="job, share of all GPUs", ylabel="share of time it must wait", ylim=(-0.02, 1.02), xlim=(0.5, 1))
    _legend(axes)
    return figure


def ring(down_N: np.ndarray, k: int, group_nodes: int) -> Figure:
    """Return the K-hop ring seen from above: groups in colour, faults in red, the fibres that bypass them as arcs."""
    n = len(down_N)
    figure = Figure(figsize=(6.6, 6.6))
    axes = figure.subplots()
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    x, y = np.cos(angle), np.sin(angle)
    shades = ["#2171b5", "#6baed6", "#238b45", "#74c476", "#807dba", "#bcbddc"]
    axes.scatter(x, y, s=46, color="#d9d9d9", zorder=3, label="healthy, in no group")
    for node in range(n):
        _link(axes, angle[node], angle[(node + 1) % n], False, "#d9d9d9", 0.8)
    drawn = 0
    for segment in segments(down_N, k, closed=True):
        for start in range(0, len(segment) - group_nodes + 1, group_nodes):
            group = segment[start : start + group_nodes]
            colour = shades[drawn % len(shades)]
            drawn += 1
            axes.scatter(x[group], y[group], s=46, color=colour, zorder=4)
            for a, b in pairwise(group):
                _link(axes, angle[a], angle[b], (b - a) % n > 1, colour)
    down = np.flatnonzero(down_N)
    axes.scatter(x[down], y[down], s=64, color="#cb181d", marker="X", zorder=5, label="down")
    axes.plot([], [], color="#2171b5", lw=2, label="a group (one colour each)")
    axes.plot([], [], color="#2171b5", lw=1.4, ls="--", label="backup fibre round a fault")
    axes.set(xlim=(-1.32, 1.32), ylim=(-1.32, 1.32), aspect="equal")
    axes.axis("off")
    axes.legend(loc="center", frameon=False, fontsize=9)
    axes.text(0, -0.36, f"{n} nodes, K={k}, {drawn} groups of {group_nodes} nodes", ha="center", fontsize=9)
    return figure


def _link(axes: Any, a: float, b: float, bypass: bool, colour: str, width: float = 2.0) -> None:
    """Draw the fibre between two angles; a bypass bows outwards over the nodes it skips."""
    gap = (b - a + np.pi) % (2 * np.pi) - np.pi
    t = np.linspace(0, 1, 16)
    radius = 1 + (0.09 * np.sin(np.pi * t) if bypass else 0 * t)
    axes.plot(
        radius * np.cos(a + t * gap), radius * np.sin(a + t * gap), lw=2, ls="--" if bypass else "-", color=colour
    )
