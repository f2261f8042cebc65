"""A task's run: rows, resumption, numbers; the laws by fakes of a few lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from roundelay.errors import BadInput
from roundelay.voice.eval.suite import Run, run, run_all
from roundelay.voice.eval.tasks.task import Numbers, Row, Task


def squares(name: str = "squares", fails_at: int | None = None, seen: list[int] | None = None) -> Task[int]:
    """A task whose items are numbers from the seed on; 3 is left out."""

    def measure(item: int) -> Row | None:
        if item == fails_at:
            raise RuntimeError("cut off")
        if seen is not None:
            seen.append(item)
        return None if item == 3 else {"square": item * item}

    def score(rows: Sequence[Row]) -> Numbers:
        return {"sum": sum(row["square"] for row in rows), "rows": len(rows)}

    return Task(name, lambda seed: range(seed, seed + 5), measure, score, seed=1)


def test_a_task_is_scored_over_its_rows() -> None:
    assert run(squares()) == {"sum": 1 + 4 + 16 + 25, "rows": 4}
    assert run(squares(), Run(seed=0)) == {"sum": 0 + 1 + 4 + 16, "rows": 4}


def test_rows_and_numbers_are_written(tmp_path: Path) -> None:
    numbers = run(squares(), Run(tmp_path))
    assert json.loads((tmp_path / "numbers/squares.json").read_text()) == numbers
    header, *rows = map(json.loads, (tmp_path / "rows/squares.jsonl").read_text().splitlines())
    assert header == {"task": "squares", "seed": 1, "items": 5, "setting": {}}
    assert rows == [{"square": 1}, {"square": 4}, None, {"square": 16}, {"square": 25}]


@pytest.mark.parametrize("torn", ["", '{"squ'])
def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path: Path, torn: str) -> None:
    with pytest.raises(RuntimeError):
        run(squares(fails_at=4), Run(tmp_path))
    assert not (tmp_path / "numbers").exists()
    with (tmp_path / "rows/squares.partial.jsonl").open("a") as file:
        file.write(torn)
    seen: list[int] = []
    assert run(squares(seen=seen), Run(tmp_path)) == run(squares())
    assert seen == [4, 5]


def test_rows_of_another_setting_are_not_used(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run(squares(fails_at=4), Run(tmp_path, {"weights": "a"}))
    seen: list[int] = []
    run(squares(seen=seen), Run(tmp_path, {"weights": "b"}))
    assert seen == [1, 2, 3, 4, 5]


def test_a_finished_run_is_measured_anew(tmp_path: Path) -> None:
    run(squares(), Run(tmp_path))
    seen: list[int] = []
    run(squares(seen=seen), Run(tmp_path))
    assert seen == [1, 2, 3, 4, 5]


def test_named_tasks_alone_are_run_and_unknown_names_refused() -> None:
    tasks: dict[str, Callable[[], Task[int]]] = {"a": lambda: squares("a"), "b": lambda: squares("b")}
    assert [name for name, _ in run_all(tasks, [], Run())] == ["a", "b"]
    assert [name for name, _ in run_all(tasks, ["b"], Run())] == ["b"]
    with pytest.raises(BadInput, match="known: a, b"):
        list(run_all(tasks, ["a", "c"], Run()))
