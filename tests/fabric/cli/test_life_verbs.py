"""A placement's life on the command line: several jobs in one file, an epoch log, losses asked about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from roundelay.fabric.control import what_if
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.placement import dcn, epochs, orchestrate, placement
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment


@pytest.fixture
def state(roundelay, tmp_path: Path) -> Path:
    """64 nodes, two a ToR; jobs a (TP-16, 6 groups) and b (TP-8, 4 groups)."""
    file = tmp_path / "state.json"
    args = ("--nodes", 64, "--k", 3, "--nodes-per-tor", 2, "--tp", 16, "--job-gpus", 96, "--name", "a", "--out", file)
    assert roundelay("fabric", "place", *args).code == 0
    add = ("--into", file, "--tp", 8, "--job-gpus", 32, "--name", "b", "--in-place")
    assert roundelay("fabric", "place", *add).code == 0
    return file


def test_jobs_grow_shrink_and_leave_and_nodes_return(roundelay, state: Path) -> None:
    a, b = (placement.read(state).job(name) for name in "ab")
    grown = roundelay("fabric", "grow", state, "a", "--by", 32, "--in-place", "--json").json()
    assert grown["epoch"] == 3 and grown["switched_bundles"] > 0
    now = placement.read(state)
    assert now.job("a").groups[:6] == a.groups and len(now.job("a").groups) == 8 and now.job("b") == b
    node = a.groups[0][1]
    assert roundelay("fabric", "repair", state, "--fail", node, "--in-place").code == 0
    back = roundelay("fabric", "return", state, node, "--in-place", "--json").json()
    assert back["epoch"] == 4 and back["down"] == 0 and back["event"] == "no group changed"
    shrunk = roundelay("fabric", "shrink", state, "b", "--job-gpus", 16, "--in-place", "--json").json()
    assert [row["gpus"] for row in shrunk["jobs"] if row["name"] == "b"] == [16]
    assert placement.read(state).job("b").groups == b.groups[:2]
    gone = roundelay("fabric", "release", state, "a", "--in-place", "--json").json()
    assert gone["released"] == ["a"] and gone["free"] == 60
    log = roundelay("fabric", "log", state, "--json").json()["log"]
    assert [entry["epoch"] for entry in log] == [1, 2, 3, 4, 5, 6]
    assert [entry["event"].split()[0] for entry in log] == ["place", "place", "resize", "down", "resize", "release"]
    assert log[2]["jobs"] == {"a": [6, 7]} and log[3]["jobs"] == {"a": [0]} and log[5]["jobs"] == {"a": None}
    assert [e["epoch"] for e in roundelay("fabric", "log", state, "--since", 4, "--json").json()["log"]] == [5, 6]


def test_without_out_or_in_place_nothing_is_written(roundelay, state: Path) -> None:
    before = state.read_bytes()
    for verb in (("release", state, "a"), ("grow", state, "a", "--by", 16), ("shrink", state, "b", "--by", 8)):
        outcome = roundelay("fabric", *verb)
        assert outcome.code == 0 and "nothing is written" in outcome.err
    assert state.read_bytes() == before and list(state.parent.iterdir()) == [state]


BAD = [
    (("release", "nope"), "name one of: a, b"),
    (("return", "6"), "is not down"),
    (("return", "x9"), "x9"),
    (("grow", "a"), "either --job-gpus"),
    (("grow", "a", "--by", 16, "--job-gpus", 112), "either --job-gpus"),
    (("grow", "a", "--by", 8), "multiple of TP-16"),
    (("grow", "a", "--job-gpus", 96), "to more"),
    (("grow", "a", "--by", 1600), "only 224 GPUs"),
    (("shrink", "b", "--by", 32), "release ends a job"),
    (("shrink", "b", "--job-gpus", 64), "to fewer"),
    (("what-if", "--each", "shelf"), "choose from"),
    (("what-if", "--maintain", "tor:99"), "no such tor"),
    (("what-if", "--maintain", "rack"), "KIND:NAME"),
]


@pytest.mark.parametrize(("words", "says"), BAD, ids=[" ".join(map(str, words)) for words, _ in BAD])
def test_bad_input_is_one_line_and_writes_nothing(roundelay, state: Path, words, says: str) -> None:
    before = state.read_bytes()
    write = () if words[0] == "what-if" else ("--in-place",)
    outcome = roundelay("fabric", words[0], state, *words[1:], *write)
    assert outcome.code == 2 and says in outcome.err and outcome.err.count("\n") == 1
    assert state.read_bytes() == before and list(state.parent.iterdir()) == [state]


def test_emit_writes_what_changed_since_an_epoch(roundelay, state: Path) -> None:
    out = state.parent / "out"
    emit = ("fabric", "emit", state, "--to", "hostfile", "--out", out)
    assert roundelay("fabric", "grow", state, "a", "--by", 16, "--in-place").code == 0
    both = roundelay(*emit, "--changed-since", 0, "--json").json()
    assert {job["job"] for job in both["jobs"]} == {"a", "b"} and (out / "a").is_dir() and (out / "b").is_dir()
    one = roundelay(*emit, "--changed-since", 2, "--json").json()
    assert [(job["job"], job["changed_groups"]) for job in one["jobs"]] == [("a", [6])]
    none = roundelay(*emit, "--changed-since", 3)
    assert none.code == 0 and "no job has changed" in none.err
    assert "not changed" in roundelay(*emit, "--job", "b", "--changed-since", 2).err
    assert roundelay("fabric", "release", state, "b", "--in-place").code == 0
    left = roundelay(*emit, "--changed-since", 3, "--json").json()
    assert left["released"] == ["b"] and left["jobs"] == []
    late = roundelay(*emit, "--changed-since", 9)
    assert late.code == 2 and "is at epoch 4" in late.err


def test_a_log_that_does_not_reach_back_says_that_all_changed() -> None:
    groups = {"a": (8, ((0, 1), (2, 3)))}
    entry = epochs.Entry.of(7, "down 0", {"a": (8, ((0, 1), (2, 4)))}, groups)
    assert entry.jobs == (("a", (1,)),) and epochs.Entry.parse(entry.as_dict()) == entry
    assert epochs.since(6, 7, (entry,), groups).jobs == {"a": (1,)}
    assert epochs.since(5, 7, (entry,), groups).jobs == {"a": (0, 1)} == epochs.since(5, 7, (), groups).jobs


def test_a_file_changed_meanwhile_is_not_overwritten(state: Path) -> None:
    from roundelay.errors import BadInput
    from roundelay.fabric.cli import life_verb

    before, read = life_verb.opened(state, None, True, force=False)
    state.write_text(read + "\n")
    with pytest.raises(BadInput, match="changed by another"):
        life_verb.save(state, read, before, None, True, force=False)


def test_what_a_loss_would_do_is_what_the_controller_does(roundelay, state: Path) -> None:
    value = roundelay("fabric", "what-if", state, "--no-progress", "--json").json()
    assert value["units"] == {"node": 64, "tor": 32, "row": 2} == value["tried"]
    assert [row["kind"] for row in value["worst"]].count("row") == 2
    worst = next(row for row in value["worst"] if row["kind"] == "tor")
    kept = roundelay("fabric", "what-if", state, "--maintain", f"tor:{worst['unit']}", "--json").json()["maintenance"]
    assert (kept["moved_groups"], kept["cross_tor"]) == (worst["moved_groups"], worst["cross_tor"])
    tor = int(worst["unit"])
    done = roundelay("fabric", "repair", state, "--fail", 2 * tor, 2 * tor + 1, "--json").json()
    assert done["disturbed_groups"] == worst["moved_groups"] == len(kept["moves"])
    assert roundelay("fabric", "what-if", state, "--each", "tor", "--most", 5, "--no-progress").err.count("5 of 32")


def test_the_largest_job_that_stays_aligned_does(state: Path) -> None:
    placed = placement.read(state)
    gpus = what_if.largest_aligned(placed, 32)
    _, score = orchestrate.place(placed, 32, gpus, "c")
    assert score.cross_tor == 0.0 and gpus >= 64
    empty = Placement(Deployment.of(2040, 4, 3, 2), ())
    assert what_if.largest_aligned(empty, 32) == 254 * 32


def test_units_that_are_down_are_not_lost_again() -> None:
    down = Placement(Deployment.of(16, 4, 2, 2, tors_per_domain=4), (), (0, 1))
    assert len(what_if.units(down, "tor")) == 7 and len(what_if.units(down, "node")) == 14
    assert [unit.nodes for unit in what_if.units(down, "domain")] == [tuple(range(2, 8)), tuple(range(8, 16))]
    assert all(one.moved_groups == 0 for one in what_if.losses(down, what_if.KINDS, 100))
    placed, _ = orchestrate.place(down, 8, 40)
    assert np.isclose(what_if.crossing(placed), dcn.crossing(placed.job().array() // 2, [dcn.Rings("inner", 2)]))
    assert Controller.of(placed).memory.placement is placed and json.loads(placed.dumps())["log"][0]["epoch"] == 1
