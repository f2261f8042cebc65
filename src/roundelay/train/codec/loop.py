"""The training loop every stage shares: seeded by step, resumable to the digit, stopped by the clock or the
count.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from roundelay.console import note
from roundelay.files import replacing


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast: `steps` in all, of which the last `cooldown` share falls to nothing linearly."""

    steps: int
    rate: float
    warmup: int = 100
    cooldown: float = 0.3
    minutes: float | None = None
    save_minutes: float = 5.0
    report: int = 20
    betas: tuple[float, float] = (0.9, 0.98)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        left = (self.steps - step) / max(1.0, self.steps * self.cooldown)
        return self.rate * min(1.0, (step + 1) / self.warmup, max(0.02, left))


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a stage stands: steps done, of how many, and whether the clock stopped it."""

    done: int
    steps: int

    @property
    def finished(self) -> bool:
        """True when nothing is left to do."""
        return self.done >= self.steps


def fit(
    name: str,
    model: nn.Module,
    step_loss: Callable[[int], dict[str, Tensor]],
    plan: Plan,
    out: Path,
    check: Callable[[int], dict[str, Any]] | None = None,
) -> Progress:
    """Train until `plan.steps` or `plan.minutes`; `step_loss(step)["loss"]` is minimised. Resumes from its
    checkpoint.

    Writes `<out>/<name>.pt` and appends to `<out>/<name>.metrics.jsonl`. A loss that is not finite skips its
    step; ten in a row stop the run with an error, since the checkpoint before is still good.
    """
    out.mkdir(parents=True, exist_ok=True)
    learned = [p for p in model.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(learned, lr=plan.rate, betas=plan.betas, weight_decay=0.01)
    path, begin = out / f"{name}.pt", 0
    if path.is_file():
        kept = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(kept["model"])
        adam.load_state_dict(kept["adam"])
        begin = int(kept["step"])
        note(f"{name}: resumed at step {begin}")
    started = saved = time.monotonic()
    cpu = time.process_time()
    sums: dict[str, float] = {}
    counted = bad = 0
    step = begin
    while step < plan.steps and not (plan.minutes and time.monotonic() - started > 60 * plan.minutes):
        for group in adam.param_groups:
            group["lr"] = plan.rate_at(step)
        torch.manual_seed(step)
        losses = step_loss(step)
        adam.zero_grad(set_to_none=True)
        losses["loss"].backward()
        norm = torch.nn.utils.clip_grad_norm_(learned, 1.0)
        if math.isfinite(float(norm)):
            adam.step()
            bad = 0
        else:
            bad += 1
            if bad == 10:
                raise RuntimeError(f"{name}: ten steps without a finite gradient, stopped at step {step}")
        step += 1
        counted += 1
        for key, value in losses.items():
            sums[key] = sums.get(key, 0.0) + float(value.detach())
        if step % plan.report == 0 or step == plan.steps:
            line = {"step": step, **{key: round(value / counted, 5) for key, value in sums.items()}}
            line |= {"rate": plan.rate_at(step), "cpu_s": round(time.process_time() - cpu, 1)}
            _log(out / f"{name}.metrics.jsonl", line)
            sums, counted = {}, 0
        if time.monotonic() - saved > 60 * plan.save_minutes:
            _save(path, model, adam, step)
            if check is not None:
                _log(out / f"{name}.metrics.jsonl", {"step": step, "dev": check(step)})
            saved = time.monotonic()
    _save(path, model, adam, step)
    if check is not None:
        _log(out / f"{name}.metrics.jsonl", {"step": step, "dev": check(step)})
    return Progress(step, plan.steps)


def _save(path: Path, model: nn.Module, adam: torch.optim.Optimizer, step: int) -> None:
    with replacing(path, force=True) as temporary:
        torch.save({"model": model.state_dict(), "adam": adam.state_dict(), "step": step}, temporary)


def _log(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    shown = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items())
    note(f"{path.stem.split('.')[0]}: {shown}")
