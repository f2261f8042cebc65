"""A training job told slowly: an event simulation that judges `fabric.ledger`, and one that knows nodes by name."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter

import numpy as np

from roundelay.fabric.goodput.goodput import Job
from roundelay.fabric.topology.topology import segments


def live(changes: list[tuple[float, int, float]], usable_at_first: int, horizon: float, job: Job) -> Counter:
    """Return GPU-seconds by term, by a queue of events, one checkpoint at a time.

    `changes` are (time, usable GPUs after it, threshold) in time order. Written from the words of the model, not from
    the kernel: timers carry the epoch in which they were set, and those of an old epoch are dead.
    """
    spent: Counter = Counter()
    order = itertools.count()
    queue = [(time, 0, next(order), "change", (after, threshold)) for time, after, threshold in changes]
    heapq.heapify(queue)
    state, epoch, usable, now, used, unsaved = "waiting", 0, usable_at_first, 0.0, 0, Counter()

    def fits(gpus: int) -> int:
        if job.gpus:
            return job.gpus if gpus >= job.gpus else 0
        return gpus - gpus % job.replica_gpus

    def timer(seconds: float, what: str) -> None:
        heapq.heappush(queue, (now + seconds, 1, next(order), what, epoch))

    def start_working() -> None:
        nonlocal state, unsaved
        state, unsaved = "useful", Counter()
        timer(job.interval_s, "worked")

    def try_to_start(first: bool = False) -> None:
        nonlocal state, used, epoch
        epoch += 1
        used = fits(usable)
        state = "restart" if used else "waiting"
        if used and first:
            start_working()
        elif used:
            timer(job.restart_s, "restarted")

    try_to_start(first=True)
    while True:
        time, _, _, what, value = heapq.heappop(queue) if queue else (horizon, 9, 0, "end", None)
        time = min(time, horizon)
        lasted = time - now
        if state == "waiting":
            spent["waiting"] += usable * lasted
        else:
            busy = min(used, usable)
            spent["idle"] += (usable - busy) * lasted
            (unsaved if state in ("useful", "checkpoint") else spent)[state] += busy * lasted
        now = time
        if what == "end" or now >= horizon:
            spent.update(unsaved)
            return spent
        if what == "change":
            after, threshold = value
            hit = state in ("useful", "checkpoint", "restart") and (after < used or threshold * usable < used)
            usable = after
            if hit:
                spent["hits"] += 1
                spent["lost"] += sum(unsaved.values())
                unsaved = Counter()
                epoch += 1
                state = "detection"
                timer(job.detect_s, "detected")
            elif state == "waiting":
                try_to_start()
        elif value == epoch:
            if what == "worked":
                state = "checkpoint"
                timer(job.checkpoint_s, "saved")
            elif what == "saved":
                spent.update(unsaved)
                unsaved = Counter()
                if job.regrow and fits(usable) > used:
                    spent["regrowths"] += 1
                    try_to_start()
                else:
                    start_working()
            elif what == "restarted":
                start_working()
            else:
                try_to_start()


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
