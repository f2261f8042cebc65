"""MFU against the number of GPUs: the best configuration of a model on each fabric, found exactly (ours)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.job.hardware import Links
from roundelay.fabric.steptime.search import search
from roundelay.fabric.steptime.steptime import StepTime


@dataclass(frozen=True, slots=True)
class Setting:
    """One curve: a model at a sequence length, its sequences a step, and whether the sequence may be cut.

    `global_batch` is fixed; 0 lets it grow with the GPUs, `per_gpu` sequences each.
    """

    model: str
    seq: int
    global_batch: int
    context: bool
    per_gpu: int = 2

    @property
    def scaled(self) -> bool:
        """Whether the batch grows with the GPUs."""
        return not self.global_batch

    @property
    def title(self) -> str:
        """The setting in words."""
        batch = f"batch {self.per_gpu} a GPU" if self.scaled else f"batch {self.global_batch:,}"
        return f"{self.model}, {batch}, {'with' if self.context else 'no'} context parallelism"

    def best(self, gpus: int, fabric: Links) -> StepTime | None:
        """Return the fastest configuration on so many GPUs, or None where none fits."""
        batch = self.global_batch or self.per_gpu * gpus
        fixed = {} if self.context else {"cp": 1}
        try:
            return search(self.model, gpus, fabric, seq=self.seq, global_batch=batch, fixed=fixed).best[0]
        except BadInput:
            return None


@dataclass(frozen=True, slots=True)
class Point:
    """The best steps of one setting on so many GPUs, by the fabric's name; a fabric where none fits is left out."""

    setting: Setting
    gpus: int
    steps: Mapping[str, StepTime]

    def ratio(self, fabric: str, other: str) -> float:
        """Return the MFU on a fabric over that on another."""
        return self.steps[fabric].mfu / self.steps[other].mfu

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each fabric."""
        where = {"model": self.setting.model, "scaled": self.setting.scaled, "context": self.setting.context}
        return [
            {
                **where,
                "gpus": self.gpus,
                "fabric": name,
                "mfu": round(step.mfu, 5),
                "step_s": round(step.step_s, 4),
                "cut": cut(step),
            }
            for name, step in self.steps.items()
        ]


def points(settings: Iterable[Setting], gpus: Iterable[int], fabrics: Mapping[str, Links]) -> Iterator[Point]:
    """Yield a point for each setting and each number of GPUs."""
    sizes = list(gpus)
    for setting in settings:
        for size in sizes:
            found = {name: setting.best(size, fabric) for name, fabric in fabrics.items()}
            yield Point(setting, size, {name: step for name, step in found.items() if step})


def cut(step: StepTime) -> str:
    """Return tp·pp·dp·cp·ep and the pieces of a stage."""
    return f"{step.parallelism.cut()} v{step.job.interleave}"
