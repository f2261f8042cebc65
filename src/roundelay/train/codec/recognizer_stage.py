"""The recognizer stage: a joint phone recognizer on both codebooks, with the codes fixed (ours).

The single-codebook recognizers that train the tokenizer are small and see little context, so that each codebook must be
easy to read. This one sees both codebooks and a wider context; the nano engine recognises speech with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from roundelay.console import note
from roundelay.train.codec.batches import GROUP, BatchSampler, labels_of
from roundelay.train.codec.blocks import Stack, cubic, parameters, unpair
from roundelay.train.codec.data import Corpora, Item
from roundelay.train.codec.inputs import CodecRun, batches, corpora, load_teacher, recognized_dev
from roundelay.train.codec.recipe import CodecRecipe
from roundelay.train.codec.tokenizer import CLASSES, QUIET, TokenizerTrainer, with_margins
from roundelay.train.codec.tokenizer_stage import ctc_loss, phone_loss
from roundelay.train.distributed import rank, ranks
from roundelay.train.loop import Check, StepLoss
from roundelay.train.stage import Stage
from roundelay.voice.eval.metrics.error_rate import distance
from roundelay.voice.tokenizer.frontend import normal
from roundelay.voice.tokenizer.fsq import LEVELS, LINGUISTIC, SEMANTIC
from roundelay.voice.tokenizer.phone_recognizer import PHONES, collapse

TIMED_WEIGHT = 0.5  # of the cross-entropy of each step's phone, beside CTC


class JointRecognizer(nn.Module):
    """Codes of both codebooks to phones at 50 Hz; not causal."""

    def __init__(self, width: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.linguistic = nn.Linear(3 * LINGUISTIC.digits, 3 * width)
        self.semantic = nn.Linear(3 * SEMANTIC.digits, 2 * width)
        self.stack = Stack(width, 2, dilations, causal=False)
        self.norm = nn.LayerNorm(width)
        self.heard = nn.Linear(width, CLASSES)
        self.timed = nn.Linear(width, CLASSES)

    def forward(self, linguistic_BTD: Tensor, semantic_BTD: Tensor) -> tuple[Tensor, Tensor]:
        """CTC's log-probabilities and the logits of each step's phone, both [B, 50 Hz, 40]."""
        both = unpair(self.linguistic(cubic(linguistic_BTD)), 3) + unpair(self.semantic(cubic(semantic_BTD)), 2)
        hidden = self.norm(self.stack(both)[0])
        return functional.log_softmax(self.heard(hidden), -1), self.timed(hidden)


@dataclass(frozen=True, slots=True)
class RecognizerSetup:
    """The recognizer, the frozen tokenizer, batches, dev utterances, and the share of digits that are moved."""

    model: JointRecognizer
    teacher: TokenizerTrainer
    batches: BatchSampler
    corpora: Corpora
    dev: Sequence[Item]
    jitter: float


def untrained_recognizer(run: CodecRun) -> JointRecognizer:
    """The recognizer in the recipe's sizes, initialised by its seed."""
    torch.manual_seed(run.recipe.seed)
    return JointRecognizer(run.recipe.recognizer["width"], run.recipe.recognizer["dilations"]).to(run.device)


def build(run: CodecRun) -> RecognizerSetup:
    """The recognizer on the codes of the frozen tokenizer."""
    data, teacher, model = corpora(run), load_teacher(run), untrained_recognizer(run)
    note(f"recognizer: {parameters(model):,} parameters")
    jitter = run.recipe.recognizer["jitter"]
    return RecognizerSetup(model, teacher, batches(run, data, "recognizer"), data, recognized_dev(data), jitter)


def jitter_digits(values: Tensor, share: float) -> Tensor:
    """Digits of codes, a share of them moved to a neighbouring level: another voice gives nearby codes."""
    step = 2 / (LEVELS - 1) * (2 * torch.randint_like(values, 2) - 1)
    return torch.where(torch.rand_like(values) < share, (values + step).clamp(-1, 1), values)


def step_loss(setup: RecognizerSetup) -> StepLoss:
    """The losses of a step: the phones in the codes of augmented speech, some of their digits moved."""
    teacher, world, mine = setup.teacher, ranks(), rank()
    device = next(teacher.parameters()).device

    def losses(step: int) -> dict[str, Tensor]:
        batch = setup.batches.draw(step * world + mine, device)
        with torch.no_grad():
            linguistic, semantic, *_ = teacher.trunk(with_margins(batch.noisy), drop=1)
        logs, timed = setup.model(jitter_digits(linguistic, setup.jitter), jitter_digits(semantic, setup.jitter))
        parts = {"ctc": ctc_loss(logs, batch), "timed": phone_loss(timed, batch.phones)}
        return {"loss": parts["ctc"] + TIMED_WEIGHT * parts["timed"], **parts}

    return losses


def dev_check(setup: RecognizerSetup) -> Check:
    """Phone error rate by engine on whole utterances."""
    teacher = setup.teacher
    device = next(teacher.parameters()).device

    def check(step: int) -> dict[str, Any]:
        errors: dict[str, list[int]] = {}
        for item in setup.dev:
            mel = normal(setup.corpora.mel(item)).astype(np.float32)
            short = -len(mel) % GROUP
            x = torch.from_numpy(np.pad(mel, ((0, short), (0, 0)), constant_values=QUIET))[None].to(device)
            with torch.no_grad():
                linguistic, semantic, *_ = teacher.trunk(with_margins(x), drop=1)
                found = collapse(setup.model(linguistic, semantic)[0][0].argmax(-1).cpu().numpy())
            spoken = [PHONES[c - 1] for c in labels_of(item)]
            sums = errors.setdefault(f"{item.engine}-{item.split}", [0, 0])
            for at, add in enumerate((distance(spoken, found), len(spoken))):
                sums[at] += add if spoken else 0
        return {k: round(a / n, 3) for k, (a, n) in errors.items() if n}

    return check


RECOGNIZER: Stage[CodecRecipe, RecognizerSetup] = Stage("recognizer", build, step_loss, dev_check)
