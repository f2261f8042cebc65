"""The cross-ToR share against the fault ratio, as tables in Markdown and as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, takewhile

from matplotlib.figure import Figure

from roundelay.fabric.pages import markdown
from roundelay.fabric.pages.markdown import verdict
from roundelay.fabric.placement.cross_tor import CrossTorRow

NEAR_ZERO, TOLERANCE = 0.01, 0.005
PER_TOR_COLOURS = {2: "#2171b5", 4: "#238b45", 8: "#d94801"}
HEADS = ("nodes per ToR", "job", "K", "near zero (under 0.01) up to", "formula's cliff lies in", "at 7 %", "at 10 %",
         "greedy random at 7 %")  # fmt: skip


def reference_points(rows: Sequence[CrossTorRow], theirs: Mapping[float, float]) -> list[str]:
    """Return the published shares by fault ratio beside those of `rows`, which are of one curve."""
    ours = {row.fault_ratio: row.cross_tor for row in rows}
    return markdown.table(
        ("reference point (K=3, 2 nodes per ToR, 85 % job)", "theirs", "ours", "verdict"),
        [
            [f"{ratio:.0%} faults", f"{share:.3f}", f"{ours[ratio]:.3f}", verdict(ours[ratio] <= share + TOLERANCE)]
            for ratio, share in theirs.items()
        ],
    )


def curves_table(rows: Sequence[CrossTorRow]) -> list[str]:
    """Return a line for each curve: how far it stays near zero, where the formula puts its cliff, single shares.

    The ratios of a curve rise by 0.01 from 0 to at least 0.1.
    """
    return markdown.table(HEADS, [_cells(list(mine)) for _, mine in groupby(rows, lambda row: row.case)])


def _cells(mine: Sequence[CrossTorRow]) -> list[str]:
    near = [row.fault_ratio for row in takewhile(lambda row: row.cross_tor < NEAR_ZERO, mine)]
    cliff = next((row.fault_ratio for row in mine if not row.aligned_by_formula), None)
    where = "above 10 %" if cliff is None else f"{cliff - 0.01:.0%} to {cliff:.0%}"
    per_tor, share, k = mine[0].case
    shares = [f"{each:.3f}" for each in (mine[7].cross_tor, mine[10].cross_tor, mine[7].cross_tor_random)]
    return [str(per_tor), f"{share:.0%}", str(k), f"{near[-1] if near else 0:.0%}", where, *shares]


def figure(rows: Sequence[CrossTorRow]) -> Figure:
    """Return a panel for each job share: ours by nodes per ToR and K, greedy random (of the largest K) dotted."""
    made = Figure(figsize=(10, 3.6))
    shares = list(dict.fromkeys(row.job_share for row in rows))
    largest_k = max(row.k for row in rows)
    panels = dict(zip(shares, made.subplots(1, len(shares), sharey=True, squeeze=False)[0], strict=True))
    for (per_tor, share, k), group in groupby(rows, lambda row: row.case):
        mine, colour, style = list(group), PER_TOR_COLOURS.get(per_tor), "-" if k == 3 else "--"
        ratios = [row.fault_ratio for row in mine]
        ours, random = [row.cross_tor for row in mine], [row.cross_tor_random for row in mine]
        panels[share].plot(ratios, ours, style, color=colour, label=f"{per_tor} per ToR, K={k}")
        if k == largest_k:
            panels[share].plot(ratios, random, ":", color=colour, lw=0.9)
    for share, panel in panels.items():
        panel.axvline(0.07, color="#999999", lw=0.8)
        panel.set(title=f"job {share:.0%} of the GPUs", xlabel="node fault ratio", ylim=(-0.02, 1.02))
    panels[shares[0]].set_ylabel("share of DCN bytes that cross ToRs")
    panels[shares[0]].legend(fontsize=7, frameon=False)
    return made
