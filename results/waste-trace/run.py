"""Waste over the public fault trace: python results/waste-trace/run.py TRACE

Writes numbers.json, waste.svg and the table of README.md. Theirs: the reference values of the project's specification,
which recompute the paper's figure by replaying the authors' public trace; the paper's own TP-32 figures are beside them.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from matplotlib.figure import Figure

from roundelay.fabric.pages import pictures
from roundelay.fabric.waste.study import Study
from roundelay.files import replace_table

HERE = Path(__file__).parent
REFERENCE = tomllib.loads((HERE / "reference.toml").read_text())
NAMES, TOLERANCE_POINTS = REFERENCE["architectures"], REFERENCE["tolerance_points"]
REFERENCE_PER_CENT = {(c["gpus_per_node"], c["tp"]): c["waste_percent"] for c in REFERENCE["case"]}


def main(trace: str) -> None:
    numbers, lines = (
        [],
        ["| node, TP | architecture | theirs, % | ours, % | difference | verdict |", "|---|---|---|---|---|---|"],
    )
    for (r, tp), reference in REFERENCE_PER_CENT.items():
        rows = {row.arch: row for row in Study(trace=trace, gpus_per_node=r, tp=tp).rows()}
        for name, theirs, tolerance in zip(NAMES, reference, TOLERANCE_POINTS, strict=True):
            ours = 100 * rows[name].waste
            held = abs(ours - theirs) <= tolerance
            lines.append(
                f"| {r}-GPU, {tp} | {name} | {theirs:g} | {ours:.3f} | {ours - theirs:+.3f} | {'met' if held else 'MISSED'} |"
            )
        numbers += [{"gpus_per_node": r, "tp": tp, **row.as_dict()} for row in rows.values()]
    (HERE / "numbers.json").write_text(json.dumps(numbers, indent=1) + "\n")
    replace_table(HERE / "README.md", lines)
    pictures.save(plot(numbers), HERE / "waste.svg")
    print("\n".join(lines))


def plot(numbers: list[dict]) -> Figure:
    figure = Figure(figsize=(9.5, 3.6))
    axes = figure.subplots()
    cases = list(REFERENCE_PER_CENT)
    for i, name in enumerate(NAMES):
        ours = [
            next(n["waste"] for n in numbers if (n["gpus_per_node"], n["tp"], n["arch"]) == (*c, name)) for c in cases
        ]
        x = [c + (i - 3) * 0.12 for c in range(len(cases))]
        axes.bar(x, ours, 0.12, color=pictures.COLOURS[name], label=name)
        axes.plot(x, [REFERENCE_PER_CENT[c][i] / 100 for c in cases], "k_", ms=7)
    axes.set(yscale="log", ylabel="waste, share of all GPUs", xticks=range(len(cases)))
    axes.set_xticklabels([f"{r}-GPU nodes\nTP-{tp}" for r, tp in cases])
    axes.legend(ncols=4, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    return figure


main(sys.argv[1])
