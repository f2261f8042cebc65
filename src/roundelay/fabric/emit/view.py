"""A placement as one of its jobs sees it, and the cut of what is free: what every emitter puts in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.emit import lint
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.topology.topology import segments


@dataclass(frozen=True, slots=True)
class Emitted:
    """What a target writes and says: `files` name -> text, the `commands` to type, `notes` on what they assume.

    `DIR` in a command stands for the folder; a file whose name ends in .sh is made executable.
    """

    files: Mapping[str, str]
    commands: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class View:
    """One job of a placement. A node's rank is its place in ring order, a GPU's rank is node rank * R + local rank."""

    placement: Placement
    job: JobPlace

    @classmethod
    def of(cls, placement: Placement, name: str | None = None) -> View:
        """Return the view of that job, or of the only one; raises `BadInput` for no such job and for an empty one."""
        if name is None and len(placement.jobs) > 1:
            known = ", ".join(job.name for job in placement.jobs)
            raise BadInput("placement", f"of {len(placement.jobs)} jobs", f"choose one with --job: {known}")
        for one in placement.jobs:
            lint.job_name(one.name)
        job = placement.job(name)
        if not job.groups:
            raise BadInput("job", job.name, "has no groups; place it first")
        return cls(placement, job)

    @property
    def gpus_per_node(self) -> int:
        """R, the GPUs of a node."""
        return self.placement.deployment.ring.fabric.gpus_per_node

    @property
    def group_nodes(self) -> int:
        """m = TP/R, the nodes of one TP group."""
        return len(self.job.groups[0])

    @property
    def hosts(self) -> list[str]:
        """The job's hosts in rank order."""
        return [self.placement.host(node) for node in self.job.nodes]

    @property
    def groups(self) -> list[list[str]]:
        """The hosts of each TP group [G][m], in ring order."""
        return [self.hosts_of(group) for group in self.job.groups]

    def nodes(self) -> list[int]:
        """The nodes where a host stands, in node order."""
        missing = set(self.placement.missing)
        return [node for node in range(self.placement.deployment.nodes) if node not in missing]

    def tor_names(self) -> list[str]:
        """The ToRs' names in node order: the inventory's, or tor0 and so on."""
        tors = self.placement.deployment.tors
        width = len(str(tors - 1))
        return list(self.placement.tors) or [f"tor{tor:0{width}d}" for tor in range(tors)]

    def hosts_of(self, nodes: tuple[int, ...] | list[int]) -> list[str]:
        """Return the host names of nodes, in their order."""
        return [self.placement.host(node) for node in nodes]

    @property
    def header(self) -> str:
        """One line that says where a file comes from; the same for the same placement."""
        return f"roundelay: job {self.job.name}, TP-{self.job.tp}, epoch {self.placement.epoch}"


def group_name(job: str, index: int) -> str:
    """Return the name by which schedulers know a job's group."""
    return f"{job}-g{index:05d}"


def segment_index(placement: Placement) -> np.ndarray:
    """Return each node's segment, int32 [nodes], -1 where it is down; healthy nodes with gaps of at most K are one."""
    deployment, ring = placement.deployment, placement.deployment.ring
    nodes_P = deployment.node(np.arange(deployment.nodes))
    index_N = np.full(deployment.nodes, -1, dtype=np.int32)
    for index, run in enumerate(segments(placement.down_mask()[nodes_P], ring.k, ring.closed)):
        index_N[nodes_P[run]] = index
    return index_N


def free_cut(placement: Placement, size: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return the free healthy nodes as realisable groups of `size` in ring order, and the runs left over.

    The greedy cut along the ring; a chunk whose hops exclude each other on a bundle moves on by one. O(nodes).
    """
    deployment, ring = placement.deployment, placement.deployment.ring
    nodes_P = deployment.node(np.arange(deployment.nodes))
    blocked_N = placement.down_mask() | (placement.group_of() >= 0)
    groups: list[list[int]] = []
    rest: list[list[int]] = []
    for run in segments(blocked_N[nodes_P], ring.k, ring.closed):
        start, over = 0, []
        while start < len(run):
            chunk = run[start : start + size].tolist()
            if len(chunk) == size and ring.conflict(chunk) is None:
                groups.append(nodes_P[chunk].tolist())
                start += size
            else:
                over.append(int(nodes_P[run[start]]))
                start += 1
        if over:
            rest.append(over)
    return groups, rest


def break_after(placement: Placement) -> dict[int, int]:
    """Return for each node that ends a segment at a true break the dead node that stands next on the ring.

    Slots without a host are passed: Slurm knows no name for them.
    A break is true where no fibre reaches the next healthy node. The end of an open line has no such neighbour.
    """
    deployment, ring = placement.deployment, placement.deployment.ring
    n = deployment.nodes
    nodes_P = deployment.node(np.arange(n))
    down_P, missing = placement.down_mask()[nodes_P], set(placement.missing)
    out: dict[int, int] = {}
    for run in segments(down_P, ring.k, ring.closed):
        last = int(run[-1])
        reach = [(last + hop) % n if ring.closed else last + hop for hop in range(1, ring.k + 1)]
        reach = [position for position in reach if position < n]
        there = [node for node in nodes_P[reach].tolist() if node not in missing]
        if there and all(down_P[position] for position in reach):
            out[int(nodes_P[last])] = int(there[0])
    return out
