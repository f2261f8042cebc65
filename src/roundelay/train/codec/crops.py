"""Crops of codes, mel frames and references for the decoder's stages; a pure function of seed and step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from roundelay.train.codec.batches import GROUP, REFERENCE_FRAMES, random_reference
from roundelay.train.codec.data import Corpora, Item, train_weights
from roundelay.train.codec.tokenizer import QUIET, TokenizerTrainer, grouped, with_margins
from roundelay.voice.decoder.flow import PAIR
from roundelay.voice.tokenizer.frontend import BANDS, normal
from roundelay.voice.tokenizer.fsq import GROUP_VALUES

WARM_STEPS = 10  # of 20 ms, not counted in the loss: the convolutions' memory is still filling


class CodeCrops:
    """Crops of codes, true frames and references; the frozen tokenizer encodes each utterance once."""

    def __init__(
        self, teacher: TokenizerTrainer, corpora: Corpora, items: Sequence[Item], shares: dict[str, float], seed: int
    ) -> None:
        self.teacher, self.corpora, self.items, self.seed = teacher.eval(), corpora, items, seed
        lengths = np.array([item.frames for item in items], float)
        weights = train_weights(items, shares) * lengths
        self.weights = weights / weights.sum()
        self.same: dict[str, list[int]] = {}
        for at, item in enumerate(items):
            self.same.setdefault(item.speaker, []).append(at)
        self.known: dict[int, np.ndarray] = {}

    def codes(self, at: int) -> np.ndarray:
        """Digit values float16 [G, 28] of utterance `at`."""
        if at not in self.known:
            mel = whole(self.corpora.mel(self.items[at])).to(next(self.teacher.parameters()).device)
            with torch.no_grad():
                linguistic, semantic, *_ = self.teacher.trunk(with_margins(mel), drop=1)
            self.known[at] = grouped(linguistic, semantic)[0].cpu().numpy().astype(np.float16)
        return self.known[at]

    def draw(self, step: int, count: int, groups: int) -> tuple[np.ndarray, ...]:
        """Codes [B, G, 28], mel [B, 6G, 160], its weight [B, 6G], reference [B, 240, 80], noise, time."""
        rng = np.random.default_rng([self.seed, step])
        values = np.zeros((count, groups, GROUP_VALUES), np.float32)
        mels = np.full((count, groups * 6, PAIR), QUIET, np.float32)
        weight = np.zeros((count, groups * 6), np.float32)
        reference = np.empty((count, REFERENCE_FRAMES, BANDS), np.float32)
        for row, at in enumerate(rng.choice(len(self.items), count, p=self.weights).tolist()):
            codes, mel = self.codes(at), whole(self.corpora.mel(self.items[at]))[0].numpy().reshape(-1, PAIR)
            start = int(rng.integers(max(1, len(codes) - groups + 1)))
            taken = codes[start : start + groups]
            values[row, : len(taken)] = taken
            mels[row, : 6 * len(taken)] = mel[6 * start : 6 * (start + len(taken))]
            weight[row, : 6 * len(taken)] = 1
            weight[row, :WARM_STEPS] *= start == 0
            voices = self.same[self.items[at].speaker]
            other = voices[int(rng.integers(len(voices)))] if rng.random() < 0.5 else at
            reference[row] = random_reference(self.corpora.mel(self.items[other]), rng)
        noise = rng.standard_normal(mels.shape, dtype=np.float32)
        return values, mels, weight, reference, noise, rng.random(count, dtype=np.float32)


def whole(mel: np.ndarray) -> Tensor:
    """Normalised frames [1, T, 80], padded with silence to whole groups."""
    filled = np.pad(normal(mel), ((0, -len(mel) % GROUP), (0, 0)), constant_values=QUIET)
    return torch.from_numpy(filled.astype(np.float32))[None]
