"""How many healthy GPUs an architecture cannot use: exact over a history, or by draws at a fixed fault ratio.

Waste is the GPUs that are healthy and in no complete TP group, over all GPUs, weighted by time (arXiv 2502.03885,
section 6). Its *remainder* is what Big-Switch also pays; *topology* is the rest. A history is replayed by its events,
never sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.faults.distribution import Distribution
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import closed_form
from roundelay.fabric.waste.usable import Chain, UsableGpus
from roundelay.record import Record

DRAW_NODES = 4_000_000  # nodes drawn at a fixed fault ratio, over all seeds, where --draws is silent
MAX_DRAW_NODES = 400_000_000  # nodes drawn for one seed: 2 GB


@dataclass(frozen=True, slots=True)
class WasteRow(Record):
    """One architecture's answer; ratios are of all GPUs, quantiles are over time (or over draws)."""

    arch: str
    waste: float
    remainder: float
    topology: float
    p50: float
    p99: float
    max: float
    deviation: float
    largest_job_min_gpus: int
    largest_job_p50_gpus: int
    wait_share: float | None
    closed_form: float | None = None
    closed_form_infinite: float | None = None
    standard_error: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class GpuCounts:
    """One architecture over one history: GPUs wasted and usable [E+1]."""

    wasted: np.ndarray
    usable: np.ndarray


def gpu_counts(arch: UsableGpus, events: Events) -> GpuCounts:
    """Return wasted and usable GPUs before the first and after every event."""
    usable = arch.usable(events.node, events.delta)
    wasted = events.healthy(arch.fabric.nodes) * arch.fabric.gpus_per_node - usable
    spared = arch.spared(events.node, events.delta)
    return GpuCounts(wasted if spared is None else wasted - np.minimum(spared, wasted), usable)


def over_history(
    archs: list[UsableGpus], histories: Iterable[Events], tp: int, *, job_share: float | None = None
) -> list[WasteRow]:
    """Return a row per architecture, all histories pooled with equal weight; one history is in memory at a time."""
    wasted: dict[str, list[Distribution]] = {arch.name: [] for arch in archs}
    usable: dict[str, list[Distribution]] = {arch.name: [] for arch in archs}
    ideal: list[Distribution] = []
    fabric = archs[0].fabric
    for events in histories:
        weight = events.durations()
        ideal.append(Distribution.of(events.healthy(fabric.nodes) * fabric.gpus_per_node % tp, weight))
        for arch in archs:
            result = gpu_counts(arch, events)
            wasted[arch.name].append(Distribution.of(result.wasted, weight))
            usable[arch.name].append(Distribution.of(result.usable, weight))
    remainder = Distribution.pool(ideal).mean
    return [
        _row(arch, Distribution.pool(wasted[arch.name]), Distribution.pool(usable[arch.name]), remainder, tp, job_share)
        for arch in archs
    ]


def at_ratio(
    archs: list[UsableGpus],
    p: float,
    tp: int,
    seeds: Sequence[int],
    *,
    draws: int | None = None,
    job_share: float | None = None,
) -> list[WasteRow]:
    """Return a row per architecture from independent draws of every node with fault probability p.

    `draws` is per seed; rows carry the closed form for this fabric, and the infinite ring's where there is one.
    """
    closed_form.check_probability(p)
    fabric = archs[0].fabric
    count = draws or max(1, DRAW_NODES // (fabric.nodes * len(seeds)))
    rows = over_history(archs, (snapshots(fabric, p, seed, count) for seed in seeds), tp, job_share=job_share)
    sample = max(count * len(seeds) - 1, 1)
    return [
        replace(row, standard_error=row.deviation / sample**0.5, **_expected(arch, p, tp))
        for row, arch in zip(rows, archs, strict=True)
    ]


def snapshots(fabric: Fabric, p: float, seed: int, draws: int) -> Events:
    """Return independent draws as a history: draw i holds from time i to i+1, all its changes at time i."""
    if draws * fabric.nodes > MAX_DRAW_NODES:
        raise BadInput("--draws", draws, f"give at most {MAX_DRAW_NODES // fabric.nodes:,} for {fabric.nodes:,} nodes")
    down = np.random.default_rng(seed).random((draws, fabric.nodes), dtype=np.float32) < p
    before = np.zeros_like(down)
    before[1:] = down[:-1]
    draw, node = np.nonzero(down != before)
    delta = np.where(down[draw, node], 1, -1).astype(np.int8)
    return Events(node.astype(np.int32), delta, draw.astype(np.float64), float(draws))


def _expected(arch: UsableGpus, p: float, tp: int) -> dict[str, Any]:
    """Return the closed forms of a row; waste with spares counted apart has none."""
    out: dict[str, Any] = {}
    if arch.spared(*NO_EVENTS) is None:
        out["closed_form"] = 1 - p - arch.expected_usable(p) / arch.fabric.gpus
    if isinstance(arch, Chain):
        out["closed_form_infinite"] = closed_form.khop_infinite(p, arch.k, tp // arch.fabric.gpus_per_node)
    return out


def _row(
    arch: UsableGpus, wasted: Distribution, usable: Distribution, remainder: float, tp: int, job_share: float | None
) -> WasteRow:
    gpus = arch.fabric.gpus
    return WasteRow(
        arch=arch.name,
        waste=wasted.mean / gpus,
        remainder=remainder / gpus,
        topology=(wasted.mean - remainder) / gpus,
        p50=wasted.quantile(0.5) / gpus,
        p99=wasted.quantile(0.99) / gpus,
        max=int(wasted.values[-1]) / gpus,
        deviation=wasted.deviation / gpus,
        largest_job_min_gpus=int(usable.values[0]),
        largest_job_p50_gpus=usable.quantile(0.5),
        wait_share=None if job_share is None else usable.below(job_share * gpus),
        note=None if usable.values[-1] else f"no group of {tp} GPUs fits this architecture",
    )


NO_EVENTS = (np.zeros(0, np.int32), np.zeros(0, np.int8))
