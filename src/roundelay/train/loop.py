"""The training loop of every stage: seeded by step, resumable to the digit, stopped by a number of steps or a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from roundelay.console import progress
from roundelay.train import checkpoint
from roundelay.train.distributed import all_reduce_gradients, barrier, broadcast_object, broadcast_weights, rank
from roundelay.train.metrics import MetricsLog

StepLoss = Callable[[int], dict[str, Tensor]]  # of a step: "loss", which is minimised, and its parts
Check = Callable[[int], dict[str, Any]]  # dev metrics after a step
MAX_BAD_STEPS = 10  # in a row without a finite gradient


@dataclass(frozen=True, slots=True)
class Plan:
    """Length and learning rate: of `steps`, the last `cooldown` share decays linearly to zero."""

    steps: int
    rate: float
    warmup: int = 100
    cooldown: float = 0.3
    minutes: float | None = None
    save_minutes: float = 5.0
    report: int = 20
    betas: tuple[float, float] = (0.9, 0.98)
    decay: float = 0.01

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        left = (self.steps - step) / max(1.0, self.steps * self.cooldown)
        return self.rate * min(1.0, (step + 1) / self.warmup, max(0.02, left))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage has come: steps done, of how many; fewer where the time limit stopped it."""

    done: int
    steps: int

    @property
    def finished(self) -> bool:
        """True when nothing is left to do."""
        return self.done >= self.steps


def fit(
    name: str, model: nn.Module, step_loss: StepLoss, plan: Plan, out: Path, check: Check | None = None
) -> Progress:
    """Train until `plan.steps` or `plan.minutes`; `step_loss(step)["loss"]` is minimised. Resumes from its checkpoint.

    Writes `<out>/<name>.pt` and appends to `<out>/<name>.metrics.jsonl`. A step whose gradient is not finite is
    skipped; ten in a row raise `RuntimeError`, and the last checkpoint is still good.
    """
    out.mkdir(parents=True, exist_ok=True)
    learned = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(learned, lr=plan.rate, betas=plan.betas, weight_decay=plan.decay)
    path = out / f"{name}.pt"
    log = MetricsLog(out, name)
    step = checkpoint.resume(path, model, adam, log)
    broadcast_weights(model)
    started = saved = time.monotonic()
    bad = 0

    def save() -> None:
        if rank() == 0:
            checkpoint.save(path, model, adam, step, log)
            if check is not None:
                log.write({"step": step, "dev": check(step)})

    for _ in progress(range(step, plan.steps), name, plan.steps - step):
        if plan.minutes and broadcast_object(time.monotonic() - started > 60 * plan.minutes):
            break
        for group in adam.param_groups:
            group["lr"] = plan.rate_at(step)
        torch.manual_seed(step)
        losses = step_loss(step)
        adam.zero_grad(set_to_none=True)
        losses["loss"].backward()
        all_reduce_gradients(learned)
        if math.isfinite(float(torch.nn.utils.clip_grad_norm_(learned, 1.0))):
            adam.step()
            bad = 0
        else:
            bad += 1
            if bad == MAX_BAD_STEPS:
                raise RuntimeError(f"{name}: ten steps without a finite gradient, stopped at step {step}")
        step += 1
        log.add(losses)
        if step % plan.report == 0 or step == plan.steps:
            log.flush(step, plan.rate_at(step))
        if time.monotonic() - saved > 60 * plan.save_minutes:
            save()
            saved = time.monotonic()
    save()
    barrier()  # the next stage reads the file, which rank 0 alone has written
    return Progress(step, plan.steps)
