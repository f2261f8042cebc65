"""`roundelay fabric cost` at the door: the contract, a user's own prices, and every mistake one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

NAMES = ["tpuv4", "nvl-36", "nvl-72", "nvl-36x2", "nvl-576", "infinitepod-k2", "infinitepod-k3"]


def test_json_keeps_the_contract(roundelay) -> None:
    rows = roundelay("fabric", "cost", "--json").json()["rows"]
    assert [row["arch"] for row in rows] == NAMES
    k2 = rows[5]
    assert (k2["usd_per_gpu"], k2["w_per_gpu"], round(k2["usd_per_gbps"], 2)) == (2626.80, 48.10, 3.28)


def test_the_table_shows_cents(roundelay) -> None:
    out = roundelay("fabric", "cost").out
    assert "9,563.20" in out and "3.28" in out and "ocstrx-800g 91%" in out


def test_everything_asked_for_stands_in_one_answer(roundelay, tmp_path) -> None:
    common = ("fabric", "cost", "--arch", "infinitepod-k2,nvl-72", "--ratios", "0,0.05", "--against", "nvl-72")
    flags = (*common, "--floor", "default")
    found = roundelay(*flags, "--json").json()
    assert list(found) == ["rows", "aggregate", "sensitivity", "fibres"]
    assert len(found["aggregate"]) == 4
    for ending in ("json", "svg", "png", "csv"):
        assert roundelay(*flags, "--out", tmp_path / f"c.{ending}").code == 0
    assert json.loads((tmp_path / "c.json").read_text()) == found
    assert next(csv.DictReader((tmp_path / "c.csv").open()))["arch"] == "infinitepod-k2"
    assert "breaks even at 2,0" in (tmp_path / "c.svg").read_text()
    assert roundelay(*flags, "--out", tmp_path / "c.csv").code == 2
    table = roundelay(*flags)
    assert "breaks even" in table.out and "longest" in table.out


MINE = """
[item.nvswitch-chip]
price_usd = 1000
power_w = 100
source = "our quotation of May"
[item.ocstrx-800g]
price_usd = 500
[site]
electricity_usd_per_kwh = 0.2
[arch.dgx]
gpus_count = 8
hbd_gbytes_per_s_per_gpu = 900
waste_rule = "dgx"
[arch.dgx.bill_count]
nvswitch-chip = 4
"""


def test_a_users_own_prices_change_and_add_without_repeating_the_rest(roundelay, tmp_path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(MINE)
    rows = {row["arch"]: row for row in roundelay("fabric", "cost", "--prices", mine, "--json").json()["rows"]}
    assert rows["dgx"]["usd_per_gpu"] == 500 and rows["dgx"]["w_per_gpu"] == 50
    assert rows["dgx"]["energy_usd_per_gpu_year"] == pytest.approx(50 * 8.76 * 1.58 * 0.2)
    assert rows["infinitepod-k2"]["usd_per_gpu"] == pytest.approx(2626.80 - 16 * 100 / 4)
    assert rows["nvl-72"]["usd_per_gpu"] == 9563.20


def bad(key: str, value: str) -> str:
    return f"[item.ocstrx-800g]\n{key} = {value}\n"


BAD_FILES = [
    (bad("price_usd", "-1"), "give a number from 0"),
    (bad("price_usd", "nan"), "give a number"),
    (bad("price_usd", "inf"), "give a number"),
    (bad("price_usd", "1e300"), "to 1e+12"),
    (bad("price_usd", "true"), "give a number"),
    (bad("price_usd", '"600"'), "give a number"),
    (bad("price_eur", "600"), "did you mean price_usd?"),
    (bad("power_kw", "0.012"), "did you mean power_w?"),
    ("[item.ocstrx-800]\nprice_usd = 1\npower_w = 1\n", "did you mean ocstrx-800g?"),
    ("[items.ocs]\nprice_usd = 1\n", "did you mean item?"),
    ("[item]\nocs = 3\n", "is no table"),
    ("[site]\npue = 1.2\n", "did you mean pue_ratio?"),
    ("[site]\npue_ratio = 0.5\n", "1 or more"),
    ("[arch.nvl-72.bill_count]\nnvlink-switches = 18\n", "did you mean nvlink-switch?"),
    ("[arch.nvl-72.bill_count]\nnvlink-switch = -18\n", "give a number from 0"),
    ("[arch.nvl-72.bill_count]\ngpu = 1\n", "is unknown"),
    ("[arch.nvl-72]\ngpus_count = 0\n", "whole number"),
    ("[arch.nvl-72]\ngpus_count = 7.5\n", "whole number"),
    ("[arch.nvl-72]\nhbd_gbytes_per_s_per_gpu = 0\n", "above 0"),
    ("[arch.nvl-72]\nhbd_gbps_per_gpu = 7200\n", "did you mean hbd_gbytes_per_s_per_gpu?"),
    ("[arch.nvl-72]\nwaste_rule = 'nvl72'\n", "did you mean nvl-72?"),
    ("[arch.mine]\ngpus_count = 8\n", "lacks hbd_gbytes_per_s_per_gpu"),
    ("price = 3\n", "is unknown"),
    ("[item", "is not TOML"),
]
BAD_FLAGS = [
    (("--prices", "absent.toml"), "cannot be read"),
    (("--arch", "nvl-73"), "did you mean nvl-72?"),
    (("--against", "nvl-7"), "has no bill"),
    (("--against", "nvl-72", "--arch", "nvl-72"), "choose another"),
    (("--per", "node"), "choose gpu"),
    (("--fault-ratio", 0.1), "goes with --against"),
    (("--fault-ratio", 1, "--against", "nvl-72"), "not including, 1"),
    (("--ratios", "1"), "not including, 1"),
    (("--ratios", "nan"), "ratio"),
    (("--ratios", "0.1", "--gpus", 2881), "1 GPUs fill no node"),
    (("--ratios", "0.1", "--gpus-per-node", 8, "--arch", "nvl-36"), "cuts a node in two"),
    (("--ratios", "0.1", "--gpus-per-node", 8, "--arch", "infinitepod-k2"), "billed for nodes of 4"),
    (("--ratios", "0.1", "--tp", 30, "--arch", "infinitepod-k2"), "multiple of the node's 4"),
    (("--ratios", "0.1", "--gpus", 2884, "--arch", "nvl-36,nvl-72"), "cut off"),
    (("--floor", "absent.toml"), "--floor absent.toml: cannot be read"),
    (("--floor", "default", "--arch", "nvl-72"), "for K-hop rings"),
    (("--gpus", 0), "at least one node"),
    (("--set", "tpp=8"), "did you mean tp?"),
    (("--out", "x.pdf"), "end it in"),
]


def one_line(outcome, says: str, folder: Path) -> None:
    assert outcome.code == 2 and outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1 and says in outcome.err, outcome.err
    assert [path.name for path in folder.iterdir() if path.name != "mine.toml"] == []


@pytest.mark.parametrize(("text", "says"), BAD_FILES)
def test_a_wrong_prices_file_is_one_line(roundelay, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    one_line(roundelay("fabric", "cost", "--prices", tmp_path / "mine.toml"), says, tmp_path)


@pytest.mark.parametrize(("flags", "says"), BAD_FLAGS)
def test_a_wrong_flag_is_one_line(roundelay, tmp_path: Path, monkeypatch, flags: tuple[object, ...], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    one_line(roundelay("fabric", "cost", *flags), says, tmp_path)


BAD_FLOORS = [
    ("rack_pitch_cm = 60\n", "did you mean rack_pitch_m?"),
    ("riser_m = -1.0\n", "give 0"),
    ("lay = 'ring'\n", "choose from fold"),
    ("routing = 'ring'\n", "choose from fold"),
    ("nodes_per_rack = 0\n", "give 1"),
    ("row_pitch_m = 1000000.0\n", "none is sold"),
    ("nodes_per_tor = 7\n", "does not divide"),
]


@pytest.mark.parametrize(("text", "says"), BAD_FLOORS)
def test_a_wrong_floor_plan_is_one_line(roundelay, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    one_line(roundelay("fabric", "cost", "--floor", tmp_path / "mine.toml"), says, tmp_path)


def test_a_bill_whose_waste_cannot_be_is_a_note_in_its_row(roundelay, tmp_path: Path) -> None:
    asked = ("fabric", "cost", "--gpus", 3200, "--ratios", "0.02", "--against", "infinitepod-k2", "--fault-ratio", 0.01)
    answer = roundelay(*asked, "--json", "--out", tmp_path / "cost.svg").json()
    for table in ("aggregate", "sensitivity"):
        notes = {row["arch"] for row in answer[table] if "note" in row}
        assert {"nvl-36", "nvl-72", "nvl-576"} <= notes < {row["arch"] for row in answer[table]}
    outcome = roundelay(*asked)
    assert outcome.code == 0 and "would be cut off" in outcome.err and (tmp_path / "cost.svg").is_file()
