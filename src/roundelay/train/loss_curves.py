"""Loss curves of training stages: the lines of `MetricsLog` as a CSV for each stage, and one picture of all."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

Rows = list[dict[str, Any]]
LEFT_OUT = "cpu_s"  # what another run of the same seed does not repeat


def read_metrics(path: Path) -> tuple[Rows, Rows]:
    """Return the training and the dev lines of a metrics file; after a restart the later line of a step counts."""
    train: dict[int, dict[str, Any]] = {}
    dev: dict[int, dict[str, Any]] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "dev" in line:
            dev[line["step"]] = {"step": line["step"], **line["dev"]}
        else:
            train[line["step"]] = line
    return [train[step] for step in sorted(train)], [dev[step] for step in sorted(dev)]


def write_rows(path: Path, rows: Rows) -> None:
    """Write the rows as CSV with every column that occurs, the CPU seconds left out."""
    columns = list(dict.fromkeys(key for row in rows for key in row if key != LEFT_OUT))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> Rows:
    """Return the training lines of a CSV written before; cells that are empty are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]


def collect(out: Path, tables: Path, stages: Sequence[str]) -> dict[str, Rows]:
    """Return the training lines of each stage, and write its lines as CSV into `tables`.

    A stage without a metrics file in `out` is one taken over from an earlier run: its CSV is read instead.
    """
    found = {}
    for stage in stages:
        path = out / f"{stage}.metrics.jsonl"
        if path.is_file():
            found[stage], dev = read_metrics(path)
            write_rows(tables / f"{stage}.csv", found[stage])
            write_rows(tables / f"{stage}-dev.csv", dev)
        else:
            found[stage] = read_rows(tables / f"{stage}.csv")
    return found


def figure(lines: Mapping[str, Rows], shown: Mapping[str, Sequence[str]]) -> Figure:
    """Return a panel for each stage with the curves of its `shown` values against the step."""
    made = Figure(figsize=(26, 4))
    for axis, (stage, keys) in zip(made.subplots(1, len(shown), squeeze=False)[0], shown.items(), strict=True):
        for key in keys:
            points = [(line["step"], line[key]) for line in lines[stage] if key in line]
            axis.plot(*zip(*points, strict=True), label=key, linewidth=1)
        axis.set(title=stage, xlabel="step", ylabel="loss")
        axis.legend()
        axis.grid(alpha=0.3)
    made.tight_layout()
    return made
