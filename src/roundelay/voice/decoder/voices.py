"""The vector of a voice: a built-in one by name, a cloned one by a recording, any by its vector."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.decoder.speaker import SIZE, SpeakerEncoder
from roundelay.voice.graphs import checked

VoiceLike = str | Path | np.ndarray | None


@cache
def registry(weights: Path | None = None) -> dict[str, np.ndarray]:
    """The built-in voices' vectors float32 [192] by name; the first is the default."""
    table = json.loads(checked("voices.json", weights))
    return {name: np.asarray(entry["vector"], np.float32) for name, entry in table.items()}


def vector_of(voice: VoiceLike, weights: Path | None = None) -> np.ndarray:
    """The unit vector float32 [192] of a voice: a built-in name, a recording's path, a vector, or None (the
    default).

    Raises `BadInput` for a name that is neither a built-in voice nor a file, listing those known.
    """
    known = registry(weights)
    if voice is None:
        return next(iter(known.values()))
    if isinstance(voice, np.ndarray):
        if voice.shape != (SIZE,) or not np.isfinite(voice).all() or not np.linalg.norm(voice) > 0:
            raise BadInput("voice vector of shape", voice.shape, f"must be [{SIZE}], finite and not zero")
        return np.asarray(voice / np.linalg.norm(voice), np.float32)
    if str(voice) in known:
        return known[str(voice)]
    if not Path(voice).exists():
        raise BadInput("voice", voice, f"is unknown: give a recording, or one of {', '.join(known)}")
    return SpeakerEncoder.load(weights).embed(Audio.read(voice))
