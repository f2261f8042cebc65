"""Files that are written whole or not at all: text, CSV, and the table of a page."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from roundelay.errors import WouldOverwrite
from roundelay.files import replace_table, write_csv


def test_csv_has_a_column_for_every_key_and_leaves_out_what_is_no_cell(tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    write_csv(out, [{"a": 1, "parts": {"x": 1}}, {"a": 2, "note": "late", "list": [1]}])
    with out.open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"a": "1", "note": ""}, {"a": "2", "note": "late"}]
    with pytest.raises(WouldOverwrite):
        write_csv(out, [{"a": 1}])


def test_a_table_replaces_what_stood_behind_the_mark(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Title\n\n<!-- table -->\n| old |\n")
    replace_table(page, ["| new |", "|---|"])
    assert page.read_text() == "# Title\n\n<!-- table -->\n| new |\n|---|\n"
