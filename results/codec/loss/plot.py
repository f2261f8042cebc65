"""Loss curves of the packaged weights: `python results/codec/loss/plot.py OUT` reads OUT/*.metrics.jsonl.

Writes a CSV per stage and one picture beside this file. The same seed gives the same curves again.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
STAGES = {
    "tokenizer": ("hint", "people", "phone02", "phone06", "mel", "understood"),
    "refine": ("hint", "people", "phone02", "phone06", "mel", "understood"),
    "recognizer": ("ctc", "timed"),
    "prior": ("mel", "heard", "missed"),
    "flow": ("loss",),
    "vocoder": ("spectra", "mel"),
}


def read(path: Path) -> tuple[list[dict], list[dict]]:
    """Training lines and dev lines; after a restart the later line of a step counts."""
    train: dict[int, dict] = {}
    dev: dict[int, dict] = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "dev" in line:
            dev[line["step"]] = {"step": line["step"], **line["dev"]}
        else:
            train[line["step"]] = line
    return [train[step] for step in sorted(train)], [dev[step] for step in sorted(dev)]


def save(path: Path, rows: list[dict]) -> None:
    """One CSV with every column that occurs."""
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "cpu_s"))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def kept(path: Path) -> list[dict]:
    """The training lines of a CSV written before."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def main(out: Path) -> None:
    """Read the run's metrics, write the tables and the picture."""
    figure, axes = plt.subplots(1, len(STAGES), figsize=(26, 4))
    for axis, (stage, keys) in zip(axes, STAGES.items(), strict=True):
        path = out / f"{stage}.metrics.jsonl"
        if path.is_file():
            train, dev = read(path)
            save(HERE / f"{stage}.csv", train)
            save(HERE / f"{stage}-dev.csv", dev)
        else:  # a stage taken over from the set before
            train = kept(HERE / f"{stage}.csv")
        for key in keys:
            points = [(line["step"], line[key]) for line in train if key in line]
            axis.plot(*zip(*points, strict=True), label=key, linewidth=1)
        axis.set(title=stage, xlabel="step", ylabel="loss")
        axis.legend()
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(HERE / "loss.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
