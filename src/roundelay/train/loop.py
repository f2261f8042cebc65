"""The training loop every stage shares: seeded by step, resumable to the digit, stopped by the clock or the
count.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from roundelay.console import note, progress
from roundelay.errors import BadInput
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
    decay: float = 0.01

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
    adam = torch.optim.AdamW(learned, lr=plan.rate, betas=plan.betas, weight_decay=plan.decay)
    path = out / f"{name}.pt"
    book = Book(out, name)
    step = _resume(path, model, adam, book)
    share(model)
    started = saved = time.monotonic()
    bad = 0

    def keep() -> None:
        if rank() == 0:
            _save(path, model, adam, step, book)
            if check is not None:
                book.write({"step": step, "dev": check(step)})

    for _ in progress(range(step, plan.steps), name, plan.steps - step):
        if plan.minutes and agreed(time.monotonic() - started > 60 * plan.minutes):
            break
        for group in adam.param_groups:
            group["lr"] = plan.rate_at(step)
        torch.manual_seed(step)
        losses = step_loss(step)
        adam.zero_grad(set_to_none=True)
        losses["loss"].backward()
        average(learned)
        if math.isfinite(float(torch.nn.utils.clip_grad_norm_(learned, 1.0))):
            adam.step()
            bad = 0
        else:
            bad += 1
            if bad == 10:
                raise RuntimeError(f"{name}: ten steps without a finite gradient, stopped at step {step}")
        step += 1
        book.add(losses)
        if step % plan.report == 0 or step == plan.steps:
            book.close(step, plan.rate_at(step))
        if time.monotonic() - saved > 60 * plan.save_minutes:
            keep()
            saved = time.monotonic()
    keep()
    if distributed.is_initialized():
        distributed.barrier()  # the next stage reads the file, which the first process alone has written
    return Progress(step, plan.steps)


def rank() -> int:
    """This process' number among those that train together (torchrun names it); 0 where one trains alone."""
    return int(os.environ.get("RANK", "0"))


def ranks() -> int:
    """How many processes train together (torchrun starts them; gloo on CPUs, nccl on GPUs)."""
    if "WORLD_SIZE" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return distributed.get_world_size() if distributed.is_initialized() else 1


def average(learned: Sequence[nn.Parameter]) -> None:
    """Make every process' gradients their mean; alone, nothing. One message for all, as the models here are small."""
    if not distributed.is_initialized():
        return
    for p in learned:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    line = torch.cat([p.grad.flatten() for p in learned if p.grad is not None])
    distributed.all_reduce(line)
    line /= distributed.get_world_size()
    at = 0
    for p in learned:
        if p.grad is not None:
            p.grad.copy_(line[at : at + p.numel()].view_as(p))
            at += p.numel()


def share(model: nn.Module) -> None:
    """Give every process the first one's weights, whatever it began with; alone, nothing."""
    if distributed.is_initialized():
        for value in model.state_dict().values():
            distributed.broadcast(value.detach(), 0)


def agreed(value: Any) -> Any:
    """The first process' value, the same in all: their clocks and files may differ. Alone, the value itself."""
    if not distributed.is_initialized():
        return value
    box = [value]
    distributed.broadcast_object_list(box, 0)
    return box[0]


def checkpoint(path: Path) -> dict[str, Any]:
    """What a stage has written; raises `BadInput` for a file that is missing, cut short, or something else."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        whole = {"model": kept["model"], "adam": kept.get("adam"), "step": int(kept["step"])}
        return whole | {"sums": kept.get("sums", {})}
    except Exception:  # pickle, zip and torch each raise kinds of their own
        raise BadInput(
            "checkpoint", path, "cannot be read or is damaged; remove it and train its stage again"
        ) from None


def fill(module: nn.Module | torch.optim.Optimizer, state: dict[str, Any], path: Path) -> None:
    """Load a state of the checkpoint `path`; raises `BadInput` where it is of another shape."""
    try:
        module.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInput("checkpoint", path, "is of a model of another shape; give another --out or --config") from None


def _resume(path: Path, model: nn.Module, adam: torch.optim.Optimizer, book: Book) -> int:
    """Fill model, optimiser and book from a checkpoint, if there is one; the step it was left at."""
    kept = agreed(checkpoint(path) if rank() == 0 and path.is_file() else None)
    if kept is None:
        return 0
    fill(model, kept["model"], path)
    fill(adam, kept["adam"], path)
    book.sums = kept["sums"]
    note(f"{path.stem}: resumed at step {kept['step']}")
    return int(kept["step"])


class Book:
    """The metrics of a stage: means of what steps report, as lines of `<out>/<name>.metrics.jsonl` and, where the
    package tensorboard is installed, as its events in `<out>/tensorboard`. Only the first process writes.
    """

    def __init__(self, out: Path, name: str) -> None:
        self.path, self.name = out / f"{name}.metrics.jsonl", name
        self.sums: dict[str, list[float]] = {}
        self.cpu = time.process_time()
        self.board: Any = None
        if rank() == 0 and find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(out / "tensorboard" / name))

    def add(self, losses: dict[str, Tensor]) -> None:
        """Count one step's values."""
        for key, value in losses.items():
            self.sums.setdefault(key, []).append(float(value.detach()))

    def close(self, step: int, rate: float) -> None:
        """Write the means since the last call."""
        means = {key: round(sum(values) / len(values), 5) for key, values in self.sums.items()}
        self.sums = {}
        if self.board is not None:
            for key, value in means.items():
                self.board.add_scalar(f"{self.name}/{key}", value, step)
        self.write({"step": step, **means, "rate": rate, "cpu_s": round(time.process_time() - self.cpu, 1)})

    def write(self, line: dict[str, Any]) -> None:
        """Append a line and show it."""
        if rank() != 0:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        shown = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items())
        note(f"{self.name}: {shown}")


def _save(path: Path, model: nn.Module, adam: torch.optim.Optimizer, step: int, book: Book) -> None:
    kept = {"model": model.state_dict(), "adam": adam.state_dict(), "step": step, "sums": book.sums}
    with replacing(path, force=True) as temporary:
        torch.save(kept, temporary)
