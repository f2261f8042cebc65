"""Runs tasks: a row of JSON per item, kept as it is made, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roundelay.console import note, progress
from roundelay.errors import BadInput
from roundelay.files import write_text
from roundelay.voice.eval.tasks.task import Numbers, Row, Task


@dataclass(frozen=True, slots=True)
class Run:
    """How tasks are run. `folder` (None: nowhere) gets rows/NAME.jsonl and numbers/NAME.json.

    `setting` says what is measured (engine, weights, how many items): rows made with another are not used. `seed` None
    is each task's own.
    """

    folder: Path | None = None
    setting: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None


def run(task: Task[Any], how: Run | None = None) -> Numbers:
    """The numbers of a task. Raises what an item's measurement raises; the rows made before are kept."""
    how = how or Run()
    seed = task.seed if how.seed is None else how.seed
    items = task.items(seed)
    header = {"task": task.name, "seed": seed, "items": len(items), "setting": dict(how.setting)}
    path = how.folder / "rows" / f"{task.name}.partial.jsonl" if how.folder else None
    rows = _read(path, header) if path else []
    if path and not rows:
        write_text(path, json.dumps(header) + "\n", force=True)
    with path.open("a", encoding="utf-8") if path else nullcontext() as file:
        for item in progress(items[len(rows) :], task.name, len(items) - len(rows)):
            rows.append(_plain(task.run(item)))
            if file:
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
    numbers = task.score([row for row in rows if row is not None])
    if how.folder and path:
        path.replace(how.folder / "rows" / f"{task.name}.jsonl")
        write_text(how.folder / "numbers" / f"{task.name}.json", json.dumps(numbers, indent=1) + "\n", force=True)
    return numbers


def run_all(
    tasks: Mapping[str, Callable[[], Task[Any]]], names: Iterable[str], how: Run
) -> Iterator[tuple[str, Numbers]]:
    """Yield the numbers of the named tasks (all of them where none is named) as they come; seconds go to stderr.

    Raises `BadInput` for an unknown name before any is run.
    """
    wanted = list(names) or list(tasks)
    if unknown := [name for name in wanted if name not in tasks]:
        raise BadInput("task", unknown[0], f"is unknown; known: {', '.join(tasks)}")
    for name in wanted:
        started = time.monotonic()
        yield name, run(tasks[name](), how)
        note(f"{name}: {time.monotonic() - started:.0f} s")


def print_numbers(found: Iterable[tuple[str, Numbers]]) -> None:
    """Print each task's numbers on a line of its own."""
    for name, numbers in found:
        print(name, json.dumps(numbers), file=sys.stdout, flush=True)


def _read(path: Path, header: Row) -> list[Row | None]:
    """The rows of a run that was cut off; none where it measured something else. Its last line may be torn."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    if not found or found[0] != json.loads(json.dumps(header)):
        return []
    write_text(path, "".join(json.dumps(each) + "\n" for each in found), force=True)
    return found[1:]


def _plain(row: Row | None) -> Row | None:
    """The row as JSON gives it back, so that a resumed run counts the same."""
    return None if row is None else json.loads(json.dumps(row))
