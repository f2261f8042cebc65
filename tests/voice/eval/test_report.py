"""Tables, verdicts and pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from roundelay.voice.eval.report import percent, percent_verdict, table, targets, verdict, write_page
from roundelay.voice.suites import codec_page, speech_page

RESULTS = Path(__file__).resolve().parents[3] / "results"


def test_a_table_is_markdown() -> None:
    assert table(("a", "b"), [(1, "x"), (2.5, None)]) == "| a | b |\n| --- | --- |\n| 1 | x |\n| 2.5 | None |\n"
    assert targets([]).startswith("| what | target | measured | verdict |\n")


def test_a_verdict_says_by_how_much_a_target_is_missed() -> None:
    assert verdict(4.0, 5) == verdict(5.0, 5) == "met"
    assert verdict(6.5, 5, " ms") == "**missed** by 1.5 ms"
    assert verdict(0.9, 0.95, at_most=False) == "**missed** by 0.05"
    assert percent_verdict(0.12, 0.1) == "**missed** by 2.0 points"
    assert percent_verdict(0.92, 0.9, at_most=False) == "met"
    assert (percent(0.123), percent(None)) == ("12.3 %", "–")


def test_a_page_is_head_tables_notes(tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers/task.json").write_text(json.dumps({"wer": 0.5}))
    (tmp_path / "HEAD.md").write_text("# Head\n")
    (tmp_path / "NOTES.md").write_text("Notes.\n")
    write_page(tmp_path, tmp_path, lambda found: table(("wer",), [(found["task"]["wer"],)]))
    assert (tmp_path / "README.md").read_text() == "# Head\n\n| wer |\n| --- |\n| 0.5 |\n\nNotes.\n"


@pytest.mark.parametrize(("name", "body"), [("codec", codec_page.body), ("lm", speech_page.body)])
def test_the_published_pages_are_made_from_their_numbers(tmp_path: Path, name: str, body) -> None:
    if not (RESULTS / name).is_dir():
        pytest.skip("results/ is not part of the package")
    (tmp_path / "numbers").symlink_to(RESULTS / name / "numbers")
    write_page(tmp_path, RESULTS / name, body)
    assert (tmp_path / "README.md").read_text() == (RESULTS / name / "README.md").read_text()
