"""STOI of the vocoder alone, and of Griffin-Lim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from roundelay.voice.eval.metrics.signal import stoi
from roundelay.voice.eval.tasks.codec import Codec
from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, by_set, fixed, groups_of

SHORTEST_S = 1.0
VOCODERS = ("vocoder", "griffin-lim")


def vocoder_stoi(codec: Codec, recordings: Sequence[Recording]) -> Task[Recording]:
    """The task: mean STOI by set and group, of recordings longer than a second."""

    def run(recording: Recording) -> Row | None:
        audio = recording.audio
        if audio.duration_s <= SHORTEST_S:
            return None
        found = (stoi(audio, codec.vocode(audio)), stoi(audio, codec.griffin_lim(audio)))
        return {"set": recording.set, "group": recording.group, "stoi": found}

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for name, chosen in by_set(rows):
            found: dict[str, list[Sequence[float]]] = defaultdict(list)
            for row in chosen:
                for group in groups_of(row):
                    found[group].append(row["stoi"])
            numbers[name] = {group: _means(pairs) for group, pairs in found.items()}
        return numbers

    return Task("vocoder", fixed(recordings), run, score)


def _means(pairs: Sequence[Sequence[float]]) -> dict[str, float]:
    means = np.round(np.asarray(pairs).mean(axis=0), 3)
    return {name: float(mean) for name, mean in zip(VOCODERS, means, strict=True)}
