"""How many of the words that carry meaning a transcriber hears: names, things, verbs, numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.error_rate import Errors
from roundelay.voice.eval.metrics.intervals import interval
from roundelay.voice.eval.metrics.words import spoken_words
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set


def slots(
    name: str,
    recordings: Callable[[int], Sequence[Recording]],
    transcribe: Callable[[Audio], str],
    carries_meaning: Callable[[str], bool],
    seed: int = 0,
) -> Task[Recording]:
    """The task: by set and group the share of such words that are heard, wherever in the transcript, with its interval.

    Both sides are compared as spoken words; a word said twice is to be heard twice.
    """

    def run(recording: Recording) -> Row:
        heard = transcribe(recording.audio)
        wanted = Counter(word for word in spoken_words(recording.text).split() if carries_meaning(word))
        missed = wanted - Counter(spoken_words(heard).split())
        about = {"set": recording.set, "group": recording.group, "said": recording.text, "heard": heard}
        return about | {"missed": sorted(missed.elements()), "slots": wanted.total()}

    def score(rows: Sequence[Row]) -> Numbers:
        return {
            kind: {
                group: _figures([row for row in found if group in (row["group"], "all")], seed)
                for group in dict.fromkeys([*(row["group"] for row in found), "all"])
            }
            for kind, found in by_set(rows)
        }

    return Task(name, recordings, run, score, seed)


def _figures(rows: Sequence[Row], seed: int) -> Numbers:
    errors = [Errors(len(row["missed"]), row["slots"]) for row in rows]
    whole = sum(errors, Errors(0, 0))
    low, high = interval(errors, seed)
    return {
        "recall": round(1 - whole.rate, 4),
        "interval": [round(1 - high, 4), round(1 - low, 4)],
        "slots": whole.total,
        "recordings": len(rows),
        "often missed": Counter(word for row in rows for word in row["missed"]).most_common(8),
    }
