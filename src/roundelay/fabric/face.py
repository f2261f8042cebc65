"""The fabric's public functions: `place`, `waste` and `step_time`, one call each, with an answer that prints itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from roundelay.console import table_text
from roundelay.errors import BadInput
from roundelay.fabric.job import hardware as specs
from roundelay.fabric.job import workload as models
from roundelay.fabric.placement import orchestrate
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.steptime import complete
from roundelay.fabric.steptime.steptime import StepTime, scenario_of
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.waste.study import Study
from roundelay.fabric.waste.waste import WasteRow

AXES = ("tp", "pp", "dp", "cp", "ep", "micro_batch", "interleave", "recompute", "sequence_parallel", "zero")
PLACING = ("nodes_per_tor", "tors_per_domain", "name", "rings", "spare_every")
WASTE_COLUMNS = {
    "arch": "architecture",
    "waste": "waste",
    "remainder": "remainder",
    "topology": "topology",
    "p99": "p99",
    "largest_job_min_gpus": "job always fits, GPUs",
    "closed_form": "closed form",
}


@dataclass(frozen=True, slots=True)
class Waste:
    """Rows of `waste`, one an architecture; `left_out` says which architectures do not fit the fabric, and why."""

    rows: tuple[WasteRow, ...]
    title: str
    left_out: tuple[str, ...] = ()

    def __getitem__(self, architecture: str) -> WasteRow:
        """Return the row of an architecture; raises `BadInput` for one that is not in the table."""
        for row in self.rows:
            if row.arch == architecture:
                return row
        raise BadInput("architecture", architecture, _hint(architecture, [row.arch for row in self.rows]))

    def __str__(self) -> str:
        rows = [row.as_dict() for row in self.rows]
        columns = {key: head for key, head in WASTE_COLUMNS.items() if any(key in row for row in rows)}
        return table_text(rows, columns, self.title)


def waste(
    architecture: str = "all",
    *,
    gpus: int = 2880,
    gpus_per_node: int = 4,
    tp: int = 32,
    fault_ratio: float | None = None,
    trace: str | None = None,
    **settings: Any,
) -> Waste:
    """Return how many healthy GPUs each architecture cannot use, as ratios of all GPUs (arXiv 2502.03885, section 6).

    architecture   names separated by commas, or "all"
    fault_ratio    the share of nodes that are down, independently; or `trace`, a fault history's file; without either
                   the built-in generator's histories are replayed
    settings       any other field of `fabric.waste.study.Study`: seeds, seed, model, days, job_share, spares …

    Raises `BadInput` for a name that is unknown and for GPUs that are no whole nodes or groups.
    """
    _check_names(settings, [field.name for field in fields(Study)], "waste")
    study = Study(gpus, gpus_per_node, tp, architecture, trace=trace, fault_ratio=fault_ratio, **settings)
    _, cannot = study.architectures()
    title = f"waste, share of {gpus:,} GPUs, TP-{tp}, {gpus_per_node}-GPU nodes"
    return Waste(tuple(study.rows()), title, tuple(cannot.values()))


def step_time(
    model: str = "llama3-405b",
    *,
    gpus: int = 2048,
    hardware: str = "h100",
    fabric: str = "dgx",
    seq: int | None = None,
    global_batch: int = 2048,
    **axes: int | str | bool,
) -> StepTime:
    """Return the time of one training step, part by part; what is left out is chosen for the shortest step that fits.

    model, hardware   presets or TOML files; `fabric` is an architecture's name
    seq               tokens of a sequence; without it 8192 or the model's longest
    axes              tp, pp, cp, ep (each 1 if left out), dp (fills up), micro_batch, interleave, recompute,
                      sequence_parallel, zero

    Raises `BadInput` where a name is unknown, the cut does not divide, or nothing fits into memory. Method: ours.
    """
    _check_names(axes, AXES, "step_time")
    workload = models.read(model)
    tokens = min(8192, workload.shape.max_length) if seq is None else seq
    scenario = scenario_of(workload, tokens, global_batch, specs.hardware(hardware), fabric)
    return complete.fastest(scenario, gpus, complete.checked_axes(axes))


def place(
    gpus: int,
    *,
    nodes: int | None = None,
    tp: int = 32,
    k: int = 3,
    gpus_per_node: int = 4,
    faults: Sequence[int] = (),
    into: Placement | None = None,
    **settings: Any,
) -> Placement:
    """Return a placement of a job of `gpus` GPUs in groups of `tp` on a K-hop ring (arXiv 2502.03885, section 5).

    nodes, k, gpus_per_node   an empty fabric; `faults` are its nodes that are down; or `into`, a placement to add to
    settings                  nodes_per_tor, tors_per_domain, name, rings, spare_every, as in `roundelay fabric place`

    Groups share their ToRs where that is possible, and can always be formed by the transceivers. Raises `BadInput`
    where the job does not fit, with what would fit.
    """
    _check_names(settings, PLACING, "place")
    per_tor, per_domain = settings.pop("nodes_per_tor", 1), settings.pop("tors_per_domain", 0)
    if into is None:
        if nodes is None:
            raise BadInput("nodes", None, "give the number of nodes, or into, a placement to add the job to")
        deployment = Deployment.of(nodes, gpus_per_node, k, per_tor, tors_per_domain=per_domain)
        into = Placement(deployment, (), tuple(sorted(set(faults)))).check()
    placed, _ = orchestrate.place(into, tp, gpus, **settings)
    return placed


def _check_names(given: Sequence[str] | dict[str, Any], known: Sequence[str], function: str) -> None:
    for name in given:
        if name not in known:
            raise BadInput(f"argument of {function}", name, _hint(name, known))


def _hint(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
