"""How many healthy GPUs an architecture cannot use: exact over a history, or by draws at a fixed fault ratio.

Waste is the GPUs that are healthy and in no complete TP group, over all GPUs, weighted by time (spec section 3). Its
*remainder* is what Big-Switch also pays; *topology* is the rest. A history is replayed by its events, never sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from roundelay.fabric import closed_form, rivals
from roundelay.fabric.rivals import Architecture, Chain
from roundelay.fabric.topology import Fabric
from roundelay.fabric.trace import Events

DRAW_NODES = 4_000_000  # nodes drawn at a fixed fault ratio, over all seeds, where --draws is silent: one second's work


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution over time: `gpus` int64 [V] ascending, and the share of time [V] each value holds."""

    gpus: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, gpus: np.ndarray, weight: np.ndarray) -> Spread:
        """Return the distribution of the values `gpus` [N] weighted by `weight` [N]; weightless ones are dropped."""
        low = int(gpus.min())
        total = np.bincount(gpus - low, weights=weight)
        held = np.flatnonzero(total > 0)
        return cls(held + low, total[held] / total.sum())

    @property
    def mean(self) -> float:
        return float(self.gpus @ self.share)

    def quantile(self, q: float) -> int:
        """Return the smallest value not exceeded for a share q of the time."""
        return int(self.gpus[min(np.searchsorted(np.cumsum(self.share), q - 1e-12), len(self.gpus) - 1)])


@dataclass(frozen=True, slots=True)
class Row:
    """One architecture's answer; ratios are of all GPUs, quantiles are over time (or over draws)."""

    arch: str
    waste: float
    remainder: float
    topology: float
    p50: float
    p99: float
    max: float
    largest_job_min_gpus: int
    largest_job_p50_gpus: int
    wait_share: float | None
    closed_form: float | None = None
    closed_form_infinite: float | None = None
    standard_error: float | None = None
    note: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the row as it stands in JSON; keys without a value are left out."""
        values = {key: getattr(self, key) for key in self.__slots__}
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Replay:
    """One architecture over one history: GPUs wasted and usable [E+1]."""

    wasted: np.ndarray
    usable: np.ndarray


def replay(arch: Architecture, events: Events) -> Replay:
    """Return wasted and usable GPUs before the first and after every event."""
    usable = arch.usable(events.node, events.delta)
    wasted = events.healthy(arch.fabric.nodes) * arch.fabric.gpus_per_node - usable
    spared = arch.spared(events.node, events.delta)
    return Replay(wasted if spared is None else wasted - np.minimum(spared, wasted), usable)


def over_history(
    archs: list[Architecture], histories: Iterable[Events], tp: int, *, job_share: float | None = None
) -> list[Row]:
    """Return a row per architecture, all histories pooled with equal weight."""
    wasted: dict[str, list[np.ndarray]] = {arch.name: [] for arch in archs}
    usable: dict[str, list[np.ndarray]] = {arch.name: [] for arch in archs}
    weights: list[np.ndarray] = []
    ideal: list[np.ndarray] = []
    for events in histories:
        weights.append(events.durations())
        ideal.append(events.healthy(archs[0].fabric.nodes) * archs[0].fabric.gpus_per_node % tp)
        for arch in archs:
            result = replay(arch, events)
            wasted[arch.name].append(result.wasted)
            usable[arch.name].append(result.usable)
    weight = np.concatenate(weights)
    remainder = Spread.of(np.concatenate(ideal), weight).mean
    return [
        _row(arch, np.concatenate(wasted[arch.name]), np.concatenate(usable[arch.name]), weight, remainder, tp, job_share)
        for arch in archs
    ]


def at_ratio(
    archs: list[Architecture], p: float, tp: int, seeds: Iterable[int], *, draws: int | None = None,
    job_share: float | None = None,
) -> list[Row]:
    """Return a row per architecture from independent draws of every node with fault probability p.

    `draws` is per seed; rows carry the closed form for this fabric, and the infinite ring's where there is one.
    """
    closed_form.check_probability(p)
    fabric, chosen = archs[0].fabric, list(seeds)
    count = draws or max(1, DRAW_NODES // (fabric.nodes * len(chosen)))
    shots = [shot for seed in chosen for shot in snapshots(fabric, p, seed, count)]
    weight = np.ones(len(shots))
    healthy = np.array([fabric.nodes - len(shot) for shot in shots], dtype=np.int64) * fabric.gpus_per_node
    remainder = float((healthy % tp).mean())
    rows = []
    for arch in archs:
        ends = [replay(arch, _at_once(shot)) for shot in shots]
        wasted = np.array([end.wasted[-1] for end in ends], dtype=np.int64)
        usable = np.array([end.usable[-1] for end in ends], dtype=np.int64)
        rows.append(_row(arch, wasted, usable, weight, remainder, tp, job_share, p))
    return rows


def snapshots(fabric: Fabric, p: float, seed: int, draws: int) -> Iterator[np.ndarray]:
    """Yield the nodes that are down, int32 [D], in each independent draw."""
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.flatnonzero(rng.random(fabric.nodes) < p).astype(np.int32)


def _at_once(down: np.ndarray) -> Events:
    return Events(down, np.ones(len(down), dtype=np.int8), np.zeros(len(down)), 1.0)


def _row(
    arch: Architecture, wasted: np.ndarray, usable: np.ndarray, weight: np.ndarray, remainder: float, tp: int,
    job_share: float | None, p: float | None = None,
) -> Row:
    gpus = arch.fabric.gpus
    spread, jobs = Spread.of(wasted, weight), Spread.of(usable, weight)
    wait = None if job_share is None else float(jobs.share[jobs.gpus < job_share * gpus].sum())
    exact = infinite = error = None
    if p is not None:
        error = float(wasted.std() / np.sqrt(max(len(wasted) - 1, 1)) / gpus)
        if arch.spared(*_NOTHING) is None:
            exact = 1 - p - arch.expected_usable(p) / gpus
        if isinstance(arch, Chain):
            infinite = closed_form.khop_infinite(p, arch.k, tp // arch.fabric.gpus_per_node)
    note = None if jobs.gpus[-1] else f"no group of {tp} GPUs fits this architecture"
    return Row(
        arch=arch.name, waste=spread.mean / gpus, remainder=remainder / gpus,
        topology=(spread.mean - remainder) / gpus, p50=spread.quantile(0.5) / gpus, p99=spread.quantile(0.99) / gpus,
        max=int(spread.gpus[-1]) / gpus, largest_job_min_gpus=int(jobs.gpus[0]), largest_job_p50_gpus=jobs.quantile(0.5),
        wait_share=wait, closed_form=exact, closed_form_infinite=infinite, standard_error=error, note=note,
    )


_NOTHING = (np.zeros(0, np.int32), np.zeros(0, np.int8))

__all__ = ["Replay", "Row", "Spread", "at_ratio", "over_history", "replay", "rivals", "snapshots"]
