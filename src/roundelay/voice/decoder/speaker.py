"""A reference recording to the 192 numbers that stand for its voice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.graphs import Graph, graph
from roundelay.voice.tokenizer import frontend

SIZE = 192  # as the paper's decoder is conditioned
LONGEST_S = 12.0  # more of a reference adds nothing
SHORTEST_FRAMES = 240  # a shorter reference is repeated up to this


@dataclass(frozen=True, slots=True)
class SpeakerEncoder:
    """Who speaks, as a unit vector float32 [192]."""

    network: Graph

    @classmethod
    def load(cls, weights: Path | None = None) -> SpeakerEncoder:
        """The encoder in the package, or in a folder of weights."""
        return cls(graph("speaker", weights))

    def embed(self, audio: Audio) -> np.ndarray:
        """The vector of a recording's first twelve seconds of sound, quiet stretches left out."""
        mel = frontend.log_mel(audio.resample(frontend.RATE_HZ).samples)
        level = mel.mean(1)
        heard = mel[level > level.max() - 6.0][: int(LONGEST_S * 100)]
        mel = np.tile(heard, (-(-SHORTEST_FRAMES // len(heard)), 1))[: max(SHORTEST_FRAMES, len(heard)) // 2 * 2]
        return np.asarray(self.network(mel=frontend.normal(mel)[None])[0][0])
