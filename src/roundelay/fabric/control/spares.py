"""How many spare nodes, and where: faults replayed against a job that keeps some nodes free.

One spare node per two groups leaves each group next to one, so that a single fault is absorbed where it happens. Two
policies are compared: either the job is *re-placed* with its spares before the next fault (at a
checkpoint, say), or it is only *repaired*, and used spares return as nodes return. Both drive the controller's core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roundelay.fabric.control.core.actions import Move, Place
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.events import JobCheckpointed, JobRequest, JobSubmitted, NodeDown, NodeUp
from roundelay.fabric.control.core.state import Policy
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.placement import orchestrate
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment
from roundelay.record import Record

NAME = "job"
SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class SpareRow(Record):
    """What faults of single nodes did to a job: shares are of the faults that hit one of its groups."""

    spare_every_groups: int
    spare_ratio: float
    job_gpus: int
    faults: int
    one_group_share: float
    unrepaired_share: float
    mean_disturbed: float


def filled(deployment: Deployment, tp: int, spare_every: int) -> Controller:
    """Return a controller whose one job has all the groups that fit beside one spare per `spare_every` groups."""
    layout = orchestrate.lay_out(Placement(deployment, ()), tp, deployment.nodes, spare_every)
    controller = Controller(deployment, Policy(grow=False))
    if groups := len(layout.nodes_Gm):
        job = JobRequest(NAME, tp, groups * tp, min_gpus=tp, spare_every=spare_every)
        controller.feed(JobSubmitted(0.0, job))
    return controller


def replay(deployment: Deployment, events: Events, tp: int, spare_every: int, *, replace: bool) -> list[int]:
    """Return, for each fault that hits a group, how many groups it disturbed; 0 where none could be rebuilt.

    With `replace` the job is placed anew before each fault.
    """
    controller = filled(deployment, tp, spare_every)
    out: list[int] = []
    for node, delta, days in zip(events.node.tolist(), events.delta.tolist(), events.time_days.tolist(), strict=True):
        at_s = days * SECONDS_PER_DAY
        if delta < 0:
            controller.feed(NodeUp(at_s, (node,)))
            continue
        if replace and controller.memory.placement.jobs:
            controller.feed(JobCheckpointed(at_s, NAME))
        hit = controller.memory.placement.group_of()[node] >= 0
        actions = controller.feed(NodeDown(at_s, (node,)))
        if hit:
            repaired = not any(isinstance(action, Place) for action in actions)
            out.append(sum(isinstance(action, Move) for action in actions) if repaired else 0)
    return out


def each_node_once(deployment: Deployment) -> Events:
    """Return a history in which every node fails alone and returns before the next one fails."""
    node = np.repeat(np.arange(deployment.nodes, dtype=np.int32), 2)
    delta = np.tile(np.array([1, -1], np.int8), deployment.nodes)
    return Events(node, delta, np.arange(len(node), dtype=np.float64), float(len(node)))


def table(
    deployment: Deployment, histories: list[Events], tp: int, *, replace: bool, every: tuple[int, ...] = (0, 8, 4, 2, 1)
) -> Iterator[SpareRow]:
    """Yield a row for each density of spares, over all histories."""
    for spare_every in every:
        placement = filled(deployment, tp, spare_every).memory.placement
        counts = [c for events in histories for c in replay(deployment, events, tp, spare_every, replace=replace)]
        done = np.array(counts or [1])
        yield SpareRow(
            spare_every_groups=spare_every,
            spare_ratio=float(orchestrate.free_mask(placement).mean()),
            job_gpus=sum(len(job.groups) for job in placement.jobs) * tp,
            faults=len(counts),
            one_group_share=float((done == 1).mean()),
            unrepaired_share=float((done == 0).mean()),
            mean_disturbed=float(done[done > 0].mean()) if (done > 0).any() else 0.0,
        )
