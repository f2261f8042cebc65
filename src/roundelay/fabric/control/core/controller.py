"""The fabric's controller as a sans-I/O machine: `feed(event) -> [actions]`, no clock, thread or socket.

Time is in the events. The controller holds the placement and the circuits, repairs what a fault hit, and places jobs
first come, first served. Planner, emulator and production drive the same machine; they differ in who carries the
actions out (docs/decisions/0012).

One rule for epochs: the epoch rises by one exactly when an event changed a group, and with the groups the circuits.
The fault or the return of a node in no group changes none. Method: ours.
"""

from __future__ import annotations

from roundelay.fabric.control.core import events as ev
from roundelay.fabric.control.core.actions import Action
from roundelay.fabric.control.core.decisions import Decision
from roundelay.fabric.control.core.events import JobRequest
from roundelay.fabric.control.core.state import Job, Memory, Policy
from roundelay.fabric.control.core.validation import check
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment


class Controller:
    """One fabric: which nodes are down, which jobs run where, which wait."""

    def __init__(
        self, deployment: Deployment, policy: Policy | None = None, hosts: tuple[str, ...] = (),
        missing: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        placement = Placement(deployment, (), hosts=hosts, missing=missing).check()
        circuits = placement.circuits()
        circuits.paths_NB.flags.writeable = False
        self._memory = Memory(placement, circuits)
        self._policy = policy or Policy()

    @classmethod
    def of(cls, placement: Placement, policy: Policy | None = None) -> Controller:
        """Return a controller that begins with this placement, checked: its jobs run on all that they asked for."""
        self = cls(placement.deployment, policy, placement.hosts)
        circuits = placement.check().circuits()
        circuits.paths_NB.flags.writeable = False
        requests = [JobRequest(job.name, job.tp, job.tp * len(job.groups)) for job in placement.jobs if job.groups]
        self._memory = Memory(placement, circuits, tuple(Job(request, None) for request in requests))
        return self

    @property
    def memory(self) -> Memory:
        """All that the controller remembers, to look at."""
        return self._memory

    @property
    def wake_s(self) -> float | None:
        """When the next `Tick` is needed at the latest; None while nothing is waited for."""
        return self._memory.due_s

    def feed(self, event: ev.Event) -> list[Action]:
        """Return what is to be done after the event, in order. What fell due before it is done first.

        Raises `IllegalEvent`; the controller is then as it was before.
        """
        m, actions = self._memory, list[Action]()
        check(m, ev.Tick(event.at_s))
        while m.due_s is not None and m.due_s <= event.at_s:
            due = Decision(m, self._policy, max(m.due_s, m.now_s))
            due.expire()
            m, done = due.finish(ev.words(ev.Tick(event.at_s), m.placement.host))
            actions += done
        check(m, event)
        decision = Decision(m, self._policy, event.at_s)
        _decide(decision, event)
        m, done = decision.finish(ev.words(event, m.placement.host))
        self._memory = m
        return actions + done


def _decide(decision: Decision, event: ev.Event) -> None:
    match event:
        case ev.NodeDown(nodes=nodes):
            decision.nodes_down(nodes)
        case ev.NodeUp(nodes=nodes):
            decision.nodes_up(nodes)
        case ev.JobSubmitted(job=request):
            decision.submit(request)
        case ev.JobEnded(name=name):
            decision.end(name)
        case ev.JobResized(name=name, gpus=gpus):
            decision.resize(name, gpus)
        case ev.JobCheckpointed(name=name):
            decision.checkpoint(name)
