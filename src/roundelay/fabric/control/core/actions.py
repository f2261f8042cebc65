"""What the fabric's controller asks for, in order: decisions about jobs first, then commands, then the publication."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.placement.repair import Move
from roundelay.fabric.topology.optics import TransceiverPath

Command = tuple[int, int, TransceiverPath]  # node, bundle, the path its transceivers take


@dataclass(frozen=True, slots=True)
class Place:
    """The job runs on these groups, all of them in rank order: placed, laid out anew, shrunk or grown."""

    job: str
    tp: int
    groups: tuple[tuple[int, ...], ...]
    wanted_groups: int


@dataclass(frozen=True, slots=True)
class Queue:
    """The job waits, in order of submission, because of `reason`. `released` tells that it ran until now."""

    job: str
    reason: str
    released: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """The job will not be placed because of `reason`, and is forgotten."""

    job: str
    reason: str


@dataclass(frozen=True, slots=True)
class Switch:
    """The commands that lead from the circuits before the event to those after it."""

    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """A new epoch and the placement that holds in it."""

    epoch: int
    placement: Placement


# `Move` is `placement.repair`'s: one group's nodes before and after a repair.
Action = Place | Move | Queue | Refuse | Switch | Publish

__all__ = ["Action", "Command", "Move", "Place", "Publish", "Queue", "Refuse", "Switch"]
