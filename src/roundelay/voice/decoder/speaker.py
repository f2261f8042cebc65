"""The speaker encoder: a reference recording to the vector of its voice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.graphs import Graph, graph
from roundelay.voice.tokenizer import frontend

SIZE = 192  # as in Step-Audio's decoder
MAX_REFERENCE_S = 12.0  # a longer reference is no better
MIN_REFERENCE_FRAMES = 240  # a shorter reference is repeated up to this


@dataclass(frozen=True, slots=True)
class SpeakerEncoder:
    """A recording to the unit vector float32 [192] of its speaker."""

    network: Graph

    @classmethod
    def load(cls, weights: Path | None = None) -> SpeakerEncoder:
        """The encoder in the package, or in a folder of weights."""
        return cls(graph("speaker", weights))

    def embed(self, audio: Audio) -> np.ndarray:
        """The vector of a recording's first twelve seconds of speech, without quiet stretches."""
        mel = frontend.log_mel(audio.resample(frontend.RATE_HZ).samples)
        level = mel.mean(1)
        speech = mel[level > level.max() - 6.0][: int(MAX_REFERENCE_S * 100)]
        mel = np.tile(speech, (-(-MIN_REFERENCE_FRAMES // len(speech)), 1))[
            : max(MIN_REFERENCE_FRAMES, len(speech)) // 2 * 2
        ]
        return np.asarray(self.network(mel=frontend.normal(mel)[None])[0][0])
