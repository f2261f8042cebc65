"""Plots of cost: what a bill is made of, cost against the fault ratio, which price decides, how long fibres are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from roundelay.fabric.cost.bills import Bill
from roundelay.fabric.pages import pictures

GAP = "\u2002"  # between a bar and its words; SVG drops plain spaces at the beginning
ITEM_COLOURS = {
    "nvlink-switch": "#238b45",
    "dac-200g": "#bdbdbd",
    "dac-400g": "#969696",
    "dac-1600g": "#737373",
    "acc-1600g": "#525252",
    "optical-400g": "#fdae6b",
    "optical-1600g": "#e6550d",
    "fibre": "#9ecae1",
    "ocs": "#756bb1",
    "ocstrx-800g": "#2171b5",
    "gpu": "#cb181d",
    "electricity-kwh": "#fee391",
}
COLOURS = {**pictures.COLOURS, "tpuv4": "#fd8d3c", "nvl-36x2": "#006d2c"}


def figure(panels: Sequence[tuple[str, Any]]) -> Figure:
    """Return one figure of the named panels; each is (kind, what its drawing function takes)."""
    made = Figure(figsize=(9.5, 3.9 * len(panels)), layout="constrained")
    for axes, (kind, value) in zip(made.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        DRAW[kind](axes, value)
    return made


def draw_bills(axes: Axes, bills: Sequence[Bill]) -> None:
    """Draw USD per GB/s of each architecture, stacked by item; USD and W per GPU stand beside the bar."""
    names = [bill.arch for bill in bills]
    left = [0.0] * len(bills)
    for item in dict.fromkeys(part.item.name for bill in bills for part in bill.parts):
        widths = []
        for bill in bills:
            usd = sum(part.usd for part in bill.parts if part.item.name == item)
            widths.append(usd / bill.gpus / bill.gbytes_per_s_per_gpu)
        axes.barh(names, widths, left=left, label=item, color=ITEM_COLOURS.get(item))
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for i, bill in enumerate(bills):
        axes.text(
            left[i], i, f"{GAP}{bill.usd_per_gpu:,.0f} USD, {bill.w_per_gpu:.0f} W per GPU", va="center", fontsize=8
        )
    axes.set(xlabel="interconnect, USD per GB/s of a GPU", xlim=(0, max(left, default=1) * 1.3 or 1))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.legend(fontsize=8, frameon=False, loc="center right")


def draw_aggregate(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw interconnect and wasted GPUs, USD per installed GPU, against the fault ratio."""
    for name in dict.fromkeys(row["arch"] for row in rows):
        mine = [row for row in rows if row["arch"] == name]
        x, y = [row["fault_ratio"] for row in mine], [row["aggregate_usd_per_gpu"] for row in mine]
        axes.plot(x, y, "o-", ms=3, color=COLOURS.get(name), label=name)
    axes.set(xlabel="node fault ratio", ylabel="USD per GPU:\ninterconnect + wasted GPUs")
    axes.set_ylim(bottom=0)
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)


def draw_sensitivity(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw how the cost ratio moves when each price is halved or doubled, for the first architecture of the rows."""
    first = rows[0]
    mine = [row for row in rows if row["arch"] == first["arch"] and None not in (row["ratio"], row["ratio_halved"])]
    for i, row in enumerate(mine):
        ends = (row["ratio_halved"], row["ratio"], row["ratio_doubled"])
        axes.plot(ends, [i] * 3, lw=7, solid_capstyle="butt", color=ITEM_COLOURS.get(row["item"]), alpha=0.8)
        axes.plot(ends[0], i, "k|", ms=12)
        if row["break_even_usd"]:
            words = f"{GAP}breaks even at {_usd(row['break_even_usd'])} USD"
            axes.text(max(ends), i, words, va="center", fontsize=8)
    axes.axvline(1, color="#cb181d", lw=1, ls="--")
    axes.axvline(first["ratio"] or 0, color="#444444", lw=1)
    unit = {"gbps": "GB/s", "gpu": "GPU"}.get(first["per"], first["per"])
    label = f"cost of {first['arch']} over {first['against']}, per {unit}: price halved (tick) to doubled"
    axes.set(xlabel=label, yticks=range(len(mine)))
    axes.set_yticklabels([f"{row['item']} ({_usd(row['price_usd'])} USD)" for row in mine])
    low, high = (pick(row[key] for row in mine for key in ("ratio_halved", "ratio_doubled")) for pick in (min, max))
    low, high = (0.0 if low < 0.5 else low), max(high, 1.0)
    axes.set_xlim(low - 0.1 * (high - low) * (low > 0), high + 0.4 * (high - low))
    axes.invert_yaxis()


def _usd(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def draw_fibres(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw how many ready-made fibres of each length the rings need."""
    sizes = sorted({part["up_to_m"] for row in rows for part in row["histogram"]})
    for i, row in enumerate(rows):
        counts = {part["up_to_m"]: part["fibres"] for part in row["histogram"]}
        x = [at + (i - (len(rows) - 1) / 2) * 0.38 for at in range(len(sizes))]
        label = f"{row['arch']}: {row['fibres']:,} fibres, {row['km']:,.1f} km, longest {row['longest_m']:.0f} m"
        axes.bar(x, [counts.get(size, 0) for size in sizes], 0.36, color=COLOURS.get(row["arch"]), label=label)
    axes.set(xlabel="ready-made length, m", ylabel="fibres", xticks=range(len(sizes)))
    axes.set_xticklabels([str(size) for size in sizes])
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)


DRAW: dict[str, Callable[[Axes, Any], None]] = {
    "bills": draw_bills,
    "aggregate": draw_aggregate,
    "sensitivity": draw_sensitivity,
    "fibres": draw_fibres,
}
