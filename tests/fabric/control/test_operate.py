"""A history and jobs against the core: who ran when, by hand; and the jobs file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.fabric.control import jobs_file
from roundelay.fabric.control.core.events import JobRequest, NodeDown
from roundelay.fabric.control.jobs_file import SECONDS_PER_DAY, Submission
from roundelay.fabric.control.operate import Operation
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.topology.deployment import Deployment

RING = Deployment.of(40, 4, 2)


def history(*changes: tuple[float, int, int], days: float = 100) -> Events:
    """(day, node, +1 down or -1 up)."""
    day, node, delta = zip(*changes, strict=True) if changes else ((), (), ())
    return Events(np.array(node, np.int32), np.array(delta, np.int8), np.array(day, np.float64), days)


def job(name: str, gpus: int, day: float = 0, days: float | None = None, **more: float) -> Submission:
    duration_s = None if days is None else days * SECONDS_PER_DAY
    return Submission(JobRequest(name, 16, gpus, **more), day * SECONDS_PER_DAY, duration_s)  # type: ignore[arg-type]


def played(operation: Operation) -> dict[str, dict]:
    operation.entries = list(operation.run())  # type: ignore[attr-defined]
    return {name: record.as_dict() for name, record in operation.records.items()}


def test_jobs_run_one_after_the_other() -> None:
    rows = played(Operation(RING, history(), [job("a", 160, days=10), job("b", 160, 2, 5), job("c", 32, 95, 20)]))
    assert (rows["a"]["placed_days"], rows["a"]["ended_days"], rows["a"]["state"]) == (0, 10, "ended")
    assert (rows["b"]["placed_days"], rows["b"]["ended_days"], rows["b"]["waited_days"]) == (10, 15, 8)
    assert (rows["c"]["state"], rows["c"]["held_gpus"], rows["c"]["gpu_days"]) == ("running", 32, 160)


def test_a_job_that_lost_its_place_waits_and_ends_later() -> None:
    operation = Operation(RING, history((4, 7, 1), (6, 7, -1)), [job("a", 160, days=10)])
    row = played(operation)["a"]
    assert (row["released"], row["waited_days"], row["ended_days"], row["gpu_days"]) == (1, 2, 12, 1600)
    assert operation.summary()["faults_in_groups"] == 1 and operation.summary()["held_ratio"] == 0.1


def test_a_shrunk_job_works_in_proportion_to_its_gpus() -> None:
    operation = Operation(RING, history((5, 7, 1), (55, 7, -1)), [job("a", 160, days=10, min_gpus=16)])
    row = played(operation)["a"]
    assert row["ended_days"] == pytest.approx(5 + 5 * 10 / 9) and row["placed_anew"] == 1


def test_patience_ends_on_its_day() -> None:
    jobs = [job("a", 160), job("b", 16, 1, max_wait_s=3 * SECONDS_PER_DAY), job("c", 16, 101)]
    rows = played(Operation(RING, history(), jobs))
    assert (rows["b"]["state"], rows["b"]["ended_days"], rows["b"]["waited_days"]) == ("refused", 4, 3)
    assert rows["c"]["state"] == "later"


def test_nodes_that_fail_at_once_are_one_event() -> None:
    operation = Operation(RING, history((1, 3, 1), (1, 5, 1), (2, 3, -1)), [job("a", 64)])
    played(operation)
    downs = [entry.event for entry in operation.entries if isinstance(entry.event, NodeDown)]  # type: ignore[attr-defined]
    assert downs == [NodeDown(SECONDS_PER_DAY, (3, 5))] and operation.counts["node_faults"] == 2


def test_the_three_forms_of_a_jobs_file_say_the_same(tmp_path: Path) -> None:
    texts = {
        "j.toml": '[[job]]\nname = "b"\ngpus = 32\ntp = 16\nsubmitted_days = 2\nmax_wait_days = 1.5\n'
        '[[job]]\nname = "a"\ngpus = 64\ntp = 16\nmin_gpus = 16\nspare_every = 1\nduration_days = 3\n',
        "j.json": '[{"name": "b", "gpus": 32, "tp": 16, "submitted_days": 2, "max_wait_days": 1.5},'
        '{"name": "a", "gpus": 64, "tp": 16, "min_gpus": 16, "spare_every": 1, "duration_days": 3}]',
        "j.csv": "name, gpus, tp, min_gpus, spare_every, submitted_days, duration_days, max_wait_days\n"
        "b,32,16,,,2,,1.5\na,64,16,16,1,,3,\n",
    }
    read = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        read.append(jobs_file.read(tmp_path / name, RING))
    assert read[0] == read[1] == read[2]
    assert [each.job.name for each in read[0]] == ["a", "b"], "in order of submission"
    assert read[0][0].duration_s == 3 * SECONDS_PER_DAY and read[0][1].job.max_wait_s == 1.5 * SECONDS_PER_DAY


GOOD = {"name": '"a"', "gpus": "32", "tp": "16"}
BAD = [
    ({"gpus": "320"}, "the whole fabric holds 160"),
    ({"tp": "6", "gpus": "12"}, "multiple of the node's 4"),
    ({"gpus": "33"}, "multiple of its TP-16"),
    ({"gpus": "-16"}, "whole number"),
    ({"gpus": "32.0"}, "whole number"),
    ({"tp": "0"}, "at least 1 GPU"),
    ({"submitted_days": "-1"}, "days from 0 to"),
    ({"submitted_days": "nan"}, "days from 0 to"),
    ({"duration_days": "0"}, "more than 0"),
    ({"max_wait_days": '"soon"'}, "days from 0 to"),
    ({"min_gpus": "64"}, "at most 32"),
    ({"name": '" "'}, "give it a name"),
    ({"name": "3"}, "give text"),
    ({"duraton_days": "3"}, "did you mean duration_days"),
    ({"nonsense": "3"}, "known are"),
    ({"name": '"a\\nb"'}, "text of one line"),
    ({"submitted_days": "1" + "0" * 400}, "days from 0 to"),
    ({"duration_days": "1e308"}, "days from 0 to"),
    ({"gpus": "0x1" + "0" * 5000}, "2\\^20001: give a whole number"),
    ({"gpus": "1" + "0" * 5000}, "is not TOML"),
    ({"gpus": "16\ngpus = 16"}, "is not TOML"),
]


@pytest.mark.parametrize(("change", "says"), BAD, ids=[says for _, says in BAD])
def test_a_job_that_makes_no_sense_is_one_line(tmp_path: Path, change: dict[str, str], says: str) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text("[[job]]\n" + "".join(f"{key} = {value}\n" for key, value in (GOOD | change).items()))
    with pytest.raises(BadInput, match=says) as error:
        jobs_file.read(path, RING)
    assert "\n" not in str(error.value)


OTHER = [
    ("j.json", '[{"name": "a", "gpus": 32, "gpus": 64, "tp": 16}]', "key gpus stands twice"),
    ("j.json", '[{"name": "a", "gpus": 1' + "0" * 5000 + ', "tp": 16}]', "is not JSON"),
    ("j.json", "[" * 100_000, "is not JSON"),
    ("j.json", '[{"name": null, "gpus": 32, "tp": 16}]', "has no name"),
    ("j.json", "[[1]]", "holds no list of jobs"),
    ("j.csv", "name;gpus;tp\na;32;16\n", "separate the columns by commas"),
    ("j.csv", "name,gpus, gpus,tp\na,32,64,16\n", "stands there twice"),
    ("j.csv", "name,gpus,tp\n" + "a" * 200_000 + ",32,16\n", "is not CSV"),
    ("j.csv", 'name,gpus,tp\n"a\nb",32,16\n', "text of one line"),
]


@pytest.mark.parametrize(("name", "text", "says"), OTHER, ids=[f"{n}-{says}" for n, _, says in OTHER])
def test_a_file_that_is_no_list_of_jobs_is_one_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=says) as error:
        jobs_file.read(tmp_path / name, RING)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize("text", ["name,gpus,tp\r\na,32,16\r\n", "\ufeffname,gpus,tp\n\na,32,16\n\n"])
def test_a_spreadsheets_csv_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "j.csv").write_bytes(text.encode())
    assert [each.job for each in jobs_file.read(tmp_path / "j.csv", RING)] == [JobRequest("a", 16, 32)]


def test_a_null_of_json_is_a_value_not_given(tmp_path: Path) -> None:
    (tmp_path / "j.json").write_text('[{"name": "a", "gpus": 32, "tp": 16, "duration_days": null}]')
    assert jobs_file.read(tmp_path / "j.json", RING) == [Submission(JobRequest("a", 16, 32), 0, None)]
