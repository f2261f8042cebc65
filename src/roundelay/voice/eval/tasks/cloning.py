"""Speaker similarity of clones: between the speaker's own other recordings and another speaker's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.voice.eval.metrics.similarity import SpeakerSimilarity, cosine
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, fixed

SHORTEST_S = 1.2
FEWEST, MOST, GIVEN, CROSSED = 4, 8, 2, 3  # recordings of a speaker; of them the reference; of the other speaker


@dataclass(frozen=True, slots=True, eq=False)
class Speaker:
    """A speaker to clone: the reference, more recordings, and another speaker's (none: there is no other)."""

    set: str
    reference: tuple[Recording, ...]
    others: tuple[Recording, ...]
    other_speaker: tuple[Recording, ...]


def speakers(name: str, recordings: Sequence[Recording]) -> list[Speaker]:
    """The speakers of a set who have four recordings of over 1.2 s, each with the next one as the other speaker."""
    by: dict[str, list[Recording]] = defaultdict(list)
    for each in recordings:
        if each.audio.duration_s > SHORTEST_S:
            by[each.speaker].append(each)
    voices = {speaker: group[:MOST] for speaker, group in by.items() if len(group) >= FEWEST}
    order = sorted(voices)
    return [
        Speaker(
            name,
            tuple(voices[speaker][:GIVEN]),
            tuple(voices[speaker][GIVEN:]),
            tuple(voices[order[(k + 1) % len(order)]]) if len(order) > 1 else (),
        )
        for k, speaker in enumerate(order)
    ]


def cloning(
    codec: Codec, chosen: Sequence[Speaker], similarity: SpeakerSimilarity, sets: Sequence[str]
) -> Task[Speaker]:
    """The task: mean cosine with the target's other recordings, by set; a set of `sets` may have no speaker."""

    def run(speaker: Speaker) -> Row:
        given = [each.audio for each in speaker.reference]
        target = similarity.embed(*(each.audio for each in speaker.others))
        voice = codec.voice_of(*given)
        joined = similarity.embed(codec.join(*given))
        own = similarity.embed(*(codec.resynthesize(audio, voice) for audio in given))
        row = {
            "set": speaker.set,
            "the speaker himself": cosine(joined, target),
            "clone, own words": cosine(own, target),
        }
        if speaker.other_speaker:
            audios = [each.audio for each in speaker.other_speaker[:CROSSED]]
            crossed = similarity.embed(*(codec.resynthesize(audio, voice) for audio in audios))
            row["clone, a stranger's words"] = cosine(crossed, target)
            row["the stranger himself"] = cosine(similarity.embed(*audios), target)
        return row

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {name: {"voices": 0} for name in sets}
        for name, found in by_set(rows):
            columns = dict.fromkeys(column for row in found for column in row if column != "set")
            numbers[name] = {
                column: round(float(np.mean([row[column] for row in found if column in row])), 3) for column in columns
            } | {"voices": len(found)}
        return numbers

    return Task("cloning", fixed(chosen), run, score)
