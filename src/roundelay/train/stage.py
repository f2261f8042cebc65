"""A training run and its stages: what is trained in which order, shared by the codec and the language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.train.distributed import rank
from roundelay.train.loop import Check, Plan, Progress, StepLoss, fit
from roundelay.train.recipe import Recipe

R = TypeVar("R", bound=Recipe)
PLAN_KEYS = ("steps", "rate", "cooldown")  # of a stage's table


class Setup(Protocol):
    """What a stage builds before it trains: the model, and whatever its loss and its check need beside it."""

    @property
    def model(self) -> nn.Module:
        """The module whose parameters are trained."""
        ...


S = TypeVar("S", bound=Setup)


@dataclass(frozen=True, slots=True)
class Run(Generic[R]):
    """One training run: its recipe, its corpora, the folder of its checkpoints, and when a stage stops.

    `weights` is where the export writes (default: `out`/weights); `tokenizer` is a folder of codec weights other than
    the package's.
    """

    recipe: R
    corpora: tuple[Path, ...]
    out: Path
    weights: Path | None = None
    minutes: float | None = None
    tokenizer: Path | None = None

    @property
    def device(self) -> torch.device:
        """The device the recipe names; raises `BadInput` where it is not available."""
        if self.recipe.device.startswith("cuda") and not torch.cuda.is_available():
            raise BadInput("device", self.recipe.device, "is not at hand; use --size tiny, or --device cpu")
        return torch.device(self.recipe.device)

    @property
    def export_folder(self) -> Path:
        """Where the export writes."""
        return self.weights or self.out / "weights"

    def plan(self, stage: str) -> Plan:
        """The plan of a stage, from its table."""
        table = self.recipe.table(stage)
        keys = {key: table[key] for key in PLAN_KEYS if key in table}
        return Plan(**keys, minutes=self.minutes, decay=self.recipe.weight_decay)


@dataclass(frozen=True, slots=True)
class Stage(Generic[R, S]):
    """A stage that trains a model: `build` makes model and data, `step` the loss, `check` the dev metrics."""

    name: str
    build: Callable[[Run[R]], S]
    step: Callable[[S], StepLoss]
    check: Callable[[S], Check | None]

    def run(self, run: Run[R]) -> Progress:
        """Train, or go on where an earlier call was stopped."""
        setup = self.build(run)
        return fit(self.name, setup.model, self.step(setup), run.plan(self.name), run.out, self.check(setup))


@dataclass(frozen=True, slots=True)
class Action(Generic[R]):
    """A stage that trains nothing and writes files; only rank 0 does it."""

    name: str
    act: Callable[[Run[R]], object]

    def run(self, run: Run[R]) -> None:
        """Do it."""
        if rank() == 0:
            self.act(run)


def run_stages(stages: Sequence[Stage[R, Any] | Action[R]], name: str, run: Run[R]) -> None:
    """Run the stage `name`, or "all" in order until one is stopped by its time limit; raises `BadInput`."""
    known = [stage.name for stage in stages]
    if name not in ("all", *known):
        raise BadInput("stage", name, f"is unknown; known: all, {', '.join(known)}")
    torch.set_num_threads(run.recipe.threads)
    for stage in stages:
        if name in ("all", stage.name) and (progress := stage.run(run)) is not None:
            note(f"{stage.name}: {progress.done} of {progress.steps} steps" + (", done" if progress.finished else ""))
            if not progress.finished:
                break
