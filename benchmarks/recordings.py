"""The recordings that call in `conversation.py` and `setups.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from roundelay.server.audio.pcm import WIRE_RATE_HZ
from roundelay.server.bench import latency
from roundelay.voice.audio import Audio

SPOKEN_S = (2.0, 6.0)  # the least and the most length of a person's sentence
COLLECTIONS = ("EnglishAssets", "wuw-corpus-ii")  # read sentences, and sentences over the telephone


def of_folder(folder: Path) -> list[np.ndarray]:
    """The questions of a folder of WAV files, float32 at 24 kHz, cut where the voice ends."""
    files = sorted(folder.glob("*.wav"))
    if not files:
        sys.exit(f"error: {folder} holds no WAV file")
    return [latency.trim(Audio.read(each).resample(WIRE_RATE_HZ).samples, each.name) for each in files]


def of_people(corpus: Path, most: int) -> list[np.ndarray]:
    """Dev sentences that people read or said over the telephone, in turn, float32 at 24 kHz, cut where the voice ends.

    The corpus is a folder with a manifest.jsonl whose rows have path, text, source, kind, split and duration_s.
    """
    lines = (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if (row["split"], row["kind"]) == ("dev", "sentence")]
    rows = [row for row in rows if SPOKEN_S[0] <= row["duration_s"] <= SPOKEN_S[1]]
    found = [[row for row in rows if name in row["source"]] for name in COLLECTIONS]
    each = -(-most // len(COLLECTIONS))
    drawn = [some[:: max(1, len(some) // each)][:each] for some in found]
    turns = [row for pair in zip(*drawn, strict=False) for row in pair]
    if not turns:
        sys.exit(f"error: {corpus} holds no dev sentences of people")
    sounds = (Audio.read(corpus / row["path"]).resample(WIRE_RATE_HZ).samples for row in turns)
    return [latency.trim(sound, row["text"]) for sound, row in zip(sounds, turns, strict=True)]
