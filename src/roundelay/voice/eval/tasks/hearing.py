"""Word error rates of a transcriber, by set and group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.error_rate import word_errors
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, pair, sum_errors


def hearing(
    name: str,
    recordings: Callable[[int], Sequence[Recording]],
    transcribe: Callable[[Audio], str],
    *,
    seed: int = 0,
    quoted: Collection[str] = (),
) -> Task[Recording]:
    """The task: word error rates. Of the sets `quoted` the transcript is kept beside them."""

    def run(recording: Recording) -> Row:
        heard = transcribe(recording.audio)
        errors = pair(word_errors(recording.text, heard))
        return {"set": recording.set, "group": recording.group, "errors": errors, "heard": heard}

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for each, found in by_set(rows):
            numbers[each] = {
                group: {"wer": round(errors.rate, 4), "words": errors.total}
                for group, errors in sum_errors(found, "errors").items()
            }
            if each in quoted:
                numbers[each]["heard"] = {"text": " ".join(row["heard"] for row in found)}
        return numbers

    return Task(name, recordings, run, score, seed)
