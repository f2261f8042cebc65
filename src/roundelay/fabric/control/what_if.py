"""What the loss of a node, a ToR, a sub-line or a domain would do to a placement, and the largest aligned job.

Each loss is fed to the controller's core, so that the answer is what it would do: groups repaired, jobs laid out anew
or without a place. Maintenance of a rack is the same question asked of one ToR. Method: ours.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.control.core.actions import Action, Move, Place, Queue
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.events import NodeDown
from roundelay.fabric.placement import dcn, orchestrate
from roundelay.fabric.placement.placement import Placement, parse_nodes
from roundelay.record import Record

KINDS = ("node", "tor", "row", "domain")


@dataclass(frozen=True, slots=True)
class Unit:
    """Nodes that fail or are served together: a node, the nodes of a ToR, of a sub-line (a row), of a domain."""

    kind: str
    name: str
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Loss(Record):
    """What the loss of a unit would do. `lost_gpus` belong to `jobs_lost`, which find no place on what is left."""

    kind: str
    unit: str
    nodes: int
    lost_gpus: int
    jobs_lost: tuple[str, ...]
    jobs_placed_anew: tuple[str, ...]
    moved_groups: int
    cross_tor: float
    moves: tuple[Move, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the loss without its moves, which `fabric.cli` prints where they are asked for."""
        names = ("kind", "unit", "nodes", "lost_gpus", "moved_groups", "cross_tor")
        jobs = {"jobs_lost": list(self.jobs_lost), "jobs_placed_anew": list(self.jobs_placed_anew)}
        return {name: getattr(self, name) for name in names} | jobs


def units(placement: Placement, kind: str) -> list[Unit]:
    """Return the units of a kind whose nodes are not all down, each with those that are up."""
    deployment = placement.deployment
    nodes = np.arange(deployment.nodes)
    of = {
        "node": nodes,
        "tor": deployment.tor(nodes),
        "row": nodes % deployment.nodes_per_tor,
        "domain": deployment.domain(nodes),
    }[kind]
    order = np.argsort(of, kind="stable")
    out = []
    up = ~placement.down_mask()
    for members in np.split(order, np.flatnonzero(np.diff(of[order])) + 1):
        number = int(of[members[0]])
        alive = tuple(members[up[members]].tolist())
        if alive:
            out.append(Unit(kind, _name(placement, kind, number), alive))
    return out


def _name(placement: Placement, kind: str, number: int) -> str:
    if kind == "node":
        return placement.host(number)
    if kind == "tor" and placement.tors:
        return placement.tors[number]
    return str(number)


def unit(placement: Placement, text: str) -> Unit:
    """Return the unit of "tor:12", "row:0", "domain:1", "node:NAME"; raises `BadInput` where there is none."""
    kind, _, name = text.partition(":")
    if kind not in KINDS or not name:
        raise BadInput("--maintain", text, f"give KIND:NAME, KIND one of {', '.join(KINDS)}")
    if kind == "node":
        (number,) = parse_nodes([name], placement.deployment.nodes, placement.hosts)
        name = placement.host(number)
    for each in units(placement, kind):
        if each.name == name:
            return each
    raise BadInput("--maintain", text, f"there is no such {kind} with a node that is up")


def loss(controller: Controller, lost: Unit) -> Loss:
    """Return what the controller would do, were the unit's nodes to go down; the controller stays as it is."""
    after = copy.copy(controller)
    before = controller.memory.placement
    actions: list[Action] = after.feed(NodeDown(controller.memory.now_s, lost.nodes))
    gone = tuple(a.job for a in actions if isinstance(a, Queue) and a.released)
    moves = tuple(a for a in actions if isinstance(a, Move))
    return Loss(
        kind=lost.kind,
        unit=lost.name,
        nodes=len(lost.nodes),
        lost_gpus=sum(before.job(name).tp * len(before.job(name).groups) for name in gone),
        jobs_lost=gone,
        jobs_placed_anew=tuple(a.job for a in actions if isinstance(a, Place)),
        moved_groups=len(moves),
        cross_tor=crossing(after.memory.placement),
        moves=moves,
    )


def crossing(placement: Placement) -> float:
    """Return the share of DCN bytes that cross ToRs, over all jobs by their groups."""
    shares, groups = 0.0, 0
    for job in placement.jobs:
        if job.groups:
            rings = dcn.parse_rings(None, len(job.groups), placement.deployment.nodes_per_tor)
            shares += len(job.groups) * dcn.crossing(placement.deployment.tor(job.array()), rings)
            groups += len(job.groups)
    return shares / groups if groups else 0.0


def losses(placement: Placement, kinds: Sequence[str], most: int) -> Iterator[Loss]:
    """Yield the loss of every unit of each kind, or of `most` units evenly spread where there are more."""
    controller = Controller.of(placement)
    for kind in kinds:
        every = units(placement, kind)
        for index in np.unique(np.linspace(0, max(len(every) - 1, 0), min(most, len(every))).round().astype(int)):
            yield loss(controller, every[index])


def hurts(one: Loss) -> tuple[int, int, int, float]:
    """Return the order of losses: GPUs lost, jobs placed anew, groups moved, traffic that crosses."""
    return one.lost_gpus, len(one.jobs_placed_anew), one.moved_groups, one.cross_tor


def largest_aligned(placement: Placement, tp: int) -> int:
    """Return the GPUs of the largest job of `tp` on the free nodes whose rings leave no ToR."""
    deployment = placement.deployment
    rings = dcn.parse_rings(None, 1, deployment.nodes_per_tor)

    def aligned(groups: int) -> bool:
        layout = orchestrate.lay_out(placement, tp, groups)
        return dcn.crossing(deployment.tor(layout.nodes_Gm), rings) == 0.0

    low, high = 0, orchestrate.capacity(deployment, orchestrate.free_mask(placement), tp)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if aligned(middle) else (low, middle - 1)
    return low * tp
