"""The recordings that call in `conversation.py` and `setups.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from roundelay.server.audio.pcm import WIRE_RATE_HZ
from roundelay.server.bench import latency
from roundelay.voice.audio import Audio
from roundelay.voice.suites import sets

SPOKEN_S = (2.0, 6.0)  # the least and the most length of a person's sentence
COLLECTIONS = ("EnglishAssets", "wuw-corpus-ii")  # read sentences, and sentences over the telephone


def of_folder(folder: Path) -> list[np.ndarray]:
    """The questions of a folder of WAV files, float32 at 24 kHz, cut where the voice ends."""
    files = sorted(folder.glob("*.wav"))
    if not files:
        sys.exit(f"error: {folder} holds no WAV file")
    return [latency.trim(Audio.read(each).resample(WIRE_RATE_HZ).samples, each.name) for each in files]


def of_people(corpus: Path, most: int) -> list[np.ndarray]:
    """Dev sentences that people read or said over the telephone, in turn, float32 at 24 kHz, cut where the voice ends."""
    rows = [row for row in sets.pick(corpus, "dev") if SPOKEN_S[0] <= row.duration_s <= SPOKEN_S[1]]
    rows = [row for row in rows if row.kind == "sentence"]
    found = [[row for row in rows if name in row.engine_version] for name in COLLECTIONS]
    each = -(-most // len(COLLECTIONS))
    drawn = [rows[:: max(1, len(rows) // each)][:each] for rows in found]
    turns = [row for pair in zip(*drawn, strict=False) for row in pair]
    if not turns:
        sys.exit(f"error: {corpus} holds no dev sentences of people")
    return [latency.trim(one.audio.resample(WIRE_RATE_HZ).samples, one.text) for one in sets.recordings(corpus, turns)]
