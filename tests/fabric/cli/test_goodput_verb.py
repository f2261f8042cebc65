"""`roundelay fabric goodput` at the door."""

from __future__ import annotations

from pathlib import Path

import pytest

CASE = ("fabric", "goodput", "--mfu", 0.4, "--seeds", 1)


def test_json_has_a_row_for_each_architecture_with_terms_that_sum_to_one(roundelay) -> None:
    rows = roundelay(*CASE, "--arch", "infinitepod-k2,nvl-72,dgx", "--json").json()["rows"]
    assert [row["arch"] for row in rows] == ["infinitepod-k2", "nvl-72", "dgx"]
    assert all(sum(row["terms"].values()) == pytest.approx(1) for row in rows)
    assert rows[0]["goodput"] > rows[1]["goodput"] > rows[2]["goodput"] == 0
    assert rows[2]["note"] == "the job never fits" and "note" not in rows[0]


def test_the_table_names_every_term_and_what_never_fits(roundelay, tmp_path: Path) -> None:
    outcome = roundelay(*CASE, "--out", tmp_path / "g.svg")
    assert all(word in outcome.out for word in ("goodput", "topology", "restart", "ckpt.", "stops/day"))
    assert "dgx: the job never fits" in outcome.err
    assert "below peak" in (tmp_path / "g.svg").read_text()
    assert roundelay(*CASE, "--out", tmp_path / "g.svg").code == 2


def test_on_the_real_trace(roundelay, real_trace) -> None:
    (row,) = roundelay(*CASE, "--trace", real_trace, "--arch", "infinitepod-k3", "--json").json()["rows"]
    assert 0.9 < row["availability"] < 0.97 and row["terms"]["topology"] < 0.001


def test_a_models_best_mfu_stands_in_for_a_given_one(roundelay) -> None:
    common = ("fabric", "goodput", "--seeds", 1, "--tp", 8, "--job-gpus", 512, "--arch", "infinitepod-k2,dgx,nvl-72")
    outcome = roundelay(*common, "--model", "gpt-175b", "--seq", 2048, "--global-batch", 512, "--json")
    rows = outcome.json()["rows"]
    assert [row["arch"] for row in rows] == ["infinitepod-k2", "dgx", "nvl-72"]
    for row in rows:
        given = roundelay(*common, "--mfu", row["mfu"], "--json").json()["rows"]
        same = next(other for other in given if other["arch"] == row["arch"])
        assert same["terms"] == pytest.approx(row["terms"])
    wide = roundelay(*common[:4], "--tp", 32, *common[6:], "--model", "gpt-175b", "--seq", 2048, "--json")
    (dgx,) = [row for row in wide.json()["rows"] if row["arch"] == "dgx"]
    assert set(dgx) == {"arch", "note"} and "--job-gpus" in dgx["note"]


BAD = [
    ((), "--mfu"),
    (("--model", "gpt-175b", "--job-gpus", 512, "--global-batch", 0), "--global-batch 0: give a whole number"),
    (("--model", "gpt-175b"), "give --job-gpus"),
    (("--model", "gpt-175b", "--mfu", 0.4, "--job-gpus", 512), "one of the two"),
    (("--model", "gpt-175", "--job-gpus", 512), "did you mean gpt-175b?"),
    (("--model", "llama3-405b", "--job-gpus", 32), "fits nowhere"),
    (("--mfu", 0), "ratio above 0"),
    (("--mfu", 40), "at most 1"),
    (("--mfu", "nan"), "ratio above 0"),
    (("--mfu", 0.4, "--checkpoint-s", -1), "give seconds"),
    (("--mfu", 0.4, "--restart-s", "inf"), "give seconds"),
    (("--mfu", 0.4, "--interval-s", 0), "give seconds, 0.001"),
    (("--mfu", 0.4, "--job-gpus", 1000), "multiple of 32"),
    (("--mfu", 0.4, "--job-gpus", 5760), "at most the fabric's 2880"),
    (("--mfu", 0.4, "--job-gpus", 0), "multiple of 32"),
    (("--mfu", 0.4, "--replica-gpus", 48), "multiple of 32"),
    (("--mfu", 0.4, "--job-gpus", 320, "--replica-gpus", 128), "multiple of 128"),
    (("--mfu", 0.4, "--tp", 0), "give 1 to"),
    (("--mfu", 0.4, "--trace", "absent.json"), "cannot be read"),
    (("--mfu", 0.4, "--set", "fault_ratio=0.1"), "needs a history"),
    (("--mfu", 0.4, "--set", "spares=true"), "is for fabric waste"),
    (("--mfu", 0.4, "--set", "mfuu=0.1"), "did you mean mfu?"),
    (("--mfu", 0.4, "--out", "x.html"), "end it in"),
]


@pytest.mark.parametrize(("flags", "says"), BAD)
def test_bad_input_is_one_line(roundelay, tmp_path: Path, monkeypatch, flags: tuple[object, ...], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = roundelay("fabric", "goodput", *flags)
    assert outcome.code == 2 and outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1 and says in outcome.err, outcome.err
    assert list(tmp_path.iterdir()) == []
