"""The listener's own stage: phones from both codebooks together, the codes standing still (ours).

The readers that teach the tokenizer each see one codebook and little time, so that each codebook must be plain. Whoever
wants to know what was said may look at both, and further around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from roundelay.train.codec.blocks import Stack, cubic, unpair
from roundelay.train.codec.data import Corpora, Item
from roundelay.train.codec.tokenizer import CLASSES, QUIET, Teachable, with_margins
from roundelay.train.codec.tokenizer_stage import GROUP, Feeder, Losses, ctc, labels_of, phone_loss
from roundelay.train.loop import rank, ranks
from roundelay.voice.eval.metrics.error_rate import distance
from roundelay.voice.tokenizer.frontend import normal
from roundelay.voice.tokenizer.fsq import LEVELS, LINGUISTIC, SEMANTIC
from roundelay.voice.tokenizer.phone_recognizer import PHONES, collapse

TIMED = 0.5  # weight of each step's phone, beside CTC


class JointRecognizer(nn.Module):
    """Codes of both codebooks to phones at 50 Hz; reads both ways."""

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


def jittered(values: Tensor, share: float) -> Tensor:
    """Digits of codes of which a share moved to a level beside its own: another voice says the same in codes nearby."""
    step = 2 / (LEVELS - 1) * (2 * torch.randint_like(values, 2) - 1)
    return torch.where(torch.rand_like(values) < share, (values + step).clamp(-1, 1), values)


def step_of(teacher: Teachable, recognizer: JointRecognizer, feeder: Feeder, jitter: float) -> Callable[[int], Losses]:
    """The losses of a step: the phones in the codes of what was heard, some of their digits moved."""
    device, together, mine = next(teacher.parameters()).device, ranks(), rank()

    def losses(step: int) -> Losses:
        batch = feeder.draw(step * together + mine, device)
        with torch.no_grad():
            linguistic, semantic, *_ = teacher.trunk(with_margins(batch.heard), drop=1)
        logs, timed = recognizer(jittered(linguistic, jitter), jittered(semantic, jitter))
        parts = {"ctc": ctc(logs, batch), "timed": phone_loss(timed, batch.phones)}
        return {"loss": parts["ctc"] + TIMED * parts["timed"], **parts}

    return losses


def check_of(
    teacher: Teachable, recognizer: JointRecognizer, corpora: Corpora, items: Sequence[Item]
) -> Callable[[int], dict[str, Any]]:
    """Phone error by engine on whole utterances."""
    device = next(teacher.parameters()).device

    def check(step: int) -> dict[str, Any]:
        errors: dict[str, list[int]] = {}
        for item in items:
            mel = normal(corpora.mel(item)).astype(np.float32)
            short = -len(mel) % GROUP
            x = torch.from_numpy(np.pad(mel, ((0, short), (0, 0)), constant_values=QUIET))[None].to(device)
            with torch.no_grad():
                linguistic, semantic, *_ = teacher.trunk(with_margins(x), drop=1)
                read = collapse(recognizer(linguistic, semantic)[0][0].argmax(-1).cpu().numpy())
            said = [PHONES[c - 1] for c in labels_of(item)]
            sums = errors.setdefault(f"{item.engine}-{item.split}", [0, 0])
            for at, add in enumerate((distance(said, read), len(said))):
                sums[at] += add if said else 0
        return {k: round(a / n, 3) for k, (a, n) in errors.items() if n}

    return check
