"""The prior's own stage: the codes stand still now, so frames can be regressed from them many times as fast.

The prior goes on from where the tokenizer's stage left it. Its loss is that stage's: L1, silence counting less, and how
differently the trunk, held fixed, hears regressed and true frames; instead of a teacher's phones it asks for the phones
that the trunk finds in the true frames, which people's recordings have too (ours).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from roundelay.train.codec.blocks import unpair
from roundelay.train.codec.flow import Crops, whole
from roundelay.train.codec.tokenizer import Prior, Teachable
from roundelay.train.codec.tokenizer_stage import FAINT, LOUD, WEIGHTS

MISSED = 0.5  # weight of the phones, beside the distance of what is heard


def step_of(teacher: Teachable, crops: Crops, count: int, groups: int) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: frames near the true ones, and heard like them."""
    device = next(teacher.parameters()).device

    def losses(step: int) -> dict[str, Tensor]:
        values, mel, weight, reference, _, _ = (torch.from_numpy(a).to(device) for a in crops.draw(step, count, groups))
        with torch.no_grad():
            vector = teacher.speaker(reference)
        guess = teacher.prior(values, vector)[0][:, Prior.AHEAD :]
        steps = guess.shape[1] // 6 * 6
        guess, mel, weight = guess[:, :steps], mel[:, :steps], weight[:, :steps]
        near = (FAINT + (1 - FAINT) * torch.sigmoid(3 * (mel - LOUD))) * weight.unsqueeze(-1)
        with torch.no_grad():
            wanted, phones = teacher.understood(unpair(mel))
        hidden, logits = teacher.understood(unpair(guess))
        total = weight.sum().clamp(min=1)
        missed = functional.kl_div(
            functional.log_softmax(logits, -1), functional.log_softmax(phones, -1), reduction="none", log_target=True
        ).sum(-1)
        parts = {
            "mel": ((guess - mel).abs() * near).sum() / near.sum().clamp(min=1),
            "heard": ((hidden - wanted).abs().mean(-1) * weight).sum() / total,
            "missed": (missed * weight).sum() / total,
        }
        loss = WEIGHTS["mel"] * parts["mel"] + WEIGHTS["understood"] * (parts["heard"] + MISSED * parts["missed"])
        return {"loss": loss, **parts}

    return losses


def only_prior(teacher: Teachable) -> nn.Module:
    """The part that learns; everything else is fixed."""
    teacher.requires_grad_(False)
    return teacher.prior.requires_grad_(True)


def check_of(teacher: Teachable, crops: Crops, watched: Sequence[int]) -> Callable[[int], dict[str, Any]]:
    """Mel L1 on whole dev utterances, by engine."""

    def check(step: int) -> dict[str, Any]:
        found: dict[str, list[float]] = {}
        for at in watched:
            mel = whole(crops.corpora.mel(crops.items[at]))
            values = functional.pad(torch.from_numpy(crops.codes(at).astype(np.float32)), (0, 0, 0, 1))
            with torch.no_grad():
                guess = teacher.prior(values[None], teacher.speaker(mel))[0][0, Prior.AHEAD :]
            truth = mel[0].reshape(-1, guess.shape[1])
            error = float((guess[: len(truth)] - truth).abs().mean())
            found.setdefault(crops.items[at].engine, []).append(error)
        return {engine: round(float(np.mean(errors)), 4) for engine, errors in found.items()}

    return check
