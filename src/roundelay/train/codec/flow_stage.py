"""The flow stage: conditional flow matching from noise to the residual of the frozen prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from roundelay.console import note
from roundelay.train.codec.blocks import parameters
from roundelay.train.codec.crops import CodeCrops, whole
from roundelay.train.codec.flow import Flow, Sizes, sample
from roundelay.train.codec.inputs import CodecRun, corpora, crops, load_teacher
from roundelay.train.codec.recipe import CodecRecipe, network_sizes
from roundelay.train.codec.tokenizer import Prior
from roundelay.train.loop import Check, StepLoss
from roundelay.train.stage import Stage
from roundelay.voice.decoder.flow import FLOW_AHEAD, PAIR, RESIDUAL
from roundelay.voice.tokenizer.frontend import BANDS


@dataclass(frozen=True, slots=True)
class FlowSetup:
    """The flow, its training crops, dev utterances, and the crops a step draws."""

    model: Flow
    crops: CodeCrops
    dev: CodeCrops
    batch: int
    groups: int
    device: torch.device


def untrained_flow(run: CodecRun) -> Flow:
    """The flow in the recipe's sizes."""
    return Flow(network_sizes(Sizes, run.recipe, "flow"))


def build(run: CodecRun) -> FlowSetup:
    """The flow on the codes of the frozen tokenizer."""
    data, teacher = corpora(run), load_teacher(run)
    torch.manual_seed(run.recipe.seed)
    model = untrained_flow(run).to(run.device)
    note(f"flow: {parameters(model):,} parameters")
    train, dev = crops(run, teacher, data)
    return FlowSetup(model, train, dev, run.recipe.flow["batch"], run.recipe.flow["groups"], run.device)


def step_loss(setup: FlowSetup) -> StepLoss:
    """The flow-matching loss of a step: the path is straight from noise to the prior's residual."""
    crops, net = setup.crops, setup.model

    def losses(step: int) -> dict[str, torch.Tensor]:
        arrays = (torch.from_numpy(a).to(setup.device) for a in crops.draw(step, setup.batch, setup.groups))
        values, mel, weight, reference, noise, time = arrays
        with torch.no_grad():
            vector = crops.teacher.speaker(reference)
            line = crops.teacher.prior(values, vector)[0][:, Prior.AHEAD :]
        steps = line.shape[1] - FLOW_AHEAD
        mel, weight, noise = mel[:, :steps], weight[:, :steps, None], noise[:, :steps]
        condition = torch.cat([line[:, :steps], line[:, FLOW_AHEAD:]], -1)
        target = (mel - line[:, :steps]) / RESIDUAL
        part = time[:, None, None]
        velocity, _ = net((1 - part) * noise + part * target, condition, vector, time)
        error = (((velocity - (target - noise)) ** 2) * weight).sum()
        return {"loss": error / (weight.sum() * PAIR).clamp(min=1)}

    return losses


def dev_check(setup: FlowSetup) -> Check:
    """On whole dev utterances: mel L1 of the prior and of the flow, and how lively each is (true frames: 1)."""
    net, crops = setup.model, setup.dev

    def check(step: int) -> dict[str, Any]:
        net.eval()
        device = next(net.parameters()).device
        rows = []
        for at in range(len(crops.items)):
            mel = whole(crops.corpora.mel(crops.items[at]))
            values = functional.pad(torch.from_numpy(crops.codes(at).astype(np.float32)), (0, 0, 0, 1))
            with torch.no_grad():
                vector = crops.teacher.speaker(mel.to(device))
                prior = crops.teacher.prior(values[None].to(device), vector)[0][0, Prior.AHEAD :].cpu().numpy()
            truth = mel[0].numpy()
            made = sample(net, prior[: len(truth) // 2 + FLOW_AHEAD], vector[0].cpu().numpy())
            flat = prior[: len(truth) // 2].reshape(-1, BANDS)
            lively = [float(np.abs(np.diff(m, axis=0)).mean()) for m in (flat, made, truth)]
            rows.append([np.abs(flat - truth).mean(), np.abs(made - truth).mean(), *np.array(lively[:2]) / lively[2]])
        net.train()
        names = ("prior_l1", "flow_l1", "prior_lively", "flow_lively")
        return {name: round(float(v), 4) for name, v in zip(names, np.mean(rows, 0), strict=True)}

    return check


FLOW: Stage[CodecRecipe, FlowSetup] = Stage("flow", build, step_loss, dev_check)
