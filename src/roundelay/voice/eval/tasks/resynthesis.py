"""What judges understand of speech that went through the codec, beside the original."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from roundelay.voice.audio import Audio
from roundelay.voice.eval.judges import Panel, column
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, fixed, sum_errors
from roundelay.voice.voices import Voice

Variants = Mapping[str, Callable[[Recording], Audio | None]]
SHORTEST_REFERENCE_S = 1.5


def variants(codec: Codec, recordings: Sequence[Recording], own_voice: bool) -> Variants:
    """The original, the vocoder alone, and through the tokens: cloned, and in the package's first voice.

    Cloned is in the voice of the recording itself (`own_voice`), or of the speaker's longest other recording, as a user
    would give one: None where that is under 1.5 s.
    """
    known: dict[str, Voice] = {}

    def cloned(recording: Recording) -> Audio | None:
        if own_voice:
            return codec.resynthesize(recording.audio, codec.voice_of(recording.audio))
        other = reference(recordings, recording)
        if other is None:
            return None
        if recording.speaker not in known:
            known[recording.speaker] = codec.voice_of(other.audio)
        return codec.resynthesize(recording.audio, known[recording.speaker])

    return {
        "original": lambda recording: recording.audio,
        "vocoder": lambda recording: codec.vocode(recording.audio),
        "cloned": cloned,
        "built-in": lambda recording: codec.resynthesize(recording.audio, None),
    }


def resynthesis(
    name: str, recordings: Sequence[Recording], panel: Panel, made: Variants, *, minutes: bool = False
) -> Task[Recording]:
    """The task: each judge's word error rates in percent of each variant by group; `minutes` also counts the sound."""

    def run(recording: Recording) -> Row:
        errors: dict[str, tuple[int, int] | None] = {}
        for variant, make in made.items():
            errors |= panel.errors(variant, recording.text, make(recording))
        return {"group": recording.group, "seconds": recording.audio.duration_s} | errors

    def score(rows: Sequence[Row]) -> Numbers:
        columns = [each for variant in made for each in panel.columns(variant)]
        sums = {each: sum_errors(rows, each) for each in columns}
        numbers: Numbers = {
            each: {group: round(100 * errors.rate, 2) for group, errors in by.items()} for each, by in sums.items()
        }
        numbers["words"] = {group: errors.total for group, errors in sums[columns[0]].items()}
        numbers["utterances"] = len(rows)
        if minutes:
            numbers["minutes"] = round(sum(row["seconds"] for row in rows) / 60, 1)
        return numbers

    return Task(name, fixed(recordings), run, score)


def reference(recordings: Sequence[Recording], recording: Recording) -> Recording | None:
    """The longest other recording of the same speaker, None where it is too short."""
    others = [each for each in recordings if each.speaker == recording.speaker and each is not recording]
    best = max(others, key=lambda each: each.audio.duration_s, default=None)
    return best if best is not None and best.audio.duration_s >= SHORTEST_REFERENCE_S else None


def flow_noise(
    recordings: Sequence[Recording], panel: Panel, codecs: Mapping[str, Codec], make: Callable[[Codec], Variants]
) -> Task[tuple[str, Recording]]:
    """The task: word error rates of the clone by each of several codecs, named by how their flow starts."""
    made = {name: make(codec)["cloned"] for name, codec in codecs.items()}

    def run(item: tuple[str, Recording]) -> Row:
        name, recording = item
        errors = panel.errors("cloned", recording.text, made[name](recording))
        return {"set": name, "group": recording.group} | errors

    def score(rows: Sequence[Row]) -> Numbers:
        return {
            name: {
                column(group, judge): round(100 * errors.rate, 2)
                for judge in panel.judges
                for group, errors in sum_errors(
                    [row for row in rows if row["set"] == name], column("cloned", judge)
                ).items()
            }
            for name in codecs
        }

    return Task("temperature", fixed((name, each) for name in codecs for each in recordings), run, score)
