"""What the fabric's controller is told. What it answers stands in `actions.py`; both are the contract of the room.

Time is `at_s` in the event, in seconds, never a clock. Nodes are numbers of the deployment, 0 to N-1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from roundelay.errors import BadInput


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as it is submitted.

    name         no two jobs that run or wait share one
    tp, gpus     GPUs of a tensor-parallel group, and of the whole job: a multiple of it
    min_gpus     the fewest GPUs it can run on; 0 means all of `gpus`, so that it never shrinks
    spare_every  one spare node per so many groups is left free when it is laid out; 0 is none
    max_wait_s   how long it waits for its GPUs before it is refused; None is for ever
    """

    name: str
    tp: int
    gpus: int
    min_gpus: int = 0
    spare_every: int = 0
    max_wait_s: float | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise BadInput("name of a job", repr(self.name), "give it a name")
        if self.tp < 1:
            raise BadInput(f"tp of job {self.name}", self.tp, "give at least 1 GPU")
        if self.gpus < self.tp or self.gpus % self.tp:
            raise BadInput(f"gpus of job {self.name}", self.gpus, f"give a multiple of its TP-{self.tp}")
        if self.min_gpus and not (self.tp <= self.min_gpus <= self.gpus and self.min_gpus % self.tp == 0):
            raise BadInput(
                f"min_gpus of job {self.name}", self.min_gpus, f"give a multiple of TP-{self.tp}, at most {self.gpus}"
            )
        if self.spare_every < 0:
            raise BadInput(f"spare_every of job {self.name}", self.spare_every, "give 0 or more")
        if self.max_wait_s is not None and not (math.isfinite(self.max_wait_s) and self.max_wait_s >= 0):
            raise BadInput(f"max_wait of job {self.name}", self.max_wait_s, "give a time from 0 on, finite")

    @property
    def groups(self) -> int:
        """Groups that it asks for."""
        return self.gpus // self.tp

    @property
    def min_groups(self) -> int:
        """The fewest groups it can run on."""
        return (self.min_gpus or self.gpus) // self.tp


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `at_s`; never earlier than the event before it."""

    at_s: float


@dataclass(frozen=True, slots=True)
class NodeDown(Event):
    """These nodes failed together: one, or all of a ToR or a power feed."""

    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NodeUp(Event):
    """These nodes returned and may be used."""

    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JobSubmitted(Event):
    """A job asks for its GPUs."""

    job: JobRequest


@dataclass(frozen=True, slots=True)
class JobEnded(Event):
    """The job is over, or was withdrawn while it waited."""

    name: str


@dataclass(frozen=True, slots=True)
class JobResized(Event):
    """The job asks for another number of GPUs, a multiple of its TP: more if they are free, or fewer at once."""

    name: str
    gpus: int


@dataclass(frozen=True, slots=True)
class JobCheckpointed(Event):
    """The running job stands at a checkpoint: all of it may be laid out anew, with its spares where they belong."""

    name: str


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """Time passed; due when the controller's `wake_s` is reached and nothing else happened."""


def words(event: Event, host: Callable[[int], str]) -> str:
    """Return the event in a few words, for the log of epochs; `host` names a node."""
    match event:
        case NodeDown(nodes=nodes) | NodeUp(nodes=nodes):
            return f"{'down' if isinstance(event, NodeDown) else 'return'} {', '.join(map(host, nodes))}"
        case JobSubmitted(job=job):
            return f"place {job.name}"
        case JobEnded(name=name):
            return f"release {name}"
        case JobResized(name=name, gpus=gpus):
            return f"resize {name} to {gpus} GPUs"
        case JobCheckpointed(name=name):
            return f"checkpoint {name}"
    return "waiting ended"
