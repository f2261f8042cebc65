"""The log of epochs that a placement carries: what happened, and which groups of which jobs changed. Ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roundelay.errors import BadInput
from roundelay.record import Record

KEPT = 1000  # entries; an older epoch counts as one at which everything was different
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Entry(Record):
    """One epoch: its number, the event that led to it, and by job the indices of the groups it changed.

    A job that left has None; one that shrank and kept its other groups as they were has none of them.
    """

    epoch: int
    event: str
    jobs: tuple[tuple[str, tuple[int, ...] | None], ...]

    @classmethod
    def of(
        cls, epoch: int, event: str, before: Mapping[str, tuple[int, Groups]], after: Mapping[str, tuple[int, Groups]]
    ) -> Entry:
        """Return the entry of an epoch, for the TP and groups of each job before and after it."""
        jobs: list[tuple[str, tuple[int, ...] | None]] = [(name, None) for name in before if name not in after]
        for name, (tp, groups) in after.items():
            old_tp, old = before.get(name, (tp, ()))
            if (tp, groups) != (old_tp, old):
                same = old if old_tp == tp else ()
                kept = [new is was or new == was for new, was in zip(groups, same, strict=False)]
                changed = [i for i, equal in enumerate(kept) if not equal]
                jobs.append((name, (*changed, *range(len(kept), len(groups)))))
        return cls(epoch, event, tuple(jobs))

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in placement.json."""
        jobs = {name: None if groups is None else list(groups) for name, groups in self.jobs}
        return {"epoch": self.epoch, "event": self.event, "jobs": jobs}

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Entry:
        """Return the entry of `as_dict`'s form; raises KeyError, TypeError or ValueError for another one."""
        jobs = ((str(n), None if groups is None else tuple(map(int, groups))) for n, groups in value["jobs"].items())
        return cls(int(value["epoch"]), str(value["event"]), tuple(jobs))


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed after an epoch: the groups of each job that has some, and the jobs that left."""

    jobs: dict[str, tuple[int, ...]]
    released: tuple[str, ...]


def since(epoch: int, now: int, log: Sequence[Entry], jobs: Mapping[str, tuple[int, Groups]]) -> Changes:
    """Return what changed after `epoch` up to `now`, for the jobs as they are; all groups where the log is too short.

    Raises `BadInput` for an epoch that has not been.
    """
    if not 0 <= epoch <= now:
        raise BadInput("--changed-since", epoch, f"the placement is at epoch {now}; give 0 to {now}")
    if epoch < now and (not log or log[0].epoch > epoch + 1):
        return Changes({name: tuple(range(len(groups))) for name, (_, groups) in jobs.items()}, ())
    changed: dict[str, set[int]] = {}
    left: set[str] = set()
    for entry in log:
        if entry.epoch <= epoch:
            continue
        for name, groups in entry.jobs:
            if groups is None:
                left.add(name)
            else:
                changed.setdefault(name, set()).update(groups)
    return Changes(
        {n: tuple(sorted(i for i in changed[n] if i < len(groups))) for n, (_, groups) in jobs.items() if n in changed},
        tuple(sorted(left - jobs.keys())),
    )
