"""The package's built-in voices: mean speaker vectors of the TTS teachers' own voices, never of human speakers.

Human recordings may train the recognizer, but their speakers did not agree to be offered as voices (docs/data.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from roundelay.train.codec.data import Corpora, Item
from roundelay.train.codec.tokenizer import Speaker
from roundelay.voice.tokenizer.frontend import normal

ENGINES = ("flite", "festival", "espeak")
UTTERANCES = 6  # averaged for a voice


def built_in_voices(net: Speaker, corpora: Corpora, count: int = 12) -> dict[str, dict[str, Any]]:
    """Name -> {"engine", "vector"} of the teachers' voices best represented in training, four per engine."""
    by_speaker: dict[str, list[Item]] = {}
    for item in corpora.items:
        if item.split == "train" and item.engine in ENGINES and item.frames > 100:
            by_speaker.setdefault(item.speaker, []).append(item)
    net.eval()
    voices: dict[str, dict[str, Any]] = {}
    for engine in ENGINES:
        speakers = [s for s, items in by_speaker.items() if items[0].engine == engine]
        speakers.sort(key=lambda s: (-len(by_speaker[s]), s))
        for speaker in speakers[: count // len(ENGINES)]:
            vectors = [_vector(net, corpora.mel(item)) for item in by_speaker[speaker][:UTTERANCES]]
            mean = np.mean(vectors, 0)
            vector = [round(float(v), 5) for v in mean / np.linalg.norm(mean)]
            voices[speaker] = {"engine": engine, "vector": vector}
    return voices


def _vector(net: Speaker, mel: np.ndarray) -> np.ndarray:
    frames = normal(mel[: len(mel) // 2 * 2]).astype(np.float32)
    with torch.no_grad():
        return np.asarray(net(torch.from_numpy(frames)[None])[0].numpy())
