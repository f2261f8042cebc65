"""Speaker similarity by an independent model: resemblyzer's encoder, trained by others on other people."""

from __future__ import annotations

import warnings

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice.audio import Audio


class SpeakerSimilarity:
    """Embeds voices, to be compared by their cosine. Raises `MissingPackage` without resemblyzer."""

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from resemblyzer import VoiceEncoder, preprocess_wav
        except ImportError:
            raise MissingPackage("resemblyzer", "eval") from None
        self._prepare = preprocess_wav
        self._encoder = VoiceEncoder("cpu", verbose=False)

    def embed(self, *audios: Audio) -> np.ndarray:
        """The mean unit vector float32 [256] of one voice's recordings."""
        vectors = [self._encoder.embed_utterance(self._prepare(a.samples, source_sr=a.rate)) for a in audios]
        mean = np.mean(vectors, axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The cosine of two vectors, -1 to 1."""
    return float(np.dot(a, b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))
