"""A small fabric in which nodes fail and return and jobs come and go, from one seed; some events are nonsense."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from machine_harness import Harness

from roundelay.fabric.control.core import events as ev
from roundelay.fabric.control.core.actions import Action
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.state import Memory, Policy
from roundelay.fabric.topology.deployment import Deployment

ENDS_S = 10_000.0
Watch = Callable[[ev.Event, list[Action], Memory, Memory], None]


class World:
    """One fabric's life; `watch` judges the memory before and after every event."""

    def __init__(self, seed: int, watch: Watch) -> None:
        self.r = r = random.Random(seed)
        tors, self.per_tor, k = r.randint(8, 20), r.choice((1, 1, 2, 3)), r.choice((1, 2, 3))
        self.deployment = Deployment.of(tors * self.per_tor, 4, k, self.per_tor, closed=r.random() < 0.7)
        self.policy = Policy(grow=r.random() < 0.7)
        self.controller = Controller(self.deployment, self.policy)
        self.watch = watch
        self.harness = Harness(self.controller, lambda: self.controller.wake_s, ev.Tick)
        self.fault_gap_s = r.choice((100, 400, 2_000))
        self.jobs = 0

    def run(self) -> None:
        """Play to the end."""
        self.harness.at(self.r.uniform(0, 500), self.submit)
        self.harness.at(self.r.uniform(0, 1_000), self.fault)
        self.harness.at(self.r.uniform(0, 1_000), self.nonsense)
        inner = self.harness.feed

        def watched(event: Any) -> list[Any] | None:
            before = self.controller.memory
            actions = inner(event)
            if actions is not None:
                self.watch(event, actions, before, self.controller.memory)
            return actions

        self.harness.feed = watched  # type: ignore[method-assign]
        self.harness.run(ENDS_S)

    @property
    def now(self) -> float:
        return self.harness.now

    def submit(self) -> None:
        """A job: often of the size that fits, sometimes too large for the fabric or for its nodes."""
        r, self.jobs = self.r, self.jobs + 1
        tp = 4 * r.choice((1, 2, 3, 4, 8))
        groups = r.randint(1, max(1, self.deployment.nodes * 4 // tp * r.choice((1, 2, 4)) // 4))
        least = r.choice((0, 0, 1, r.randint(1, groups)))
        wait = r.choice((None, None, 0.0, r.uniform(0, 3_000)))
        name = f"job-{self.jobs}"
        self.harness.feed(
            ev.JobSubmitted(
                self.now, ev.JobRequest(name, tp, groups * tp, least * tp, r.choice((0, 0, 1, 2)), max_wait_s=wait)
            )
        )
        self.harness.at(self.now + r.uniform(500, 8_000), lambda: self.end(name))
        for _ in range(r.randint(0, 3)):
            self.harness.at(self.now + r.uniform(0, 5_000), lambda: self.checkpoint(name))
        gpus = tp * r.randint(1, 2 * groups)
        if r.random() < 0.3:
            self.harness.at(self.now + r.uniform(0, 5_000), lambda: self.resize(name, gpus))
        self.harness.at(self.now + r.uniform(100, 3_000), self.submit)

    def end(self, name: str) -> None:
        if self.controller.memory.job(name):
            assert self.harness.feed(ev.JobEnded(self.now, name)) is not None

    def checkpoint(self, name: str) -> None:
        self.harness.feed(ev.JobCheckpointed(self.now, name))  # refused where the job waits or is gone

    def resize(self, name: str, gpus: int) -> None:
        if self.controller.memory.job(name):
            assert self.harness.feed(ev.JobResized(self.now, name, gpus)) is not None

    def fault(self) -> None:
        """One node, a few at once, or a whole ToR."""
        r = self.r
        up = sorted(set(range(self.deployment.nodes)) - set(self.controller.memory.placement.down))
        if up:
            nodes = r.sample(up, min(len(up), r.choice((1, 1, 1, 1, 2, 3))))
            if r.random() < 0.1:
                nodes = [node for node in up if node // self.per_tor == nodes[0] // self.per_tor]
            assert self.harness.feed(ev.NodeDown(self.now, tuple(nodes))) is not None
            for node in nodes:
                self.harness.at(self.now + r.uniform(50, 3_000), lambda node=node: self.back(node))  # type: ignore[misc]
        self.harness.at(self.now + r.expovariate(1 / self.fault_gap_s), self.fault)

    def back(self, node: int) -> None:
        assert self.harness.feed(ev.NodeUp(self.now, (node,))) is not None

    def nonsense(self) -> None:
        """An event that cannot happen."""
        m, now, r = self.controller.memory, self.now, self.r
        down, nodes = m.placement.down, self.deployment.nodes
        odd: list[ev.Event] = [
            ev.Tick(m.now_s - 1), ev.Tick(float("nan")), ev.NodeDown(now, ()), ev.NodeDown(now, (nodes,)),
            ev.NodeUp(now, (-1,)), ev.JobEnded(now, "absent"), ev.JobCheckpointed(now, "absent"), ev.Event(now),
            ev.NodeUp(now, tuple(node for node in range(nodes) if node not in down)[:1] or (nodes,)),
            ev.NodeDown(now, down[:1] or (0, 0)),
        ]  # fmt: skip
        odd += [ev.JobSubmitted(now, job.request) for job in m.jobs[:1]]
        odd += [ev.JobResized(now, job.request.name, job.request.tp + 1) for job in m.jobs[:1]]
        odd += [ev.JobCheckpointed(now, job.request.name) for job in m.jobs if job.waits_since_s is not None][:1]
        event = r.choice(odd)
        if now >= 1:
            assert self.harness.feed(event) is None, f"{event} was taken"
        self.harness.at(now + r.uniform(50, 2_000), self.nonsense)
