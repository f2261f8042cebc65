"""How long a synthesizer pauses at a comma, a semicolon and a full stop: the longest silence between two clauses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.signal import longest_silence_s
from roundelay.voice.eval.tasks.task import Numbers, Row, Task, fixed

MARKS = {"none": " ", "comma": ", ", "semicolon": "; ", "full stop": ". "}
CLAUSES = (
    ("the river is long", "we will walk along it all day"),
    ("my name is Anna", "your new number is nineteen"),
    ("the lamp will be warm", "only one of them is yellow"),
    ("we may leave in a moment", "the morning is all yours"),
)  # voiced sounds around the mark: a plosive's closure is no pause


def pauses(say: Callable[[str], Audio], clauses: Sequence[tuple[str, str]] = CLAUSES) -> Task[tuple[str, str]]:
    """The task: the median and the longest pause at each mark, in seconds; "none" is the same text without one."""

    def run(item: tuple[str, str]) -> Row:
        first, second = item
        texts = {name: f"{first[0].upper()}{first[1:]}{mark}{second}." for name, mark in MARKS.items()}
        texts["full stop"] = f"{first[0].upper()}{first[1:]}. {second[0].upper()}{second[1:]}."
        return {name: longest_silence_s(say(text)) for name, text in texts.items()}

    def score(rows: Sequence[Row]) -> Numbers:
        return {
            name: {"median_s": round(median(row[name] for row in rows), 2), "longest_s": max(row[name] for row in rows)}
            for name in MARKS
        }

    return Task("pauses", fixed(clauses), run, score)
