"""A fault history and jobs played against the controller's core: what was placed, moved, queued, refused.

A job works while it is placed, in proportion to the GPUs it holds; it ends when the work of its duration on all its
GPUs is done. Switching, restarts and lost work take no time here: `fabric goodput` counts those. Method: ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from roundelay.fabric.control.core import events as ev
from roundelay.fabric.control.core.actions import Action, Move, Place, Publish, Queue, Refuse, Switch
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.state import Policy
from roundelay.fabric.control.jobs_file import SECONDS_PER_DAY, Submission
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.topology.deployment import Deployment
from roundelay.record import Record


@dataclass(slots=True)
class JobRecord(Record):
    """What became of one job. `state` is later (than the history), running, waiting, refused or ended."""

    submission: Submission
    state: str = "later"
    held_gpus: int = 0
    left_gpu_s: float = 0.0
    placed_s: float | None = None
    ended_s: float | None = None
    waited_s: float = 0.0
    gpu_s: float = 0.0
    moved_groups: int = 0
    placed_anew: int = 0
    released: int = 0
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the record with times in days; what never happened is None."""
        job = self.submission.job

        def days(seconds: float | None) -> float | None:
            return None if seconds is None else round(seconds / SECONDS_PER_DAY, 6)

        return {
            "name": job.name,
            "state": self.state,
            "gpus": job.gpus,
            "tp": job.tp,
            "held_gpus": self.held_gpus,
            "submitted_days": days(self.submission.at_s),
            "placed_days": days(self.placed_s),
            "ended_days": days(self.ended_s),
            "waited_days": days(self.waited_s),
            "gpu_days": round(self.gpu_s / SECONDS_PER_DAY, 3),
            "moved_groups": self.moved_groups,
            "placed_anew": self.placed_anew,
            "released": self.released,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class LogEntry(Record):
    """One event of the history and what the controller answered."""

    event: ev.Event
    actions: tuple[Action, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the entry with placements and commands as counts: groups, bundles."""
        return {
            "time_days": round(self.event.at_s / SECONDS_PER_DAY, 6),
            "event": type(self.event).__name__,
            **_subject(self.event),
            "actions": [_action_dict(action) for action in self.actions],
        }


class Operation:
    """One fabric over one history."""

    def __init__(
        self, deployment: Deployment, events: Events, jobs: Sequence[Submission], policy: Policy | None = None,
        missing: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        self.deployment, self.horizon_s = deployment, events.horizon_days * SECONDS_PER_DAY
        self.controller = Controller(deployment, policy, missing=missing)
        self.gpus = (deployment.nodes - len(missing)) * deployment.ring.fabric.gpus_per_node
        self.records = {each.job.name: JobRecord(each) for each in jobs}
        self.planned = _planned(events, jobs)
        self.now_s = 0.0
        self.counts = dict.fromkeys(
            ("node_faults", "faults_in_groups", "moved_groups", "switched_bundles", "epochs"), 0
        )

    def run(self) -> Iterator[LogEntry]:
        """Yield every event up to the history's end, with the answer; records and counts are then complete."""
        at = 0
        while True:
            planned = self.planned[at] if at < len(self.planned) else ev.Tick(self.horizon_s)
            event = self._due(planned.at_s) or planned
            if event is planned:
                at += 1
            if event.at_s > self.horizon_s or at > len(self.planned):
                self._pass_time(self.horizon_s)
                return
            yield self._feed(event)

    def _due(self, until_s: float) -> ev.Event | None:
        """Return the end of a job or of its patience, if one comes no later than `until_s`; ends come first."""
        ends = [
            (self.now_s + record.left_gpu_s / record.held_gpus, record.submission.job.name)
            for record in self.records.values()
            if record.held_gpus and record.submission.duration_s is not None
        ]
        first = min(ends, default=None)
        wake_s = self.controller.wake_s
        if first is not None and first[0] <= min(until_s, until_s if wake_s is None else wake_s):
            return ev.JobEnded(first[0], first[1])
        return ev.Tick(wake_s) if wake_s is not None and wake_s <= until_s else None

    def _pass_time(self, at_s: float) -> None:
        """Let running jobs work and waiting ones wait until `at_s`."""
        for record in self.records.values():
            work = record.held_gpus * (at_s - self.now_s)
            record.gpu_s += work
            record.left_gpu_s = max(record.left_gpu_s - work, 0.0)
            if record.state == "waiting":
                record.waited_s += at_s - self.now_s
        self.now_s = at_s

    def _feed(self, event: ev.Event) -> LogEntry:
        self._pass_time(event.at_s)
        groups = self.controller.memory.placement.group_of()
        if isinstance(event, ev.NodeDown):
            self.counts["node_faults"] += len(event.nodes)
            self.counts["faults_in_groups"] += sum(int(groups[node] >= 0) for node in event.nodes)
        elif isinstance(event, ev.JobSubmitted):
            record = self.records[event.job.name]
            record.left_gpu_s = (record.submission.duration_s or 0.0) * event.job.gpus
        actions = self.controller.feed(event)
        if isinstance(event, ev.JobEnded):
            record = self.records[event.name]
            record.state, record.held_gpus, record.ended_s = "ended", 0, event.at_s
        for action in actions:
            self._count(action)
        return LogEntry(event, tuple(actions))

    def _count(self, action: Action) -> None:
        match action:
            case Place(job=name):
                record = self.records[name]
                record.placed_anew += record.state == "running"
                record.placed_s = self.now_s if record.placed_s is None else record.placed_s
                record.state, record.held_gpus, record.reason = "running", len(action.groups) * action.tp, ""
            case Move(job=name):
                self.records[name].moved_groups += 1
                self.counts["moved_groups"] += 1
            case Queue(job=name, reason=reason):
                record = self.records[name]
                record.state, record.held_gpus, record.reason = "waiting", 0, reason
                record.released += action.released
            case Refuse(job=name, reason=reason):
                record = self.records[name]
                record.state, record.ended_s, record.reason = "refused", self.now_s, reason
            case Switch(commands=commands):
                self.counts["switched_bundles"] += len(commands)
            case Publish():
                self.counts["epochs"] += 1

    def summary(self) -> dict[str, Any]:
        """Return the counts of the whole history, and the share of all GPU time that jobs held."""
        records = self.records.values()
        total = self.gpus * self.horizon_s
        return {
            "days": round(self.horizon_s / SECONDS_PER_DAY, 6),
            "gpus": self.gpus,
            **self.counts,
            "jobs_placed_anew": sum(record.placed_anew for record in records),
            "jobs_released": sum(record.released for record in records),
            "jobs_refused": sum(record.state == "refused" for record in records),
            "held_ratio": round(sum(record.gpu_s for record in records) / total, 6),
        }


def _planned(events: Events, jobs: Sequence[Submission]) -> list[ev.Event]:
    """Return faults and submissions in time order, faults first; nodes that fail together are one event."""
    out: list[ev.Event] = []
    rows = zip(events.node.tolist(), events.delta.tolist(), events.time_days.tolist(), strict=True)
    for node, delta, days in rows:
        at_s, last = days * SECONDS_PER_DAY, out[-1] if out else None
        kind = ev.NodeDown if delta > 0 else ev.NodeUp
        if isinstance(last, kind) and last.at_s == at_s:
            out[-1] = kind(at_s, (*last.nodes, node))
        else:
            out.append(kind(at_s, (node,)))
    out += [ev.JobSubmitted(each.at_s, each.job) for each in jobs]
    return sorted(out, key=lambda event: event.at_s)


def _subject(event: ev.Event) -> dict[str, Any]:
    match event:
        case ev.NodeDown(nodes=nodes) | ev.NodeUp(nodes=nodes):
            return {"nodes": list(nodes)}
        case ev.JobSubmitted(job=job):
            return {"job": job.name}
        case ev.JobEnded(name=name) | ev.JobCheckpointed(name=name) | ev.JobResized(name=name):
            return {"job": name}
    return {}


def _action_dict(action: Action) -> dict[str, Any]:
    kind = {"action": type(action).__name__}
    match action:
        case Place():
            return {**kind, "job": action.job, "groups": len(action.groups), "wanted_groups": action.wanted_groups}
        case Move():
            return {**kind, "job": action.job, "group": action.group,
                    "before": list(action.before), "after": list(action.after)}  # fmt: skip
        case Queue() | Refuse():
            return {**kind, "job": action.job, "reason": action.reason}
        case Switch():
            return {**kind, "bundles": len(action.commands)}
        case Publish():
            return {**kind, "epoch": action.epoch}
    raise AssertionError(action)
