"""Reference values of waste over a fault history, and ours beside them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from roundelay.fabric.waste.study import Study
from roundelay.fabric.waste.waste import WasteRow
from roundelay.record import Record


@dataclass(frozen=True, slots=True)
class ReferenceRow(Record):
    """One reference value and ours, both in per cent of all GPUs."""

    gpus_per_node: int
    tp: int
    arch: str
    theirs: float
    ours: float
    tolerance_points: float

    @property
    def held(self) -> bool:
        """Whether ours lies within the tolerance."""
        return abs(self.ours - self.theirs) <= self.tolerance_points


@dataclass(frozen=True, slots=True)
class Reference:
    """A table of reference values: for each case (GPUs per node, TP) the waste of each architecture in per cent."""

    architectures: tuple[str, ...]
    tolerance_points: tuple[float, ...]
    waste_percent: dict[tuple[int, int], tuple[float, ...]]

    @classmethod
    def read(cls, path: Path | str) -> Reference:
        """Return the table of a TOML file (results/waste-trace/reference.toml)."""
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        cases = {(case["gpus_per_node"], case["tp"]): tuple(case["waste_percent"]) for case in table["case"]}
        return cls(tuple(table["architectures"]), tuple(table["tolerance_points"]), cases)

    def measure(self, study: Study) -> dict[tuple[int, int], list[WasteRow]]:
        """Return the study's answer for each case."""
        return {(r, tp): study.with_(gpus_per_node=r, tp=tp).rows() for r, tp in self.waste_percent}

    def compare(self, found: dict[tuple[int, int], list[WasteRow]]) -> list[ReferenceRow]:
        """Return every reference value beside what `measure` found; the rows that have none are left out."""
        out = []
        for (r, tp), percents in self.waste_percent.items():
            ours = {row.arch: 100 * row.waste for row in found[r, tp]}
            for arch, theirs, points in zip(self.architectures, percents, self.tolerance_points, strict=True):
                out.append(ReferenceRow(r, tp, arch, theirs, ours[arch], points))
        return out
