"""`fabric inventory` and `--inventory`: what is shown, said, written, and refused."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

RACKS = """host,leaf,rack,gpus,state
h1,l1,r1,4,idle
h2,l1,r1,4,idle
h3,l2,r1,4,down*
h4,l2,r1,4,idle
h5,l3,r2,4,idle
h6,l4,r2,4,idle
h7,l4,r2,4,idle
h8,,r2,4,idle
h9,l4,r2,8,idle
"""


@pytest.fixture
def racks(tmp_path: Path) -> Path:
    path = tmp_path / "racks.csv"
    path.write_text(RACKS)
    return path


def test_what_was_read_is_shown_and_what_is_unusable_said(roundelay, racks: Path) -> None:
    outcome = roundelay("fabric", "inventory", racks)
    assert outcome.code == 0 and "9 hosts of 4 GPUs under 4 ToRs, 6 usable (csv)" in outcome.out
    assert "uneven: 1 where most have 2" in outcome.out
    assert "1 host that has no ToR: h8" in outcome.err and "8 GPUs, not 4: h9" in outcome.err
    assert "down: 1 host: h3 (down*)" in outcome.err
    facts = roundelay("fabric", "inventory", racks, "--json").json()["summary"]
    assert facts["uneven_tors"] == {"l3": 1} and facts["usable"] == 6
    assert facts["never_chosen"] == {"h8": "has no ToR", "h9": "has 8 GPUs, not 4"}


def test_it_is_written_in_our_own_form_and_read_again(roundelay, racks: Path, tmp_path: Path) -> None:
    first = roundelay("fabric", "inventory", racks, "--json").json()["hosts"]
    for name in ("own.json", "own.csv"):
        assert roundelay("fabric", "inventory", racks, "--out", tmp_path / name).code == 0
        assert roundelay("fabric", "inventory", tmp_path / name, "--json").json()["hosts"] == first
        assert roundelay("fabric", "inventory", racks, "--out", tmp_path / name).code == 2
    (tmp_path / "printed").write_text(roundelay("fabric", "inventory", racks, "--json").out)
    assert roundelay("fabric", "inventory", tmp_path / "printed", "--json").json()["hosts"] == first
    assert roundelay("fabric", "inventory", racks, "--out", tmp_path / "own.xml").code == 2


def test_standard_input_is_a_file(roundelay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RACKS.encode())))
    assert len(roundelay("fabric", "inventory", "-", "--json").json()["hosts"]) == 9


def test_a_placement_over_the_racks_speaks_their_names(roundelay, racks: Path, tmp_path: Path) -> None:
    (tmp_path / "down.txt").write_text("h8,h7  # h8 stands nowhere\n")
    (tmp_path / "wrong.txt").write_text("h7 h71\n")
    out = tmp_path / "p.json"
    common = ("fabric", "place", "--inventory", racks, "--k", 2, "--tp", 8, "--job-gpus", 16)
    outcome = roundelay(*common, "--down", tmp_path / "down.txt", "--out", out, "--json")
    assert outcome.code == 0 and "1 of 8 slots are without a host" in outcome.err
    value = json.loads(out.read_text())
    assert value["tors"] == ["l1", "l2", "l3", "l4"] and value["missing"] == [5]
    chosen = [value["hosts"][node] for group in value["jobs"][0]["groups"] for node in group["nodes"]]
    assert set(chosen) <= {"h1", "h2", "h4", "h5", "h6"}
    assert roundelay("fabric", "explain", out, "--node", "h5", "--json").json()["tor_name"] == "l3"
    assert roundelay("fabric", "explain", out, "--json").json()["missing"] == 1
    repaired = roundelay("fabric", "repair", out, "--fail", chosen[0], "--json")
    assert repaired.code == 0 or "h" in repaired.err
    for flags, says in (
        (("--nodes", 8), "goes without --inventory"),
        (("--down", tmp_path / "wrong.txt"), "no host of that name; did you mean h7?"),
        (("--into", out), "goes without --into"),
        (("--nodes-per-tor", 2), "names ToRs"),
    ):
        refused = roundelay(*common, *flags)
        assert refused.code == 2 and says in refused.err


def test_host_lists_are_hosts(roundelay, tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("node[001-016]\n")
    (tmp_path / "down.txt").write_text("node[003-004]")
    flags = ("--tp", 16, "--job-gpus", 32, "--hosts", tmp_path / "hosts.txt", "--down", tmp_path / "down.txt")
    assert roundelay("fabric", "place", "--nodes", 16, *flags, "--json").code == 0
    assert roundelay("fabric", "place", *flags, "--out", tmp_path / "p.json").code == 0
    value = json.loads((tmp_path / "p.json").read_text())
    assert value["hosts"][15] == "node016" and value["down"] == [2, 3]
    refused = roundelay("fabric", "place", "--nodes", 17, *flags)
    assert refused.code == 2 and "names 16 hosts; give 17" in refused.err


BAD = [
    ("", "is empty"),
    ("host,tor\na,t\nb\n", "line 3"),
    ("host,tor\na,t\na,u\n", "stands twice"),
    ("nonsense and more nonsense", "no form that is known"),
    ('[{"node_id": "a", "event_time": 1, "event_type": "fault_start"}]', "fault history"),
]


@pytest.mark.parametrize(("text", "says"), BAD)
def test_bad_input_is_one_line_exit_2_and_writes_nothing(roundelay, tmp_path: Path, text: str, says: str) -> None:
    path, out = tmp_path / "x", tmp_path / "out.json"
    path.write_text(text)
    for command in (("inventory", path, "--out", out), ("place", "--inventory", path, "--job-gpus", 32, "--out", out)):
        outcome = roundelay("fabric", *command)
        assert outcome.code == 2 and outcome.out == "" and not out.exists()
        assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1 and says in outcome.err


def test_the_servers_of_a_history_are_said_on_stderr(roundelay, tmp_path: Path) -> None:
    path = tmp_path / "faults.csv"
    path.write_text("node,start,end\nn1,2024-01-01,2024-01-02\nn2,2024-01-05,\nn3,2024-01-07,2024-01-09\n")
    outcome = roundelay("fabric", "faults", "--trace", path, "--json")
    assert outcome.json()["servers"] == 3 and "does not say how many servers" in outcome.err
    assert roundelay("fabric", "faults", "--trace", path, "--servers", 100, "--json").json()["servers"] == 100
    outcome = roundelay("fabric", "waste", "--trace", path, "--arch", "dgx", "--seeds", 1)
    assert outcome.code == 2 and "covers 24 GPUs (3 servers)" in outcome.err and "--servers" in outcome.err
