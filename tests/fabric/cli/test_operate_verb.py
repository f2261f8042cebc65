"""The contract of `roundelay fabric operate`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

JOBS = """
[[job]]
name = "pretrain"
gpus = 192
tp = 16
min_gpus = 96
duration_days = 20

[[job]]
name = "finetune"
gpus = 48
tp = 16
submitted_days = 3
duration_days = 5
max_wait_days = 4
"""
FABRIC = ("--nodes", 64, "--gpus-per-node", 4, "--k", 3, "--nodes-per-tor", 2)


def faults(*records: tuple[str, float, str]) -> str:
    return json.dumps(
        [{"node_id": n, "event_time": t, "event_type": f"fault_{e}", "fault_type": {}} for n, t, e in records]
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """(jobs, trace)."""
    jobs, trace = tmp_path / "jobs.toml", tmp_path / "trace.json"
    jobs.write_text(JOBS)
    each = [(f"n{i}", 1 + 0.1 * i, "start") for i in range(150)] + [(f"n{i}", 3 + 0.1 * i, "end") for i in range(150)]
    trace.write_text(faults(*each, ("late", 40.0, "start"), ("late", 41.0, "end")))
    return jobs, trace


def test_the_contract_of_operate(roundelay, files, tmp_path) -> None:
    jobs, trace = files
    out, rows = tmp_path / "decisions.json", tmp_path / "jobs.csv"
    run = ("fabric", "operate", "--jobs", jobs, "--trace", trace, *FABRIC, "--seed", 1)
    answer = roundelay(*run, "--out", out, "--json").json()
    assert set(answer) == {"summary", "jobs"} and [job["name"] for job in answer["jobs"]] == ["pretrain", "finetune"]
    assert all(job["state"] == "ended" for job in answer["jobs"])
    summary = answer["summary"]
    assert summary["days"] == 41 and summary["gpus"] == 256 and 0 < summary["held_ratio"] < 1
    written = json.loads(out.read_text())
    assert written["summary"] == summary and written["jobs"] == answer["jobs"]
    first = written["decisions"][0]
    assert first["event"] == "JobSubmitted"
    assert [action["action"] for action in first["actions"]] == ["Place", "Switch", "Publish"]
    moves = [a for entry in written["decisions"] for a in entry["actions"] if a["action"] == "Move"]
    assert len(moves) == summary["moved_groups"] >= 1 and {"job", "group", "before", "after"} <= set(moves[0])
    table = roundelay(*run, "--out", rows)
    assert table.code == 0 and "pretrain" in table.out and "moved groups:" in table.err
    assert [row["name"] for row in csv.DictReader(rows.open())] == ["pretrain", "finetune"]
    assert roundelay(*run, "--out", rows).code == 2, "an existing file is not replaced"
    assert roundelay(*run, "--out", rows, "--force").code == 0


def test_without_a_trace_the_generator_makes_one(roundelay, files) -> None:
    run = ("fabric", "operate", "--jobs", files[0], *FABRIC, "--json")
    answer = roundelay(*run).json()
    assert answer == roundelay(*run).json() and answer["summary"]["node_faults"] > 0


BAD = [
    (("--jobs", "absent.toml"), "", "cannot be read"),
    (("--jobs", "jobs.txt"), "", "end it in .toml, .json or .csv"),
    (("--trace", "absent.json"), "", "cannot be read"),
    (("--trace", "jobs.toml"), "", "is not JSON"),
    (("--nodes-per-tor", 3), "", "does not divide"),
    (("--k", 40), "", "give 1 to"),
    (("--seed", -1), "", "0 or more"),
    (("--servers", 100), "", "has faults on 151"),
    (("--out", "x.svg"), "", "end it in"),
    ((), '[[job]]\nname = "a"\ngpus = 512\ntp = 16\n', "the whole fabric holds 256"),
    ((), '[[job]]\nname = "a"\ngpus = 12\ntp = 6\n', "multiple of the node's 4"),
    ((), '[[job]]\nname = "a"\ngpus = 16\ntp = 16\n' * 2, "is named already"),
    ((), '[[job]]\nname = "a"\ngpus = 16\ntp = 16\nsubmitted_days = -3\n', "days from 0 to"),
    ((), '[[job]]\nname = "a"\ngpus = 16\n', "has no tp"),
    ((), "", "holds no list of jobs"),
    ((), "job = 3\n", "holds no list of jobs"),
    ((), "[[job]\n", "is not TOML"),
]


@pytest.mark.parametrize(("flags", "text", "says"), BAD, ids=[f"{index}-{case[2]}" for index, case in enumerate(BAD)])
def test_bad_input_is_one_line_and_writes_nothing(roundelay, files, monkeypatch, flags, text, says) -> None:
    jobs, trace = files
    monkeypatch.chdir(jobs.parent)
    if not flags:
        jobs.write_text(text)
    before = sorted(jobs.parent.iterdir())
    run = ("--jobs", jobs, "--trace", trace, *FABRIC, "--out", "o.json", *flags)
    outcome = roundelay("fabric", "operate", *run)
    assert outcome.code == 2 and says in outcome.err and outcome.err.count("\n") == 1
    assert sorted(jobs.parent.iterdir()) == before


BAD_CSV = [
    ("name,gpus,tp\na,16\n", "differs in length"),
    ("name,gpus,tp\na,x,16\n", "whole number"),
    ("name,gpus,tp\n", "holds no job"),
]


@pytest.mark.parametrize(("text", "says"), BAD_CSV, ids=[says for _, says in BAD_CSV])
def test_bad_csv_is_one_line(roundelay, tmp_path, text, says) -> None:
    (tmp_path / "jobs.csv").write_text(text)
    outcome = roundelay("fabric", "operate", "--jobs", tmp_path / "jobs.csv", *FABRIC)
    assert outcome.code == 2 and says in outcome.err and outcome.err.count("\n") == 1


def test_own_faults_fall_on_own_hosts(roundelay, tmp_path: Path) -> None:
    """Eight hosts under uneven ToRs, faults by their names: what no host bears is said, missing slots never fall."""
    racks, trace, jobs = tmp_path / "racks.csv", tmp_path / "faults.csv", tmp_path / "jobs.toml"
    racks.write_text("host,tor\n" + "".join(f"h{i},t{i // 2}\n" for i in range(9)))
    trace.write_text(
        "node,start,end\nh0,2024-01-02,2024-01-04\nh8,2024-01-03,2024-01-05\nlogin,2024-01-01,2024-01-09\n"
    )
    jobs.write_text('[[job]]\nname = "j"\ngpus = 32\ntp = 8\n')
    run = ("fabric", "operate", "--jobs", jobs, "--inventory", racks, "--k", 2)
    outcome = roundelay(*run, "--trace", trace, "--out", tmp_path / "o.json", "--json")
    assert (
        outcome.code == 0
        and "1 servers of the history are no hosts of the fabric and are left out: login" in outcome.err
    )
    summary = outcome.json()["summary"]
    assert summary["gpus"] == 36 and summary["node_faults"] == 2 and summary["days"] == 8
    jobs.write_text('[[job]]\nname = "j"\ngpus = 40\ntp = 8\n')
    refused = roundelay(*run, "--trace", trace)
    assert refused.code == 2 and "the whole fabric holds 32" in refused.err
    trace.write_text("node,start,end\nx1,2024-01-02,2024-01-04\n")
    jobs.write_text('[[job]]\nname = "j"\ngpus = 32\ntp = 8\n')
    refused = roundelay(*run, "--trace", trace)
    assert refused.code == 2 and "none of the fabric's hosts, h0 for one" in refused.err
