"""How far a step time may be off: what the model missed published runs of the same class by (results/steptime).

Four classes, for their errors have different causes: `megatron` (dense, weights whole on every rank), `fsdp` (dense,
ZeRO 2 or 3), `fp8` (dense, 8-bit products), `moe` (mixtures of experts). Ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from math import ceil
from typing import Any

import numpy as np

from roundelay.fabric.job.hardware import SPECS

PATH = SPECS / "step-errors.toml"
WITHIN = 0.9  # share of the published rows that lie within `ratio`


@dataclass(frozen=True, slots=True)
class ClassError:
    """Errors of one class on published rows that set no constant: mean, what 90 % keep within, worst; how many rows.

    `gpus` and `billions` (of parameters) are the largest among those rows.
    """

    mean_ratio: float
    ratio: float
    worst_ratio: float
    rows: int
    gpus: int
    billions: float

    @classmethod
    def of(cls, errors: Sequence[float], gpus: int, billions: float) -> ClassError:
        """Return the class of these relative errors of the step time."""
        size = np.abs(np.asarray(errors))
        mean, most, worst = (round(float(value), 3) for value in (size.mean(), np.quantile(size, WITHIN), size.max()))
        return cls(mean, most, worst, len(size), gpus, ceil(billions * 10) / 10)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a step time may be off by, as a ratio of it, and why: `kind` names the class, `checked` whether published
    rows of it are as large.
    """

    kind: str
    ratio: float
    checked: bool
    rows: int

    def __str__(self) -> str:
        runs = f"{self.rows} published runs"
        how = f"as 90 % of {runs}" if self.checked else f"the worst of {runs}, none of them as large"
        return f"± {self.ratio:.0%} ({self.kind}: {how})"


def kind_of(moe: bool, fp8: bool, zero: int) -> str:
    """Return the class of a step."""
    if moe:
        return "moe"
    if fp8:
        return "fp8"
    return "fsdp" if zero >= 2 else "megatron"


def accuracy(kind: str, gpus: int, parameters: int) -> Accuracy:
    """Return what a step of that class may be off by: beyond the largest published run, as much as the worst row."""
    table = classes()[kind]
    checked = gpus <= table.gpus and parameters <= table.billions * 1e9
    return Accuracy(kind, table.ratio if checked else table.worst_ratio, checked, table.rows)


@cache
def classes() -> dict[str, ClassError]:
    """Return the classes by name, as results/steptime found them."""
    return {name: ClassError(**values) for name, values in tomllib.loads(PATH.read_text(encoding="utf-8")).items()}


def text(found: Mapping[str, ClassError]) -> str:
    """Return the file of the classes: python results/steptime/run.py writes it."""
    lines = ["# What step times miss published runs by, a class each; written by results/steptime/run.py."]
    for name, each in found.items():
        values: dict[str, Any] = {field.name: getattr(each, field.name) for field in fields(each)}
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in values.items())]
    return "\n".join(lines) + "\n"
