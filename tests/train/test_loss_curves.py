"""Curves of a run: a restart overwrites its steps, and what is written to CSV is read again."""

from __future__ import annotations

import json
from pathlib import Path

from roundelay.train import loss_curves


def test_the_later_line_of_a_step_counts_and_a_csv_is_read_again(tmp_path: Path) -> None:
    out, tables = tmp_path / "out", tmp_path / "tables"
    out.mkdir()
    tables.mkdir()
    lines = [
        {"step": 2, "loss": 0.9, "cpu_s": 1.0},
        {"step": 4, "loss": 0.8, "cpu_s": 2.0},
        {"step": 4, "dev": {"wer": 0.5}},
        {"step": 4, "loss": 0.7, "mel": 0.1, "cpu_s": 3.0},
    ]
    (out / "flow.metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = loss_curves.collect(out, tables, ["flow"])["flow"]
    assert [(line["step"], line["loss"]) for line in found] == [(2, 0.9), (4, 0.7)]
    assert (tables / "flow.csv").read_text() == "step,loss,mel\n2,0.9,\n4,0.7,0.1\n"
    assert (tables / "flow-dev.csv").read_text() == "step,wer\n4,0.5\n"
    (out / "flow.metrics.jsonl").unlink()
    again = loss_curves.collect(out, tables, ["flow"])
    assert again["flow"] == [{"step": 2, "loss": 0.9}, {"step": 4, "loss": 0.7, "mel": 0.1}]
    (axes,) = loss_curves.figure(again, {"flow": ("loss", "mel")}).axes
    assert [len(line.get_xdata()) for line in axes.lines] == [2, 1]
