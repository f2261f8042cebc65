"""What the sections share: the chain under test, the sets it is tested on, a judge with a memory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.data.manifest import Utterance, read_manifest, sound_of
from roundelay.voice.decoder import griffinlim, vocoder
from roundelay.voice.decoder.speaker import SpeakerEncoder
from roundelay.voice.decoder.stream import Decoder
from roundelay.voice.eval.judges import Judge
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.graphs import graph
from roundelay.voice.tokenizer import frontend
from roundelay.voice.tokenizer.dual import Tokenizer
from roundelay.voice.voices import Voice

RATE_HZ = 16_000


@dataclass(frozen=True)
class Item:
    """One utterance and its sound."""

    row: Utterance
    audio: Audio


@dataclass(frozen=True)
class Chain:
    """The shipped weights, or those of a folder: sound -> tokens -> sound, and the vocoder alone."""

    weights: Path | None = None

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self.weights)

    @cached_property
    def decoder(self) -> Decoder:
        return Decoder.load(self.weights)

    @cached_property
    def encoder(self) -> SpeakerEncoder:
        return SpeakerEncoder.load(self.weights)

    def resynth(self, audio: Audio, vector: np.ndarray | None) -> Audio:
        """Through the tokens and back, in a voice, at the original's length."""
        voice = None if vector is None else Voice(vector=vector)
        made = self.decoder.decode(self.tokenizer.encode(audio), voice)
        return Audio(made.samples[: audio.samples.size], RATE_HZ)

    def vocoded(self, audio: Audio) -> Audio:
        """Through the mel frames and back, no tokens: what the vocoder alone loses."""
        network = graph("vocoder", self.weights)
        state = vocoder.opening(network)
        mel = frontend.log_mel(audio.samples)
        parts = [vocoder.samples(state, network, mel), vocoder.samples(state, network, vocoder.ending())]
        return Audio(np.concatenate(parts)[: audio.samples.size], RATE_HZ)

    def griffin_lim(self, audio: Audio) -> Audio:
        """The same by Griffin-Lim."""
        return Audio(griffinlim.invert(frontend.log_mel(audio.samples))[: audio.samples.size], RATE_HZ)


class RememberingJudge:
    """The judge, with its answers about originals kept in a file: they do not depend on the weights."""

    def __init__(self, words: set[str], memory: Path) -> None:
        self._words, self._memory = words, memory
        self._known: dict[str, str] = json.loads(memory.read_text()) if memory.exists() else {}
        self._judge: Judge | None = None

    def errors(self, text: str, audio: Audio) -> Errors:
        key = hashlib.sha256(audio.samples.tobytes() + repr(sorted(self._words)).encode()).hexdigest()
        if key not in self._known:
            self._judge = self._judge or Judge(self._words)
            self._known[key] = self._judge.hear(audio.samples, audio.rate)
        return word_errors(text, self._known[key])

    def save(self) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        self._memory.write_text(json.dumps(self._known))


def items(corpus: Path, split: str, most: int | None = None) -> list[Item]:
    """The utterances of a split, every n-th one so that at most `most` remain."""
    rows = [row for row in read_manifest(corpus) if row.split == split]
    step = max(1, -(-len(rows) // most)) if most else 1
    return [Item(row, Audio(sound_of(corpus, row), RATE_HZ)) for row in rows[::step]]


def words(chosen: list[Item]) -> set[str]:
    return {word for item in chosen for word in item.row.text.split()}


def reference(chosen: list[Item], item: Item, shortest_s: float = 1.5) -> Item | None:
    """Another utterance of the same speaker, the longest: what a user would give to clone the voice from."""
    others = [each for each in chosen if each.row.speaker == item.row.speaker and each.row.id != item.row.id]
    best = max(others, key=lambda each: each.row.duration_s, default=None)
    return best if best is not None and best.row.duration_s >= shortest_s else None
