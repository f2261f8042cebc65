"""The fabric's verbs: the contract to the letter, and every mistake one line with nothing written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

NAMES = ["big-switch", "infinitepod-k1", "infinitepod-k2", "infinitepod-k3", "nvl-36", "nvl-72", "nvl-576",
         "tpuv4-subblock", "tpuv4-cube", "sip-ring", "dgx"]  # fmt: skip
CASE = ("--gpus", 2880, "--gpus-per-node", 4, "--tp", 32, "--arch", "all")


def test_waste_on_the_real_trace(roundelay, real_trace) -> None:
    outcome = roundelay("fabric", "waste", "--trace", real_trace, *CASE, "--seeds", 20, "--json")
    assert outcome.code == 0
    rows = outcome.json()["rows"]
    assert [row["arch"] for row in rows] == NAMES
    assert all({"waste", "remainder", "topology", "p50", "p99", "max"} <= set(row) for row in rows)
    assert rows[2]["waste"] == pytest.approx(0.0052, abs=0.0005)


def test_waste_at_a_ratio_carries_the_closed_form(roundelay) -> None:
    rows = roundelay("fabric", "waste", "--fault-ratio", 0.05, "--seeds", 2, "--json").json()["rows"]
    assert [row["arch"] for row in rows] == NAMES
    assert all("closed_form" in row for row in rows)


def test_a_bare_waste_uses_the_built_in_generator(roundelay) -> None:
    rows = roundelay("fabric", "waste", "--json").json()["rows"]
    assert rows[0]["waste"] < rows[2]["waste"] < 0.1 * rows[5]["waste"]
    table = roundelay("fabric", "waste", "--seeds", 1)
    assert "infinitepod-k2" in table.out and "dgx" in table.err


def test_all_on_8_gpu_nodes_says_in_its_row_why_nvl_36_cannot(roundelay) -> None:
    rows = roundelay("fabric", "waste", "--gpus-per-node", 8, "--seeds", 1, "--json").json()["rows"]
    assert sorted(row["arch"] for row in rows) == sorted(NAMES)
    assert "cuts a node" in {row["arch"]: row.get("note", "") for row in rows}["nvl-36"]


def test_settings_come_from_file_then_set_then_flags(roundelay, tmp_path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('arch = "dgx"\ntp = 8\nseeds = 3\n')
    rows = roundelay("fabric", "waste", "--config", config, "--set", "seeds=1", "--arch", "big-switch", "--json")
    assert [row["arch"] for row in rows.json()["rows"]] == ["big-switch"]
    outcome = roundelay("fabric", "waste", "--set", "sedes=1")
    assert outcome.code == 2 and "did you mean seeds?" in outcome.err


def test_sweep_writes_what_its_ending_names(roundelay, tmp_path) -> None:
    common = ("fabric", "sweep", "--ratios", "0,0.05", "--arch", "big-switch,infinitepod-k2", "--seeds", 1)
    for ending in ("csv", "json", "svg", "png"):
        out = tmp_path / f"s.{ending}"
        assert roundelay(*common, "--out", out).code == 0
        assert out.stat().st_size > 100
    assert len(list(csv.DictReader((tmp_path / "s.csv").open()))) == 4
    assert len(json.loads((tmp_path / "s.json").read_text())["rows"]) == 4
    assert roundelay(*common, "--out", tmp_path / "s.csv").code == 2


def test_faults_reads_generates_and_fits(roundelay, tmp_path, real_trace) -> None:
    assert roundelay("fabric", "faults", "--trace", real_trace, "--json").json()["faults"] == 584
    made, model = tmp_path / "made.json", tmp_path / "model.toml"
    assert roundelay("fabric", "faults", "--servers", 100, "--seed", 4, "--out", made, "--fit", model).code == 0
    assert roundelay("fabric", "waste", "--trace", made, "--gpus", 576, "--seeds", 1, "--json").code == 0
    outcome = roundelay("fabric", "waste", "--gpus", 576, "--seeds", 1, "--set", f"fault_model={model}", "--json")
    assert outcome.code == 0
    before = made.read_bytes()
    assert roundelay("fabric", "faults", "--servers", 10, "--out", made).code == 2
    assert made.read_bytes() == before


def test_report_is_one_file_that_asks_for_no_other(roundelay, tmp_path) -> None:
    out = tmp_path / "r.html"
    common = ("fabric", "report", "--gpus", 1152, "--seeds", 2, "--set", "draws=20", "--out", out)
    assert roundelay(*common).code == 0
    text = out.read_text()
    assert text.count("<svg") == 5 and "In plain words" in text and "does not hold" in text
    assert not any(word in text for word in ('src="', "<script", "<link", "@import", "nan"))
    assert roundelay(*common).code == 0, "its own file may be made again"
    out.write_text("mine")
    assert roundelay(*common).code == 2 and out.read_text() == "mine"
    assert roundelay(*common, "--force").code == 0


BAD = [
    (("--tp", 30, "--arch", "infinitepod-k2"), "multiple of the node's 4"),
    (("--tp", 0), "give 1 to the fabric's 2880"),
    (("--tp", 5760), "give 1 to the fabric's 2880"),
    (("--gpus", 2881), "1 GPUs fill no node"),
    (("--gpus", 0), "at least one node"),
    (("--gpus", 2888, "--arch", "nvl-72"), "8 GPUs would be cut off"),
    (("--gpus-per-node", 0), "at least 1"),
    (("--gpus-per-node", 8, "--arch", "nvl-36"), "cuts a node in two"),
    (("--arch", "nvl-73"), "choose from"),
    (("--seeds", 0), "1 to 10,000"),
    (("--fault-ratio", 1), "not including, 1"),
    (("--fault-ratio", "nan"), "ratio"),
    (("--fault-ratio", -0.1), "ratio"),
    (("--fault-ratio", 0.1, "--trace", "x"), "one of the two"),
    (("--trace", "absent.json"), "cannot be read"),
    (("--job-share", 2), "at most 1"),
    (("--set", "nonsense"), "key=value"),
    (("--config", "absent.toml"), "cannot be read"),
]


WASTE_ONLY = ("--fault-ratio", "--job-share")
CASES = [("waste", *case) for case in BAD] + [("report", *case) for case in BAD if case[0][0] not in WASTE_ONLY]


@pytest.mark.parametrize(("verb", "flags", "says"), CASES)
def test_bad_input_is_one_line_exit_2_and_writes_nothing(
    roundelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, flags: tuple[object, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = roundelay("fabric", verb, *flags)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1 and says in outcome.err
    assert outcome.out == "" and list(tmp_path.iterdir()) == []


def test_a_trace_smaller_than_the_fabric_is_refused(roundelay, real_trace) -> None:
    outcome = roundelay("fabric", "waste", "--trace", real_trace, "--gpus", 5760)
    assert outcome.code == 2 and "covers 3200 GPUs" in outcome.err
    outcome = roundelay("fabric", "waste", "--trace", real_trace, "--set", "servers=200")
    assert outcome.code == 2 and "231" in outcome.err


@pytest.mark.parametrize(("size", "missing", "says"), [
    (("--gpus", 3200), {"nvl-36", "nvl-72", "nvl-576"}, "32 GPUs would be cut off"),
    (("--gpus", 2880, "--gpus-per-node", 8, "--tp", 12), {"infinitepod-k2", "sip-ring", "tpuv4-cube", "nvl-36"},
     "multiple of the node's 8"),
])  # fmt: skip
@pytest.mark.parametrize(
    "verb", [("waste", "--seeds", 1), ("sweep", "--ratios", "0.02"), ("goodput", "--mfu", 0.4, "--seeds", 1)]
)
def test_what_an_architecture_cannot_do_is_a_note_in_its_row(
    roundelay, verb: tuple[object, ...], size: tuple[object, ...], missing: set[str], says: str
) -> None:
    asked = (*verb, *size, "--arch", "all")
    answer = roundelay("fabric", *asked, "--json").json()
    notes = {row["arch"]: row["note"] for row in answer["rows"] if "note" in row}
    assert missing <= set(notes) and any(says in text for text in notes.values())
    assert len(answer["left_out"]) >= len(missing)
    assert any("note" not in row for row in answer["rows"])
    shown = roundelay("fabric", *asked)
    assert shown.code == 0 and says in shown.err and all(name in shown.out for name in missing)


def test_the_report_says_in_its_table_what_an_architecture_cannot_do(roundelay, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert roundelay("fabric", "report", "--gpus", 3200, "--seeds", 1, "--out", out).code == 0
    text = out.read_text()
    assert text.count("GPUs would be cut off") == 3 and "<th scope=row>nvl-72</th><td colspan" in text


def test_one_architecture_that_cannot_be_is_refused(roundelay) -> None:
    for verb in (("waste",), ("goodput", "--mfu", 0.4)):
        outcome = roundelay("fabric", *verb, "--gpus", 3200, "--arch", "nvl-72,nvl-576")
        assert outcome.code == 2 and "32 GPUs would be cut off" in outcome.err
