"""Plots of the buyer's page: what a trillion tokens costs, where a step's time goes, what faults do to the price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from roundelay.fabric.goodput.compare import Offer
from roundelay.fabric.pages.cost_pictures import COLOURS, GAP

MONEY = {
    "GPUs the job uses": "#2171b5",
    "GPUs beside the job": "#fb6a4a",
    "interconnect": "#238b45",
    "electricity": "#fed976",
}
PARTS = {
    "products_s": "#08306b",
    "attention_s": "#2171b5",
    "elementwise_s": "#6baed6",
    "head_s": "#9ecae1",
    "optimiser_s": "#c6dbef",
    "recompute_s": "#dadaeb",
    "tensor_s": "#fdae6b",
    "context_s": "#fd8d3c",
    "expert_s": "#d94801",
    "pipeline_s": "#a1d99b",
    "data_s": "#31a354",
    "bubble_s": "#969696",
}


def money(offer: Offer, job_gpus: int) -> dict[str, float]:
    """Return USD per trillion tokens by what it is spent on; sums to the offer's."""
    if not offer.bill:
        return dict.fromkeys(MONEY, 0.0)
    usd = {part.item.name: part.usd for part in offer.bill.parts}
    gpus, power = usd.pop("gpu"), usd.pop("electricity-kwh")
    used = gpus * job_gpus / offer.installed_gpus
    return dict(zip(MONEY, (used, gpus - used, sum(usd.values()), power), strict=True))


def prices(offers: Sequence[Offer], job_gpus: int) -> Figure:
    """Return USD per trillion tokens, stacked by what it is spent on."""
    figure = Figure(figsize=(9.5, 1.2 + 0.42 * len(offers)), layout="constrained")
    axes = figure.subplots()
    names, left = [offer.arch for offer in offers], [0.0] * len(offers)
    for kind, colour in MONEY.items():
        widths = [money(offer, job_gpus)[kind] / 1e6 for offer in offers]
        axes.barh(names, widths, left=left, color=colour, label=kind)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for i, offer in enumerate(offers):
        more = "" if offer.priced else "+ interconnect"
        axes.text(left[i], i, f"{GAP}{left[i]:.2f} {more}", va="center", fontsize=8)
    axes.set(xlabel="million USD per trillion tokens", xlim=(0, 1.15 * max(left)))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    return figure


def steps(offers: Sequence[Offer]) -> Figure:
    """Return where the seconds of one step go."""
    figure = Figure(figsize=(9.5, 1.4 + 0.42 * len(offers)), layout="constrained")
    axes = figure.subplots()
    names, left = [offer.arch for offer in offers], [0.0] * len(offers)
    keys = list(dict.fromkeys(key for offer in offers if offer.step for key in offer.step.parts))
    for key in sorted(keys, key=lambda k: list(PARTS).index(k) if k in PARTS else len(PARTS)):
        widths = [offer.step.parts.get(key, 0.0) if offer.step else 0.0 for offer in offers]
        if any(widths):
            axes.barh(names, widths, left=left, color=PARTS.get(key), label=key.removesuffix("_s"))
            left = [a + b for a, b in zip(left, widths, strict=True)]
    for i, offer in enumerate(offers):
        if offer.step:
            axes.text(left[i], i, f"{GAP}MFU {offer.step.mfu:.1%}", va="center", fontsize=8)
    axes.set(xlabel="seconds of a step", xlim=(0, 1.15 * max(left)))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(ncols=6, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    return figure


def against_faults(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Return what one usable GPU costs, with its interconnect, against the node fault ratio."""
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, (ratios, usd) in curves.items():
        axes.plot(ratios, usd, "o-", ms=3, color=COLOURS.get(name), label=name)
    axes.set(xlabel="node fault ratio, independent faults", ylabel="USD per usable GPU")
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    return figure
