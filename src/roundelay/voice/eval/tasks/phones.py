"""Phones recognised from the codes alone: greedy CTC on either codebook and on both."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.voice.eval.metrics.error_rate import word_errors
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, fixed, pair, sum_errors

CODEBOOKS = ("linguistic", "semantic", "both")


def phone_errors(codec: Codec, recordings: Sequence[Recording]) -> Task[Recording]:
    """The task: phone error rates in percent by set and group; recordings without known phones are left out."""

    def run(recording: Recording) -> Row | None:
        if not recording.phones:
            return None
        found = codec.phone_recognizer.phones_by_codebook(codec.tokenizer.encode(recording.audio))
        said = " ".join(recording.phones)
        errors = [pair(word_errors(said, " ".join(phones))) for phones in found]
        return {"set": recording.set, "group": recording.group} | dict(zip(CODEBOOKS, errors, strict=True))

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for name, chosen in by_set(rows):
            sums = {book: sum_errors(chosen, book) for book in CODEBOOKS}
            numbers[name] = {
                group: {book: round(100 * sums[book][group].rate, 1) for book in CODEBOOKS} | {"phones": errors.total}
                for group, errors in sums["both"].items()
            }
        return numbers

    return Task("ctc", fixed(recordings), run, score)
