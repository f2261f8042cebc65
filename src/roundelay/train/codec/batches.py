"""Batches of utterances for the tokenizer's and the recognizer's stages, drawn by seed and step and augmented."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roundelay.train.codec.augment import noise_only, random_channel, random_gain, vtlp
from roundelay.train.codec.data import Corpora, Item, ItemSampler
from roundelay.train.codec.tokenizer import QUIET
from roundelay.voice.data.phones import plain
from roundelay.voice.text.pronunciations import pronounce
from roundelay.voice.tokenizer.frontend import BANDS, normal
from roundelay.voice.tokenizer.phone_recognizer import PHONES
from roundelay.voice.vocab import VOCAB

GROUP = VOCAB.group_ms // 10  # mel frames
REFERENCE_FRAMES = 240  # of the reference from which the speaker vector is computed
SPEAKERS = 4093  # classes; names are hashed into them, so that corpora may grow between two calls
NOISE_SHARE = 0.15  # of the batches, in which the first utterance is replaced by noise
UNKNOWN_PHONE = -100  # the class of a step whose phone is unknown; ignored by the cross-entropy


def speaker_class(name: str, size: int) -> int:
    """The class of a name, which never changes."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") % size


def labels_of(item: Item) -> list[int]:
    """The phone classes of an utterance, by its TTS teacher or else the dictionary; empty where neither has them."""
    by_teacher = [plain(symbol) for symbol, _, _ in item.phones]
    phones = by_teacher or list(pronounce(item.text) or [])
    return [PHONES.index(phone) + 1 for phone in phones if phone]


def phones_of(item: Item, steps: int) -> np.ndarray:
    """The class of each 20 ms step int64 [steps]; `UNKNOWN_PHONE` where no teacher gave one."""
    classes = np.full(steps, UNKNOWN_PHONE, np.int64)
    for symbol, start, end in item.phones:
        phone = plain(symbol)
        classes[round(start * 50) : round(end * 50)] = PHONES.index(phone) + 1 if phone else 0
    return classes


@dataclass(slots=True)
class Batch:
    """One step's tensors: the augmented frames, the clean ones, references, and labels."""

    noisy: Tensor
    clean: Tensor
    reference: Tensor
    speaker: Tensor
    labels: list[list[int]]
    phones: Tensor
    steps: Tensor


class BatchSampler:
    """Draws the batch of a step; a pure function of seed and step."""

    def __init__(self, corpora: Corpora, sampler: ItemSampler, rows: int, stretch: float) -> None:
        self.corpora, self.sampler = corpora, sampler
        self.rows, self.stretch = (
            rows,
            stretch,
        )  # rows whose mel is regressed, with a reference each; share of all rows warped by `vtlp`
        self.same: dict[str, list[Item]] = {}
        for item in sampler.items:
            self.same.setdefault(item.speaker, []).append(item)

    def draw(self, step: int, device: torch.device) -> Batch:
        """Step `step`'s batch."""
        items, rng = self.sampler.draw(step)
        items.sort(key=lambda item: not item.clean)  # the first rows are regressed: noise is no target
        longest = -(-max(item.frames for item in items) // GROUP) * GROUP
        noisy = np.full((len(items), longest, BANDS), QUIET, np.float32)
        clean = noisy.copy()
        reference = np.full((min(self.rows, len(items)), REFERENCE_FRAMES, BANDS), QUIET, np.float32)
        labels, phones = [], np.full((len(items), longest // 2), UNKNOWN_PHONE, np.int64)
        for row, item in enumerate(items):
            mel = self.corpora.mel(item)
            source, target, label = mel, mel, labels_of(item)
            if row == 0 and rng.random() < NOISE_SHARE:
                source = target = noise_only(item.frames, rng)
                label, phones[row, : item.frames // 2] = [], 0
            else:
                phones[row, : item.frames // 2] = phones_of(item, item.frames // 2)
                source = vtlp(source, rng) if rng.random() < self.stretch else source
                source = random_channel(source, rng, 0.3 if item.engine == "human" else 0.4)
            noisy[row, : item.frames] = normal(random_gain(source, rng))
            clean[row, : item.frames] = normal(target)
            labels.append(label)
            if row < self.rows:
                others = self.same[item.speaker]
                other = others[int(rng.integers(len(others)))]
                reference[row] = random_reference(self.corpora.mel(other) if rng.random() < 0.5 else target, rng)
        to = lambda array: torch.from_numpy(array).to(device)  # noqa: E731
        speakers = [speaker_class(item.speaker, SPEAKERS) for item in items[: self.rows]]
        return Batch(
            noisy=to(noisy),
            clean=to(clean),
            reference=to(reference),
            speaker=torch.tensor(speakers, device=device),
            labels=labels,
            phones=to(phones),
            steps=torch.tensor([item.frames // 2 for item in items], device=device),
        )


def random_reference(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random stretch float32 [240, 80] of a reference, repeated when short; half of them with a random channel."""
    start = int(rng.integers(max(1, len(mel) - REFERENCE_FRAMES)))
    piece = mel[start : start + REFERENCE_FRAMES]
    piece = np.tile(piece, (-(-REFERENCE_FRAMES // len(piece)), 1))[:REFERENCE_FRAMES]
    piece = random_channel(piece, rng, 0.3) if rng.random() < 0.5 else piece
    return np.asarray(normal(random_gain(piece, rng)), np.float32)
