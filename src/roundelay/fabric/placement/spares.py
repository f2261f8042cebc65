"""How many spare nodes, and where: faults replayed against a placement that keeps some nodes free.

A spare amid every two groups leaves each group next to one, so that a single fault is absorbed where it happens. Two
ways to live with faults are told apart: *rested*, where the job is laid out anew with its spares before the next fault
(at a checkpoint, say), and *running*, where only repairs move nodes and used spares return as nodes are mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.placement import orchestrate
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.placement.repair import repair, returned
from roundelay.fabric.topology.deployment import Deployment


@dataclass(frozen=True, slots=True)
class SpareRow:
    """What faults of single nodes did to a job: shares are of the faults that hit one of its groups."""

    spare_every_groups: int
    spare_ratio: float
    job_gpus: int
    faults: int
    one_group_share: float
    unrepaired_share: float
    mean_disturbed: float

    def as_dict(self) -> dict[str, float | int]:
        return {key: getattr(self, key) for key in self.__slots__}


def spread(
    deployment: Deployment, down: tuple[int, ...], tp: int, spare_every: int, most: int | None = None
) -> Placement:
    """Return a placement of all groups that fit, at most `most`, with a spare amid every `spare_every`; 0 is none."""
    empty = Placement(deployment, (), down)
    m = deployment.ring.fabric.nodes_per_group(tp)
    chains = orchestrate.chains_of(deployment, orchestrate.free_mask(empty), m, spare_every)
    groups = tuple(tuple(int(n) for n in deployment.node(chain)) for chain in chains[:most])
    return empty.with_job(JobPlace("job", tp, groups))


def replay(deployment: Deployment, events: Events, tp: int, spare_every: int, *, rested: bool) -> list[int]:
    """Return, for each fault that hits a group, how many groups it disturbed; 0 where none could be rebuilt."""
    place = spread(deployment, (), tp, spare_every)
    groups = len(place.job().groups)
    out: list[int] = []
    for node, delta in zip(events.node.tolist(), events.delta.tolist(), strict=True):
        if delta < 0:
            place = returned(place, [node])
            continue
        if rested:
            place = spread(deployment, place.down, tp, spare_every, groups)
        if place.group_of()[node] < 0:
            place = repair(place, [node]).placement
            continue
        try:
            done = repair(place, [node])
            out.append(done.disturbed)
            place = done.placement
        except BadInput:
            out.append(0)
            place = spread(deployment, (*place.down, node), tp, spare_every, groups)
    return out


def each_node_once(deployment: Deployment) -> Events:
    """Return a history in which every node fails alone and is mended before the next."""
    node = np.repeat(np.arange(deployment.nodes, dtype=np.int32), 2)
    delta = np.tile(np.array([1, -1], np.int8), deployment.nodes)
    return Events(node, delta, np.arange(len(node), dtype=np.float64), float(len(node)))


def table(
    deployment: Deployment, histories: list[Events], tp: int, *, rested: bool, every: tuple[int, ...] = (0, 8, 4, 2, 1)
) -> Iterator[SpareRow]:
    """Yield a row for each density of spares, over all histories."""
    for spare_every in every:
        job = spread(deployment, (), tp, spare_every).job()
        kept = int((orchestrate.free_mask(spread(deployment, (), tp, spare_every))).sum())
        counts = [c for events in histories for c in replay(deployment, events, tp, spare_every, rested=rested)]
        done = np.array(counts or [1])
        yield SpareRow(
            spare_every_groups=spare_every,
            spare_ratio=kept / deployment.nodes,
            job_gpus=len(job.groups) * tp,
            faults=len(counts),
            one_group_share=float((done == 1).mean()),
            unrepaired_share=float((done == 0).mean()),
            mean_disturbed=float(done[done > 0].mean()) if (done > 0).any() else 0.0,
        )
