"""The speaker vector of a `Voice`: a built-in one by name, a cloned one from its recording (ours)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.decoder.speaker import SIZE, SpeakerEncoder
from roundelay.voice.graphs import verified_bytes
from roundelay.voice.voices import Voice, unknown_voice


@cache
def registry(weights: Path | None = None) -> dict[str, np.ndarray]:
    """The built-in voices' vectors float32 [192] by name; the first is the default."""
    table = json.loads(verified_bytes("voices.json", weights))
    return {name: np.asarray(entry["vector"], np.float32) for name, entry in table.items()}


@cache
def gains(weights: Path | None = None) -> dict[str, float]:
    """The factor that brings each built-in voice to -23 LUFS, by name; 1 where its `gain_db` is not in voices.json."""
    table = json.loads(verified_bytes("voices.json", weights))
    return {name: float(10 ** (entry.get("gain_db", 0.0) / 20)) for name, entry in table.items()}


def vector_of(voice: Voice | None, weights: Path | None = None) -> np.ndarray:
    """The unit vector float32 [192] of a voice: its own `vector`, that of its `reference` recording, or a built-in
    voice's by name; the default's for None or a voice without any of them.

    Raises `BadInput` for an unknown name, listing those known, and for a vector that is none.
    """
    known = registry(weights)
    if voice is not None and voice.vector is not None:
        vector = voice.vector
        if vector.shape != (SIZE,) or not np.isfinite(vector).all() or not np.linalg.norm(vector) > 0:
            raise BadInput("voice vector of shape", vector.shape, f"must be [{SIZE}], finite and not zero")
        return np.asarray(vector / np.linalg.norm(vector), np.float32)
    if voice is not None and voice.reference is not None:
        return SpeakerEncoder.load(weights).embed(voice.reference)
    if voice is None or not voice.name:
        return next(iter(known.values()))
    if voice.name not in known:
        raise unknown_voice(voice.name, known)
    return known[voice.name]
