"""What the controller decides at one event: repair, else lay out anew, else shrink, else wait; jobs in order.

A fault is repaired with the fewest groups disturbed (`placement.repair`). Where a group cannot be rebuilt, its whole
job is laid out anew, on fewer groups if it allows that; where that fails too, the job waits for nodes. Nodes that
become free go to jobs that have shrunk, then to those that wait, oldest first; a job that waits lets no later job pass.
The rules are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.control.core.actions import Action, Command, Place, Publish, Queue, Refuse, Switch
from roundelay.fabric.control.core.events import JobRequest
from roundelay.fabric.control.core.state import Job, Memory, Policy
from roundelay.fabric.placement import orchestrate
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.placement.repair import Unrepairable, repair, restore
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.topology.optics import Circuits, TransceiverPath


def refusal(deployment: Deployment, request: JobRequest, missing: Sequence[int] = ()) -> str | None:
    """Return why the fabric could never run the job, not even empty and without a fault; None if it could.

    `missing` are the slots where no host stands.
    """
    try:
        deployment.ring.fabric.nodes_per_group(request.tp)
    except BadInput as error:
        return f"tp {request.tp}: {error.do}"
    most = orchestrate.capacity(deployment, ~Placement(deployment, (), missing=tuple(missing)).down_mask(), request.tp)
    if request.min_groups > most:
        needs = request.min_groups * request.tp
        return f"it needs {needs:,} GPUs in groups of {request.tp}; the whole fabric holds {most * request.tp:,}"
    return None


class Decision:
    """One event's work on a copy of the memory; `finish` gives the new memory and completes the actions."""

    def __init__(self, memory: Memory, policy: Policy, at_s: float) -> None:
        self.before, self.policy, self.at_s = memory, policy, at_s
        self.placement = memory.placement
        self.jobs = {job.request.name: job for job in memory.jobs}
        self.actions: list[Action] = []

    # ---- the events

    def nodes_down(self, nodes: Sequence[int]) -> None:
        """Repair every group that lost a node; lay out anew the jobs whose groups cannot be rebuilt."""
        placement, lost = self.placement, set[str]()
        while True:
            try:
                done = repair(placement, nodes)
                break
            except Unrepairable as error:
                lost.add(error.job)
                placement = placement.without_job(error.job)
        self.placement = done.placement
        self.actions += done.moves
        for name in [name for name in self.jobs if name in lost]:
            if not self._place(self.jobs[name].request):
                self._wait(name, released=True)
        if lost:
            self.use_free_nodes()

    def nodes_up(self, nodes: Sequence[int]) -> None:
        """Take the nodes back, and use them."""
        self.placement = restore(self.placement, nodes)
        self.use_free_nodes()

    def submit(self, request: JobRequest) -> None:
        """Place the job, queue it, or refuse what could never run."""
        reason = refusal(self.placement.deployment, request, self.placement.missing)
        if reason is not None:
            self.actions.append(Refuse(request.name, reason))
            return
        self.jobs[request.name] = Job(request, self.at_s)
        self.use_free_nodes()
        if self.jobs[request.name].waits_since_s is not None:
            self._wait(request.name)

    def end(self, name: str) -> None:
        """Let the job go, and use its nodes."""
        if self.jobs.pop(name).waits_since_s is None:
            self.placement = self.placement.without_job(name)
        self.use_free_nodes()

    def resize(self, name: str, gpus: int) -> None:
        """Let the job ask for so many GPUs: a running one drops its last groups, or takes free nodes; others may then.

        A job that may not shrink may run on the groups it had until it has those it asks for.
        """
        job = self.jobs[name]
        held = job.request.gpus
        if job.waits_since_s is None:
            held = len(self.placement.job(name).groups) * job.request.tp
        request = replace(job.request, gpus=gpus, min_gpus=min(job.request.min_gpus or held, gpus))
        self.jobs[name] = replace(job, request=request)
        if job.waits_since_s is not None:
            self.use_free_nodes()
            return
        if gpus < held:
            old = self.placement.job(name)
            self.placement = self.placement.without_job(name)
            self._take(request, JobPlace(name, old.tp, old.groups[: request.groups]), old)
        else:
            self._grow(request)
        self.use_free_nodes()

    def checkpoint(self, name: str) -> None:
        """Lay the running job out anew, as if it had just been submitted; it keeps its groups where that fails."""
        old = self.placement
        self.placement = old.without_job(name)
        if not self._place(self.jobs[name].request, was=old.job(name)):
            self.placement = old
        else:
            self.use_free_nodes()

    def expire(self) -> None:
        """Refuse the jobs whose patience has ended; later ones may then be placed."""
        for name, job in list(self.jobs.items()):
            if job.due_s is not None and job.due_s <= self.at_s:
                del self.jobs[name]
                waited_s = self.at_s - (job.waits_since_s or 0.0)
                self.actions.append(Refuse(name, f"it waited {waited_s:,.0f} s for its GPUs"))
        self.use_free_nodes()

    # ---- what they have in common

    def use_free_nodes(self) -> None:
        """Give free nodes to jobs that have shrunk, then to those that wait, in order, until one still waits."""
        if self.policy.grow:
            for job in self.jobs.values():
                if job.waits_since_s is None:
                    self._grow(job.request)
        for job in list(self.jobs.values()):
            if job.waits_since_s is not None and not self._place(job.request):
                return

    def _place(self, request: JobRequest, was: JobPlace | None = None) -> bool:
        """Place the job, without its spares where it would not fit beside them; return whether it was placed."""
        for spare_every in dict.fromkeys((request.spare_every, 0)):
            if self._fits(replace(request, spare_every=spare_every)) < request.min_groups:
                continue
            layout = orchestrate.lay_out(self.placement, request.tp, request.groups, spare_every)
            if len(layout.nodes_Gm) >= request.min_groups:
                self._take(request, layout.job(request.name, request.tp), was)
                return True
        return False

    def _fits(self, request: JobRequest) -> int:
        """Return how many of the job's groups fit on the free nodes beside their spares."""
        free_N = orchestrate.free_mask(self.placement)
        return orchestrate.fits(self.placement.deployment, free_N, request.tp, request.spare_every)

    def _grow(self, request: JobRequest) -> None:
        """Give a job that has shrunk more groups: of free nodes, or else all its groups anew, if that makes more.

        A job that grows restarts in any case, so that laying it out anew disturbs no other job.
        """
        job = self.placement.job(request.name)
        missing = request.groups - len(job.groups)
        if not missing:
            return
        more: tuple[tuple[int, ...], ...] = ()
        if self._fits(request):
            more = orchestrate.lay_out(self.placement, request.tp, missing, request.spare_every).job("", job.tp).groups
        old, self.placement = self.placement, self.placement.without_job(job.name)
        whole = JobPlace(job.name, job.tp, job.groups + more)
        if len(more) < missing and self._fits(request) > len(whole.groups):
            anew = orchestrate.lay_out(self.placement, request.tp, request.groups, request.spare_every)
            if len(anew.nodes_Gm) > len(whole.groups):
                whole = anew.job(job.name, job.tp)
        if len(whole.groups) > len(job.groups):
            self._take(request, whole, job)
        else:
            self.placement = old

    def _take(self, request: JobRequest, job: JobPlace, was: JobPlace | None) -> None:
        """Give the job its groups; say so unless they are those it had."""
        self.placement = self.placement.with_job(job)
        self.jobs[request.name] = replace(self.jobs[request.name], waits_since_s=None)
        if was is None or was.groups != job.groups:
            self.actions.append(Place(job.name, job.tp, job.groups, request.groups))

    def _wait(self, name: str, *, released: bool = False) -> None:
        """Let the job wait, and say why."""
        request = self.jobs[name].request
        self.jobs[name] = Job(request, self.at_s)
        first = next(job.request.name for job in self.jobs.values() if job.waits_since_s is not None)
        if first != name:
            reason = f"it waits behind job {first}"
        else:
            deployment = self.placement.deployment
            free_N = orchestrate.free_mask(self.placement)
            room = orchestrate.capacity(deployment, free_N, request.tp)
            gpus = int(free_N.sum()) * deployment.ring.fabric.gpus_per_node
            reason = (
                f"{gpus:,} GPUs are free and healthy, room for {room} groups of {request.tp}; "
                f"it needs {request.min_groups}"
            )
        self.actions.append(Queue(name, reason, released))

    def finish(self, event: str) -> tuple[Memory, list[Action]]:
        """Return the memory after the event and all its actions; the epoch rises by one if a group changed."""
        before = self.before.placement
        placement, circuits = self.placement.after(before, event), self.before.circuits
        if placement.epoch != before.epoch:
            circuits = placement.circuits()
            circuits.paths_NB.flags.writeable = False
            commands = switches(placement.deployment, self.before.circuits, circuits)
            if commands:
                self.actions.append(Switch(commands))
            self.actions.append(Publish(placement.epoch, placement))
        return Memory(placement, circuits, tuple(self.jobs.values()), self.at_s), self.actions


def switches(deployment: Deployment, old: Circuits, new: Circuits) -> tuple[Command, ...]:
    """Return the commands that lead from the old circuits to the new ones, by node."""
    commands = old.diff(new)
    if not commands:
        return ()
    nodes = deployment.node(np.array([position for position, _, _ in commands]))
    return tuple((int(n), bundle, TransceiverPath(path)) for n, (_, bundle, path) in zip(nodes, commands, strict=True))
