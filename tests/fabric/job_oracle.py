"""A training job simulated event by event, slowly: the oracle of `goodput.job_simulation`, and one that names nodes."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter

import numpy as np

from roundelay.fabric.goodput.goodput import CheckpointedJob
from roundelay.fabric.topology.topology import segments


class _Life:
    """The state of the job, its timers, and GPU-seconds by term."""

    def __init__(self, changes: list[tuple[float, int, float]], usable: int, job: CheckpointedJob) -> None:
        self.job, self.usable = job, usable
        self.spent: Counter = Counter()
        self.unsaved: Counter = Counter()
        self.state, self.epoch, self.now, self.used = "waiting", 0, 0.0, 0
        self.order = itertools.count()
        self.queue = [(time, 0, next(self.order), "change", (after, draw)) for time, after, draw in changes]
        heapq.heapify(self.queue)

    def fits(self) -> int:
        if self.job.gpus:
            return self.job.gpus if self.usable >= self.job.gpus else 0
        return self.usable - self.usable % self.job.replica_gpus

    def timer(self, seconds: float, what: str) -> None:
        heapq.heappush(self.queue, (self.now + seconds, 1, next(self.order), what, self.epoch))

    def start_working(self) -> None:
        self.state, self.unsaved = "useful", Counter()
        self.timer(self.job.interval_s, "worked")

    def try_to_start(self, first: bool = False) -> None:
        self.epoch += 1
        self.used = self.fits()
        self.state = "restart" if self.used else "waiting"
        if self.used and first:
            self.start_working()
        elif self.used:
            self.timer(self.job.restart_s, "restarted")

    def pass_time(self, time: float) -> None:
        lasted, self.now = time - self.now, time
        if self.state == "waiting":
            self.spent["waiting"] += self.usable * lasted
            return
        busy = min(self.used, self.usable)
        self.spent["idle"] += (self.usable - busy) * lasted
        (self.unsaved if self.state in ("useful", "checkpoint") else self.spent)[self.state] += busy * lasted

    def change(self, after: int, threshold: float) -> None:
        at_risk = self.state in ("useful", "checkpoint", "restart")
        hit = at_risk and (after < self.used or threshold * self.usable < self.used)
        self.usable = after
        if hit:
            self.spent["hits"] += 1
            self.spent["lost"] += sum(self.unsaved.values())
            self.unsaved = Counter()
            self.epoch += 1
            self.state = "detection"
            self.timer(self.job.detect_s, "detected")
        elif self.state == "waiting":
            self.try_to_start()

    def timer_ended(self, what: str) -> None:
        if what == "worked":
            self.state = "checkpoint"
            self.timer(self.job.checkpoint_s, "saved")
        elif what == "saved":
            self.spent.update(self.unsaved)
            self.unsaved = Counter()
            if self.job.regrow and self.fits() > self.used:
                self.spent["regrowths"] += 1
                self.try_to_start()
            else:
                self.start_working()
        elif what == "restarted":
            self.start_working()
        else:
            self.try_to_start()


def job_life(
    changes: list[tuple[float, int, float]], usable_at_first: int, horizon: float, job: CheckpointedJob
) -> Counter:
    """Return GPU-seconds by term, by a queue of events, one checkpoint at a time.

    `changes` are (time, usable GPUs after it, threshold) in time order. Written from the words of the model, not from
    the kernel: timers carry the epoch in which they were set, and those of an old epoch are dead.
    """
    life = _Life(changes, usable_at_first, job)
    life.try_to_start(first=True)
    while True:
        time, _, _, what, value = heapq.heappop(life.queue) if life.queue else (horizon, 9, 0, "end", None)
        life.pass_time(min(time, horizon))
        if what == "end" or life.now >= horizon:
            life.spent.update(life.unsaved)
            return life.spent
        if what == "change":
            life.change(*value)
        elif value == life.epoch:
            life.timer_ended(what)


def share_in_groups(down: np.ndarray, node: int, k: int, m: int) -> float:
    """Return the share of the nodes of `node`'s segment, on a closed ring, that whole groups take."""
    (segment,) = (part for part in segments(down, k, closed=True) if node in part)
    return len(segment) // m * m / len(segment)


def hits_by_name(
    node: np.ndarray, delta: np.ndarray, nodes: int, k: int, m: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Return how many faults hit a named member of a group, of how many: an elastic job on all groups of a K-hop ring.

    At each fault the groups stand anew, with leftover nodes drawn from each segment: no shares, only names.
    """
    down = np.zeros(nodes, dtype=bool)
    hits = faults = 0
    for n, d in zip(node, delta, strict=True):
        if d > 0:
            members: set[int] = set()
            for segment in segments(down, k, closed=True):
                size = len(segment) // m * m
                members.update(rng.choice(segment, size, replace=False).tolist())
            hits += int(n) in members
            faults += 1
        down[n] = d > 0
    return hits, faults
