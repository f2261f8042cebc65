"""The nano model in training: Step-1 with codes composed of their digits, and an auxiliary phone classifier.

Both are for training alone. The 5,120 codes' rows of embedding and head are sums over their digits' vectors and a row
of their own, so that codes share statistics (ours); `plain` writes the sums out and leaves plain Step-1. The classifier
predicts the phones of the audio from the hidden states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from roundelay.shape import Shape
from roundelay.train.lm.examples import PHONE_STEPS, UNKNOWN_PHONE, Example
from roundelay.voice.engines.nano.vocabulary import FIRST_PHONE, NANO
from roundelay.voice.lm.model import Step1
from roundelay.voice.tokenizer.fsq import LEVELS, LINGUISTIC, SEMANTIC
from roundelay.voice.tokenizer.phone_recognizer import PHONES

CLASSES = len(PHONES) + 1
PHONE_LOSS_WEIGHT = 0.5  # of the auxiliary classifier


class Digits(nn.Module):
    """A table [V, C] with the vectors of their digits added to the rows of codes."""

    structure: Tensor

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        marks = np.zeros((NANO.linguistic + NANO.semantic, LEVELS * (LINGUISTIC.digits + SEMANTIC.digits)), np.float32)
        row = column = 0
        for book in (LINGUISTIC, SEMANTIC):
            codes = np.arange(book.size)
            for digit in range(book.digits):
                marks[row + codes, column + codes // LEVELS**digit % LEVELS] = 1
                column += LEVELS
            row += book.size
        self.register_buffer("structure", torch.from_numpy(marks), persistent=False)
        self.vectors = nn.Parameter(torch.randn(marks.shape[1], width) * scale)

    def forward(self, table_VC: Tensor) -> Tensor:
        """The table with digits added."""
        codes = table_VC[NANO.text :] + self.structure @ self.vectors
        return torch.cat([table_VC[: NANO.text], codes])


class Learner(nn.Module):
    """The model with composed codes, and the phone classifier."""

    def __init__(self, shape: Shape, composed: bool = True) -> None:
        super().__init__()
        self.lm = Step1(shape)
        for module in self.lm.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
        for layer in self.lm.model.layers:  # projections into the residual stream start small, scaled by depth
            for weight in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):  # type: ignore[union-attr]
                nn.init.normal_(weight, std=0.02 / (2 * shape.layers) ** 0.5)  # type: ignore[arg-type]
        if composed:
            for module in (self.lm.model.embed_tokens, self.lm.lm_head):
                with torch.no_grad():
                    module.weight[NANO.text :] *= 0.25
                parametrize.register_parametrization(module, "weight", Digits(shape.hidden, 0.01))
        self.reader = nn.Linear(shape.hidden, CLASSES * len(PHONE_STEPS))

    def plain(self) -> Step1:
        """Step-1 with the codes' sums written out; the learner cannot be used afterwards."""
        for module in (self.lm.model.embed_tokens, self.lm.lm_head):
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight")
        return self.lm


@dataclass(frozen=True, slots=True)
class Batch:
    """Ids [B, T]; flat positions, ids and weights of targets; flat positions and classes of the auxiliary phones."""

    ids: Tensor
    places: Tensor
    targets: Tensor
    weights: Tensor
    phone_places: Tensor
    phones: Tensor


def batch_of(examples: Sequence[Example], device: torch.device) -> Batch:
    """The examples as one batch, padded on the right with zeros."""
    longest = max(len(example.ids) for example in examples)
    ids = np.zeros((len(examples), longest), np.int64)
    places, targets, weights, phone_places, phones = [], [], [], [], []
    for row, example in enumerate(examples):
        line, weight = np.asarray(example.ids), np.asarray(example.weights, np.float32)
        ids[row, : len(line)] = line
        targeted = np.flatnonzero(weight[1:] > 0)
        places.append(row * longest + targeted)
        targets.append(line[1:][targeted])
        weights.append(weight[1:][targeted])
        phone_places += [row * longest + place for place, _ in example.phones]
        phones += [classes for _, classes in example.phones]
    to = lambda parts: torch.from_numpy(np.concatenate(parts)).to(device)  # noqa: E731
    classes = np.asarray(phones, np.int64).reshape(-1, len(PHONE_STEPS))
    return Batch(
        torch.from_numpy(ids).to(device),
        to(places),
        to(targets),
        to(weights),
        torch.tensor(phone_places, dtype=torch.long, device=device),
        torch.from_numpy(classes).to(device),
    )


KINDS = (("written", 0, FIRST_PHONE), ("thought", FIRST_PHONE, NANO.text), ("sounded", NANO.text, NANO.size))


def losses(learner: Learner, batches: Sequence[Batch]) -> dict[str, Tensor]:
    """The loss to minimise, and cross-entropy in nats by target: characters, phones, codes, auxiliary phones."""
    lm = learner.lm
    total, weight = torch.zeros((), device=lm.lm_head.weight.device), 0.0
    sums: dict[str, list[float]] = {}
    with parametrize.cached():
        for batch in batches:
            hidden = lm.stream(batch.ids)[-1].flatten(0, 1)
            each = functional.cross_entropy(lm.lm_head(hidden[batch.places]), batch.targets, reduction="none")
            total, weight = total + (each * batch.weights).sum(), weight + float(batch.weights.sum())
            for name, low, high in KINDS:
                mine = each.detach()[(batch.targets >= low) & (batch.targets < high)]
                _add(sums, name, float(mine.sum()), len(mine))
            known = int((batch.phones != UNKNOWN_PHONE).sum())
            if known:
                scores = learner.reader(hidden[batch.phone_places]).reshape(-1, CLASSES)
                extra = functional.cross_entropy(
                    scores, batch.phones.flatten(), ignore_index=UNKNOWN_PHONE, reduction="sum"
                )
                total, weight = total + PHONE_LOSS_WEIGHT * extra, weight + PHONE_LOSS_WEIGHT * known
                _add(sums, "heard", float(extra.detach()), known)
    return {"loss": total / weight, **{name: torch.tensor(a / n) for name, (a, n) in sums.items() if n}}


def _add(sums: dict[str, list[float]], name: str, value: float, count: int) -> None:
    entry = sums.setdefault(name, [0.0, 0.0])
    entry[0] += value
    entry[1] += count
