"""How well a transcriber understands people: word error rates with their intervals, and what a recording costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.eval.metrics.intervals import interval
from roundelay.voice.eval.metrics.words import spoken_words
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, pair


def people(
    name: str, recordings: Callable[[int], Sequence[Recording]], transcribe: Callable[[Audio], str], seed: int = 0
) -> Task[Recording]:
    """The task: by set and group the error rate, its 95 % interval, and CPU seconds of this process per recording.

    Both sides are compared as spoken words.
    """

    def run(recording: Recording) -> Row:
        started = time.process_time()
        heard = transcribe(recording.audio)
        spent_s = time.process_time() - started
        errors = pair(word_errors(spoken_words(recording.text), spoken_words(heard)))
        about = {"set": recording.set, "group": recording.group, "seconds": recording.audio.duration_s}
        return about | {"errors": errors, "cpu_s": spent_s, "said": recording.text, "heard": heard}

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for kind, found in by_set(rows):
            groups = dict.fromkeys([*(row["group"] for row in found), "all"])
            numbers[kind] = {
                group: _figures([row for row in found if group in (row["group"], "all")], seed) for group in groups
            }
        return numbers

    return Task(name, recordings, run, score, seed)


def _figures(rows: Sequence[Row], seed: int) -> Numbers:
    errors = [Errors(*row["errors"]) for row in rows]
    whole = sum(errors, Errors(0, 0))
    return {
        "wer": round(whole.rate, 4),
        "interval": [round(each, 4) for each in interval(errors, seed)],
        "words": whole.total,
        "recordings": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "cpu_s": round(sum(row["cpu_s"] for row in rows) / len(rows), 3),
    }
