"""People outside the corpus: spoken digits, and one long sentence, resynthesised and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roundelay.voice.eval.judges import Panel, column
from roundelay.voice.eval.metrics.error_rate import word_errors
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, fixed, pair, sum_errors

DIGITS, SPEECH = "digits", "speech"
READINGS = ("ctc linguistic", "ctc semantic", "ctc both")


def outside(
    codec: Codec,
    recordings: Sequence[Recording],
    panels: Mapping[str, Panel],
    pronunciations: Mapping[str, Sequence[str]],
) -> Task[Recording]:
    """The task: error rates in percent of the sets `digits` and `speech`.

    A panel for each hears the original and the clone. Phones recognised from the codes: of a digit the nearest of
    the words in `pronunciations` is taken, of the speech the phone errors.
    """
    spelt = {word: " ".join(phones) for word, phones in pronunciations.items()}

    def run(recording: Recording) -> Row:
        audio, panel = recording.audio, panels[recording.set]
        made = codec.resynthesize(audio, codec.voice_of(audio))
        read = [" ".join(each) for each in codec.phone_recognizer.phones_by_codebook(codec.tokenizer.encode(audio))]
        row: dict[str, Any] = {"set": recording.set, "group": "all"}
        row |= panel.errors("original", recording.text, audio) | panel.errors("resynthesised", recording.text, made)
        if recording.set == DIGITS:
            nearest = min(spelt, key=lambda name: word_errors(spelt[name], read[2]).rate)
            return row | {"ctc nearest word": pair(word_errors(recording.text, nearest))}
        said = " ".join(recording.phones)
        errors = {name: pair(word_errors(said, each)) for name, each in zip(READINGS, read, strict=True)}
        return row | errors | {"read": read[2]}

    def score(rows: Sequence[Row]) -> Numbers:
        digits = [row for row in rows if row["set"] == DIGITS]
        speech = [row for row in rows if row["set"] == SPEECH]
        heard = tuple(column(what, name) for what in ("original", "resynthesised") for name in panels[DIGITS].judges)
        return {
            DIGITS: _rates(digits, (*heard, "ctc nearest word")) | {"clips": len(digits)},
            SPEECH: _rates(speech, (*heard, *READINGS)) | {"read": " ".join(row["read"] for row in speech)},
        }

    return Task("recordings", fixed(recordings), run, score)


def _rates(rows: Sequence[Row], columns: Sequence[str]) -> Numbers:
    return {name: round(100 * sum_errors(rows, name)["all"].rate, 1) for name in columns}
