"""Answering or declining, counted by hand on a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from roundelay.errors import BadInput
from roundelay.voice.eval.suite import run
from roundelay.voice.eval.tasks.declining import Line, declining
from roundelay.voice.suites import declining as sets


def test_declining_counts_by_set_half_and_kind() -> None:
    known = {"what time": "time()", "which day": "time()"}
    lines = [
        Line("what time", "facts", "dev", call="time()"),
        Line("which day", "near", "dev", "other"),
        Line("what lime", "near", "test", "other"),
        Line("the cat sat", "near", "test"),
    ]
    numbers = run(declining(lines, known.get, {"what lime": "time()"}.get))
    empty = {"right": 0, "false": 0, "asked": 0, "declined": 0}
    assert numbers["sets"] == [
        {"set": "facts", "half": "dev", "lines": 1, **empty, "right": 1},
        {"set": "near", "half": "dev", "lines": 1, **empty, "false": 1},
        {"set": "near", "half": "test", "lines": 2, **empty, "asked": 1, "declined": 1},
    ]
    assert numbers["kinds"] == [{"set": "near", "kind": "other", "lines": 2, **empty, "false": 1, "asked": 1}]


def test_lines_of_a_set_have_its_columns(tmp_path: Path) -> None:
    (tmp_path / "near_misses.tsv").write_text("entity\twho wrote the cat\n")
    (tmp_path / "wordings.tsv").write_text("time\twhat time is it\n")
    assert [(line.kind, line.call) for line in sets.lines(tmp_path)] == [("entity", None), ("", "time")]
    (tmp_path / "everyday.txt").write_text("a\tb\n")
    with pytest.raises(BadInput, match="columns"):
        sets.lines(tmp_path)
