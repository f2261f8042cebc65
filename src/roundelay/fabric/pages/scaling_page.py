"""MFU against the number of GPUs, as tables in Markdown and as curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from matplotlib.figure import Figure

from roundelay.fabric.pages import markdown
from roundelay.fabric.steptime.scaling import Point, cut
from roundelay.fabric.steptime.steptime import StepTime

HEADS = ("GPUs", "InfinitePOD K=3", "cut", "DGX", "cut", "NVL-72", "x DGX", "x DGX, links as fast",
         "lost on InfinitePOD", "lost on DGX")  # fmt: skip
RING, DGX, DGX_FAST, NVL = "infinitepod-k3", "dgx", "dgx, links as fast", "nvl-72"  # the fabrics of the columns
HEADLINE = 3.37  # times DGX's MFU: the largest row of the paper's strong scaling (arXiv 2502.03885)


def tables(points: Sequence[Point]) -> list[str]:
    """Return a table for each setting; raises `KeyError` where a fabric is missing or none of its steps fits."""
    lines: list[str] = []
    for setting, mine in groupby(points, lambda point: point.setting):
        lines += ["", f"**{setting.title}**", "", *markdown.table(HEADS, [_cells(point) for point in mine])]
    return lines


def _cells(point: Point) -> list[str]:
    ring, dgx, nvl = (point.steps[name] for name in (RING, DGX, NVL))
    mfus = [f"{ring.mfu:.3f}", cut(ring), f"{dgx.mfu:.3f}", cut(dgx), f"{nvl.mfu:.3f}"]
    ratios = [f"{point.ratio(RING, other):.2f}" for other in (DGX, DGX_FAST)]
    return [f"{point.gpus:,}", *mfus, *ratios, _lost(ring), _lost(dgx)]


def _lost(step: StepTime) -> str:
    """Return the two largest parts that are not compute, as shares of the step."""
    return ", ".join(f"{name} {share:.0%}" for name, share in step.largest_losses())


def figure(points: Sequence[Point]) -> Figure:
    """Return InfinitePOD's MFU over DGX's against the number of GPUs, a curve for each setting."""
    made = Figure(figsize=(8, 4.5), layout="constrained")
    axes = made.subplots()
    gpus = list(dict.fromkeys(point.gpus for point in points))
    for setting, mine in groupby(points, lambda point: point.setting):
        style = ("--" if setting.scaled else "-") if not setting.context else (":" if setting.scaled else "-.")
        colour = "C0" if "llama" in setting.model else "C1"
        axes.plot(gpus, [point.ratio(RING, DGX) for point in mine], style, color=colour, label=setting.title)
    axes.axhline(HEADLINE, color="grey", linewidth=0.8)
    axes.annotate(f"{HEADLINE}, the headline", (gpus[0], HEADLINE), va="bottom")
    axes.set_xscale("log", base=2)
    axes.set_xticks(gpus, [f"{each // 1024}k" for each in gpus])
    axes.set_xlabel("GPUs")
    axes.set_ylabel("MFU of InfinitePOD K=3 / DGX")
    axes.legend(fontsize=7)
    return made
