"""The nouns of evaluation: `Task`, and `Recording`, the item of most tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.error_rate import Errors

Item = TypeVar("Item")
Row = Mapping[str, Any]
Numbers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task(Generic[Item]):
    """A measurement. `run` measures one item, `score` makes the numbers of a table from the rows of all.

    `items` draws the items with a seed. A row is plain JSON; None leaves the item out. `suite.run` runs a task.
    """

    name: str
    items: Callable[[int], Sequence[Item]]
    run: Callable[[Item], Row | None]
    score: Callable[[Sequence[Row]], Numbers]
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A text and the audio of it. `set` and `group` name the table's rows that it counts in.

    `phones` are those that were said, where known; `call` is what a question means.
    """

    text: str
    audio: Audio
    group: str = "all"
    set: str = ""
    speaker: str = ""
    phones: tuple[str, ...] = ()
    call: str | None = None


def fixed(items: Iterable[Item]) -> Callable[[int], Sequence[Item]]:
    """Items that do not depend on the seed."""
    chosen = tuple(items)
    return lambda seed: chosen


def groups_of(row: Row) -> tuple[str, ...]:
    """The groups that a row counts in: its own, and all."""
    return (row["group"], "all") if row["group"] != "all" else ("all",)


def by_set(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield every set's name with its rows, in the order of their first row."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["set"]].append(row)
    yield from found.items()


def sum_errors(rows: Iterable[Row], key: str) -> dict[str, Errors]:
    """The errors in column `key` by group and over all; rows without them are skipped."""
    sums: dict[str, Errors] = defaultdict(lambda: Errors(0, 0))
    for row in rows:
        if row.get(key) is not None:
            for group in groups_of(row):
                sums[group] = sums[group] + Errors(*row[key])
    return sums


def pair(errors: Errors) -> tuple[int, int]:
    """Errors as a row keeps them: how many, of how many."""
    return errors.errors, errors.total
