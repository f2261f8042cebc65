"""Whether simulated waste and its closed form agree: their difference in standard errors, over many points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from roundelay.record import Record

EXACT = 1e-12  # difference allowed at a point whose simulation has no error


@dataclass(frozen=True, slots=True)
class Agreement(Record):
    """One architecture's differences z = (simulated - closed form) / standard error over its points with an error.

    `exact` is whether the points without an error equal the closed form.
    """

    arch: str
    points: int
    mean_z: float
    largest_z: float
    exact: bool

    @property
    def agrees(self) -> bool:
        """Whether no point lies 4 standard errors off, nor the mean 3 of its own."""
        return self.exact and self.largest_z < 4 and abs(self.mean_z) < 3 / self.points**0.5


def agreement(rows: Iterable[Mapping[str, Any]]) -> list[Agreement]:
    """Return a row per architecture, over independent rows of `sweeps.sweep`."""
    scores: dict[str, list[float]] = {}
    differs: set[str] = set()
    for row in rows:
        difference = row["waste"] - row["closed_form"]
        if row["standard_error"] > 0:
            scores.setdefault(row["arch"], []).append(difference / row["standard_error"])
        elif abs(difference) >= EXACT:
            differs.add(row["arch"])
    return [
        Agreement(arch, len(zs), sum(zs) / len(zs), max(map(abs, zs)), arch not in differs)
        for arch, zs in scores.items()
    ]
