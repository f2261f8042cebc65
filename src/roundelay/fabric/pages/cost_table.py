"""The cost study as tables in Markdown: the paper's figures beside ours, and what a GPU costs with faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roundelay.fabric.pages import markdown
from roundelay.fabric.pages.markdown import verdict

KEYS = {"usd_per_gpu": "USD per GPU", "w_per_gpu": "W per GPU", "usd_per_gbps": "USD per GB/s"}
HEADS = ("architecture", "USD/GPU, theirs", "ours", "W/GPU, theirs", "ours", "USD per GB/s, theirs", "ours", "verdict")
BASE, PLAIN = "nvl-72", ("infinitepod-k3", "usd_per_gpu")  # the ratio that the paper does not state
Row = Mapping[str, Any]


def equal(theirs: str, ours: float) -> bool:
    """Return whether ours rounds to theirs, to every digit that theirs has."""
    return f"{ours:.{len(theirs.partition('.')[2])}f}" == theirs


def published(rows: Mapping[str, Row], theirs: Mapping[str, Any]) -> list[str]:
    """Return both tables of the paper's figures: the bill of each architecture, and the sentences on NVL-72.

    `rows` are those of `CostStudy.rows` by architecture; `theirs` holds `table` (USD/GPU, W/GPU, USD per GB/s as
    printed, by architecture) and `sentence` (percent, arch, key).
    """
    cells = []
    for arch, printed in theirs["table"].items():
        ours = [rows[arch][key] for key in KEYS]
        pairs = [cell for a, b in zip(printed, ours, strict=True) for cell in (a, f"{b:.2f}")]
        cells.append([arch, *pairs, verdict(all(map(equal, printed, ours)))])
    lines = markdown.table(HEADS, cells)
    sentences = [_sentence(rows, each["arch"], each["key"], each["percent"]) for each in theirs["sentence"]]
    heads = ("sentence", "numerator over denominator", "theirs", "ours", "verdict")
    return [*lines, "", *markdown.table(heads, [*sentences, _sentence(rows, *PLAIN, None)])]


def _sentence(rows: Mapping[str, Row], arch: str, key: str, percent: str | None) -> list[str]:
    a, b = rows[arch][key], rows[BASE][key]
    ours, over = 100 * a / b, f"{arch} {a:.4f} over {BASE} {b:.4f} {KEYS[key]}"
    if percent is None:
        return ["(not in the paper)", over, "–", f"{ours:.2f} %", "–"]
    return [f"{percent} % of NVL-72", over, f"{percent} %", f"{ours:.2f} %", verdict(equal(percent, ours))]


def aggregate(rows: Sequence[Row], archs: Sequence[str]) -> list[str]:
    """Return interconnect and wasted GPUs of `archs` against the fault ratio, from rows of `CostStudy.aggregate`."""
    ratios = dict.fromkeys(row["fault_ratio"] for row in rows)
    usd = {(row["arch"], row["fault_ratio"]): row["aggregate_usd_per_gpu"] for row in rows}
    cells = [[arch, *(f"{usd[arch, ratio]:,.0f}" for ratio in ratios)] for arch in archs]
    return markdown.table(["architecture", *(f"{ratio:.0%} faults" for ratio in ratios)], cells)


def deciding(rows: Sequence[Row]) -> list[str]:
    """Return the price that decides each comparison with NVL-72, from the rows of `CostStudy.sensitivity`."""
    heads = ("cost per GB/s over NVL-72's", "ratio", "the price that decides", "now, USD", "breaks even at, USD")
    return markdown.table(
        heads,
        [
            [
                row["arch"],
                f"{row['ratio']:.3f}",
                row["item"],
                f"{row['price_usd']:,.2f}",
                f"{row['break_even_usd']:,.2f}",
            ]
            for row in rows
            if row["decides"]
        ],
    )
