"""The prior stage: the codes are fixed, so that mel frames are regressed from them many times as fast.

The prior starts from the tokenizer stage's. Its loss is that stage's: L1, with silence weighted down, and the distance
between the trunk's features of regressed and true frames. In place of the teacher's phones, its target is the phone
distribution that the trunk finds in the true frames; human recordings have that too (ours).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from roundelay.train.codec.blocks import unpair
from roundelay.train.codec.crops import CodeCrops, whole
from roundelay.train.codec.inputs import CodecRun, corpora, crops, load_teacher
from roundelay.train.codec.recipe import CodecRecipe
from roundelay.train.codec.tokenizer import Prior, TokenizerTrainer
from roundelay.train.codec.tokenizer_stage import WEIGHTS, loudness_weight
from roundelay.train.loop import Check, StepLoss
from roundelay.train.stage import Stage

PHONE_WEIGHT = 0.5  # of the phones' divergence, beside the distance of the features


@dataclass(frozen=True, slots=True)
class PriorSetup:
    """The prior to train, inside the frozen networks, its crops, dev utterances, and the crops a step draws."""

    model: nn.Module
    teacher: TokenizerTrainer
    crops: CodeCrops
    dev: CodeCrops
    batch: int
    groups: int


def build(run: CodecRun) -> PriorSetup:
    """The prior of the last checkpoint; everything else is frozen."""
    table, data, teacher = run.recipe.prior, corpora(run), load_teacher(run)
    model = teacher.prior.requires_grad_(True)
    train, dev = crops(run, teacher, data)
    return PriorSetup(model, teacher, train, dev, table["batch"], table["groups"])


def step_loss(setup: PriorSetup) -> StepLoss:
    """The loss of a step: frames near the true ones, and with the same features and phones."""
    teacher, crops = setup.teacher, setup.crops
    device = next(teacher.parameters()).device

    def losses(step: int) -> dict[str, torch.Tensor]:
        arrays = crops.draw(step, setup.batch, setup.groups)
        values, mel, weight, reference, _, _ = (torch.from_numpy(a).to(device) for a in arrays)
        with torch.no_grad():
            vector = teacher.speaker(reference)
        guess = teacher.prior(values, vector)[0][:, Prior.AHEAD :]
        steps = guess.shape[1] // 6 * 6
        guess, mel, weight = guess[:, :steps], mel[:, :steps], weight[:, :steps]
        near = loudness_weight(mel) * weight.unsqueeze(-1)
        with torch.no_grad():
            wanted, phones = teacher.perceive(unpair(mel))
        hidden, logits = teacher.perceive(unpair(guess))
        total = weight.sum().clamp(min=1)
        missed = functional.kl_div(
            functional.log_softmax(logits, -1), functional.log_softmax(phones, -1), reduction="none", log_target=True
        ).sum(-1)
        parts = {
            "mel": ((guess - mel).abs() * near).sum() / near.sum().clamp(min=1),
            "heard": ((hidden - wanted).abs().mean(-1) * weight).sum() / total,
            "missed": (missed * weight).sum() / total,
        }
        perceived = parts["heard"] + PHONE_WEIGHT * parts["missed"]
        return {"loss": WEIGHTS["mel"] * parts["mel"] + WEIGHTS["understood"] * perceived, **parts}

    return losses


def dev_check(setup: PriorSetup) -> Check:
    """Mel L1 on whole dev utterances, by engine."""
    teacher, crops = setup.teacher, setup.dev

    def check(step: int) -> dict[str, Any]:
        found: dict[str, list[float]] = {}
        for at in range(len(crops.items)):
            mel = whole(crops.corpora.mel(crops.items[at]))
            values = functional.pad(torch.from_numpy(crops.codes(at).astype(np.float32)), (0, 0, 0, 1))
            with torch.no_grad():
                guess = teacher.prior(values[None], teacher.speaker(mel))[0][0, Prior.AHEAD :]
            truth = mel[0].reshape(-1, guess.shape[1])
            error = float((guess[: len(truth)] - truth).abs().mean())
            found.setdefault(crops.items[at].engine, []).append(error)
        return {engine: round(float(np.mean(errors)), 4) for engine, errors in found.items()}

    return check


PRIOR: Stage[CodecRecipe, PriorSetup] = Stage("prior", build, step_loss, dev_check)
