"""The paper's cost table and its two sentences on NVL-72: python results/cost/run.py

Writes numbers.json, cost.svg and the tables of README.md. A verdict is computed, never written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path

from roundelay.fabric.cost import bills
from roundelay.fabric.cost.cost import CostStudy
from roundelay.fabric.cost.fibres import FloorPlan
from roundelay.fabric.pages import cost_pictures, pictures
from roundelay.files import replace_table

HERE = Path(__file__).parent
THEIRS = {  # the project's specification, section 6: USD/GPU, W/GPU, USD per GB/s
    "tpuv4": ("1567.20", "19.39", "5.22"),
    "nvl-36": ("9563.20", "75.95", "10.63"),
    "nvl-72": ("9563.20", "75.95", "10.63"),
    "nvl-36x2": ("17924.00", "152", "19.92"),
    "nvl-576": ("30417.60", "413.45", "33.80"),
    "infinitepod-k2": ("2626.80", "48.10", "3.28"),
    "infinitepod-k3": ("3740.60", "72.05", "4.68"),
}
RATIOS = [0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1]


def alike(theirs: str, ours: float) -> str:
    """Return the verdict: equal to every digit that theirs has."""
    digits = len(theirs.partition(".")[2])
    return "met" if f"{ours:.{digits}f}" == theirs else "MISSED"


def main() -> None:
    study = CostStudy(against="nvl-72")
    rows = {row["arch"]: row for row in study.rows()}
    lines = ["| architecture | USD/GPU, theirs | ours | W/GPU, theirs | ours | USD per GB/s, theirs | ours | verdict |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for arch, theirs in THEIRS.items():
        ours = [rows[arch][key] for key in ("usd_per_gpu", "w_per_gpu", "usd_per_gbps")]
        held = {alike(a, b) for a, b in zip(theirs, ours, strict=True)}
        cells = " | ".join(f"{a} | {b:.2f}" for a, b in zip(theirs, ours, strict=True))
        lines.append(f"| {arch} | {cells} | {'met' if held == {'met'} else 'MISSED'} |")
    lines += ["", "| sentence | numerator over denominator | theirs | ours | verdict |", "|---|---|---|---|---|"]
    for theirs, arch, key, unit in (
        ("31", "infinitepod-k2", "usd_per_gbps", "USD per GB/s"),
        ("27.5", "infinitepod-k2", "usd_per_gpu", "USD per GPU"),
        ("44", "infinitepod-k3", "usd_per_gbps", "USD per GB/s"),
    ):
        a, b = rows[arch][key], rows["nvl-72"][key]
        lines.append(
            f"| {theirs} % of NVL-72 | {arch} {a:.4f} over nvl-72 {b:.4f} {unit} | {theirs} % | {100 * a / b:.2f} % "
            f"| {alike(theirs, 100 * a / b)} |"
        )
    a, b = rows["infinitepod-k3"]["usd_per_gpu"], rows["nvl-72"]["usd_per_gpu"]
    lines.append(
        f"| (not in the paper) | infinitepod-k3 {a:.4f} over nvl-72 {b:.4f} USD per GPU | – | {100 * a / b:.2f} % | – |"
    )
    aggregate = study.aggregate(RATIOS)
    lines += ["", "Interconnect and wasted GPUs, USD per installed GPU (2,880 GPUs, TP-32, a GPU at USD 25,000):", ""]
    lines += [
        "| architecture | " + " | ".join(f"{p:.0%} faults" for p in RATIOS) + " |",
        "|---" * (len(RATIOS) + 1) + "|",
    ]
    for arch in THEIRS:
        mine = [row["aggregate_usd_per_gpu"] for row in aggregate if row["arch"] == arch]
        lines.append(f"| {arch} | " + " | ".join(f"{usd:,.0f}" for usd in mine) + " |")
    sensitivity = study.sensitivity()
    lines += [
        "",
        "| cost per GB/s over NVL-72's | ratio | the price that decides | now, USD | breaks even at, USD |",
        "|---|---|---|---|---|",
    ]
    for row in sensitivity:
        if row["decides"]:
            lines.append(
                f"| {row['arch']} | {row['ratio']:.3f} | {row['item']} | {row['price_usd']:,.2f} | {row['break_even_usd']:,.2f} |"
            )
    numbers = {"rows": list(rows.values()), "aggregate": aggregate, "sensitivity": sensitivity}
    (HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    replace_table(HERE / "README.md", lines)
    only = CostStudy(arch="infinitepod-k2,nvl-72", against="nvl-72")
    halls = CostStudy(arch="infinitepod-k2,infinitepod-k3").fibres(FloorPlan())
    panels = [
        ("bills", list(bills.read().bills.values())),
        ("aggregate", aggregate),
        ("sensitivity", only.sensitivity()),
        ("fibres", halls),
    ]
    pictures.save(cost_pictures.figure(panels), HERE / "cost.svg")
    print("\n".join(lines))


main()
