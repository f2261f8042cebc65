"""Median F0 of what is decoded against that of the voice's reference: the speaker's own words and another's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roundelay.voice.eval.metrics.signal import median_pitch
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, fixed

CONTENTS = ("own words", "another's words")


def pitch(codec: Codec, recordings: Sequence[Recording]) -> Task[tuple[Recording, Recording]]:
    """The task: how far the median F0 is from the reference's, in percent."""
    half = len(recordings) // 2
    pairs = [(each, recordings[(k + half) % len(recordings)]) for k, each in enumerate(recordings)]

    def run(item: tuple[Recording, Recording]) -> Row:
        target, voice = median_pitch(item[0].audio), codec.voice_of(item[0].audio)
        found = (median_pitch(codec.resynthesize(each.audio, voice)) / target - 1 for each in item)
        return dict(zip(CONTENTS, found, strict=True))

    def score(rows: Sequence[Row]) -> Numbers:
        values = {name: np.array([row[name] for row in rows]) for name in CONTENTS}
        return {
            name: {
                "median deviation %": round(100 * float(np.nanmedian(np.abs(found))), 2),
                "within 5 %": round(100 * float(np.mean(np.abs(found) < 0.05)), 1),
                "median ratio": round(1 + float(np.nanmedian(found)), 3),
                "voices": len(found),
            }
            for name, found in values.items()
        }

    return Task("pitch", fixed(pairs), run, score)
