"""The sets of answering or declining: near-misses, everyday sentences, everyday wordings of known facts.

A line's half is fixed by its checksum: failures of `dev` were looked at, of `test` only the totals.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from roundelay.errors import BadInput
from roundelay.voice.eval.report import table
from roundelay.voice.eval.tasks.declining import OUTCOMES, Line, declining
from roundelay.voice.eval.tasks.task import Numbers, Task
from roundelay.voice.nlu.ask_back import offered
from roundelay.voice.nlu.understand import understand
from roundelay.voice.text.normalise import normalise

# file, set, and whether its first column is a kind of near-miss or a call; a file may be absent
FILES = (
    ("near_misses.tsv", "near-misses", "kind"),
    ("everyday.txt", "everyday sentences", ""),
    ("people.txt", "people's questions to other assistants", ""),
    ("wordings.tsv", "everyday wordings of known facts", "call"),
)


def half_of(text: str) -> str:
    """The half of a set that a line belongs to."""
    return "test" if zlib.crc32(text.encode()) % 2 else "dev"


def lines(folder: Path) -> list[Line]:
    """The lines of all sets in a folder; raises `BadInput` for one without its columns."""
    found = []
    for file, name, first in FILES:
        rows = (folder / file).read_text(encoding="utf-8").splitlines() if (folder / file).is_file() else []
        for row in rows:
            head, tab, text = row.rpartition("\t")
            if bool(tab) != bool(first):
                raise BadInput("line", repr(row), f"has not the columns of {file}")
            found.append(
                Line(text, name, half_of(text), head if first == "kind" else "", head if first == "call" else None)
            )
    return found


def task(folder: Path) -> Task[Line]:
    """The task over the lines of a folder, which are written, not heard."""

    def call_of(text: str) -> str | None:
        call = understand(normalise(text))
        return None if call is None else str(call)

    def offered_call(text: str) -> str | None:
        found = offered(normalise(text))
        return None if found is None else str(found.call)

    return declining(lines(folder), call_of, offered_call)


def tables(numbers: Numbers) -> str:
    """The numbers as Markdown."""

    def rows(key: str, columns: tuple[str, str]) -> list[tuple[str, ...]]:
        return [
            (*(one[column] for column in columns), str(one["lines"]), *(_share(one, outcome) for outcome in OUTCOMES))
            for one in numbers[key]
        ]

    head = ("lines", "answered rightly", "answered falsely", "asked back", "declined")
    sets = table(("set", "half", *head), rows("sets", ("set", "half")))
    return f"{sets}\n{table(('set', 'kind, both halves', *head), rows('kinds', ('set', 'kind')))}"


def _share(one: Numbers, outcome: str) -> str:
    return f"{one[outcome] / one['lines']:.1%}"
