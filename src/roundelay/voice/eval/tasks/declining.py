"""Answering or declining: written lines by set, some of which mean a call and some no question that has an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roundelay.voice.eval.tasks.task import Numbers, Row, Task, fixed

OUTCOMES = ("right", "false", "asked", "declined")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a set, and of a half of it; `call` is what it means, None where no answer is right."""

    text: str
    set: str
    half: str
    kind: str = ""
    call: str | None = None


def declining(
    lines: Sequence[Line], understand: Callable[[str], str | None], offered: Callable[[str], str | None]
) -> Task[Line]:
    """The task: how many lines of each set and half are answered rightly, answered falsely, asked back, or declined.

    `offered` gives the call that is asked back where none is understood.
    """

    def run(line: Line) -> Row:
        call = understand(line.text)
        if call is not None:
            outcome = "right" if call == line.call else "false"
        else:
            outcome = "asked" if offered(line.text) else "declined"
        return {"set": line.set, "half": line.half, "kind": line.kind, "outcome": outcome}

    def score(rows: Sequence[Row]) -> Numbers:
        names = dict.fromkeys((row["set"], row["half"]) for row in rows)
        kinds = dict.fromkeys((row["set"], row["kind"]) for row in rows if row["kind"])
        return {
            "sets": [
                {"set": name, "half": half} | _counts([r for r in rows if (r["set"], r["half"]) == (name, half)])
                for name, half in names
            ],
            "kinds": [
                {"set": name, "kind": kind} | _counts([r for r in rows if (r["set"], r["kind"]) == (name, kind)])
                for name, kind in kinds
            ],
        }

    return Task("declining", fixed(lines), run, score)


def _counts(rows: Sequence[Row]) -> Numbers:
    found = Counter(row["outcome"] for row in rows)
    return {"lines": len(rows), **{outcome: found[outcome] for outcome in OUTCOMES}}
