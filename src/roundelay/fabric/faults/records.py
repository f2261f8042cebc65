"""Faults as they are read from a file: columns that grow, and the one way to make a history of them. Method: ours.

Times are seconds since 1970 where the file has dates, days or another unit since the beginning where it has numbers.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.reading.clock import DAY_S
from roundelay.fabric.reading.source import Source

MAX_FAULTS = 10_000_000  # 24 bytes each
MAX_DAYS = 10**7
MAX_KINDS = 100_000
Say = Callable[[str], None]


@dataclass(slots=True)
class Records:
    """Faults while a file is read: server, start and end in days, NaN for an end that the file does not tell.

    `absolute` says that days count from 1970. `names` are all servers the file names, those that never fail too;
    `whole` that these are all there are; `unnamed` that it names none. `notes` is what has
    to be said aloud about the reading.
    """

    source: Source
    read_as: str
    absolute: bool = False
    whole: bool = False
    unnamed: bool = False
    server: MutableSequence[int] = field(default_factory=lambda: array("i"))
    kind: MutableSequence[int] = field(default_factory=lambda: array("i"))
    start: MutableSequence[float] = field(default_factory=lambda: array("d"))
    end: MutableSequence[float] = field(default_factory=lambda: array("d"))
    ids: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=lambda: {"": 0})
    failed: set[str] = field(default_factory=set)
    first: float | None = None
    last: float | None = None
    notes: list[str] = field(default_factory=list)

    def id(self, name: str) -> int:
        """Return the number of a server, a new one for a new name."""
        return self.ids.setdefault(name, len(self.ids))

    def seen(self, day: float) -> None:
        """Take a time at which the file observes its servers: the history lasts from the first to the last."""
        self.first = day if self.first is None else min(self.first, day)
        self.last = day if self.last is None else max(self.last, day)

    def fault(self, name: str, start: float, end: float | None, line: int | None = None, why: str = "") -> int:
        """Take one fault and return its number; raises `BadInput` for an end before the start and for too many."""
        if end is not None and end < start:
            raise self.source.bad(f"{name} ends before it starts; set the dates right", line)
        if len(self.server) >= MAX_FAULTS:
            raise self.source.bad(f"holds more than {MAX_FAULTS:,} faults; split it by time", line)
        self.seen(start)
        if end is not None:
            self.seen(end)
        self.server.append(-1 if self.unnamed else self.id(name))
        self.failed.add(name)
        known = len(self.kinds) < MAX_KINDS
        self.kind.append(self.kinds.setdefault(why, len(self.kinds)) if known else self.kinds.get(why, 0))
        self.start.append(start)
        self.end.append(float("nan") if end is None else end)
        return len(self.server) - 1

    def close(self, fault: int, end: float) -> None:
        """Give a fault its end."""
        self.seen(end)
        self.end[fault] = end

    def columns(self, say: Say) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Return server [F], start [F], end [F] in days from the beginning, sorted by start, and the length in days.

        An open fault lasts to the last time of the file. Raises `BadInput` for a file without a fault, and for a
        history in which no time passes while anything is down.
        """
        if not self.server:
            raise self.source.bad(f"names no fault (read as {self.read_as}); give one that does, or no --trace")
        assert self.first is not None and self.last is not None
        start, end = np.array(self.start), np.array(self.end)
        origin = self.first if self.absolute else 0.0
        opened = int(np.isnan(end).sum())
        end = np.where(np.isnan(end), self.last, end)
        if not (end > start).any():
            why = "tells no end of any fault" if opened else "has no fault that lasts"
            raise self.source.bad(f"{why}, so that nothing is known of its length; give the ends of the faults")
        horizon = self.last - origin
        if horizon > MAX_DAYS or start.min() < origin:
            do = f"lasts from day {start.min() - origin:g} to {horizon:g}; give days from 0 to {MAX_DAYS:,}"
            raise self.source.bad(do)
        if opened and self.absolute:
            until = datetime.fromtimestamp(self.last * DAY_S, UTC).isoformat(" ", "seconds")
            say(f"{self.source.name}: {opened:,} faults have no end and last to the last time told, {until}")
        elif opened:
            say(f"{self.source.name}: {opened:,} faults have no end and last to the last time told, day {self.last:g}")
        return np.array(self.server, np.int32), start - origin, end - origin, horizon


def servers_of(records: Records, servers: int | None, gpus_per_server: int, fallback: int | None, say: Say) -> int:
    """Return how many servers the history is of: what was asked for, or what the file tells, and say so.

    Raises `BadInput` for fewer than the file names.
    """
    named, name = len(records.ids), records.source.name
    if records.unnamed and servers is None:
        raise records.source.bad(f"names no servers ({records.read_as}); give --servers N")
    if servers is not None:
        if servers < named:
            do = f"{name} has faults on {named}; give --servers {named} or more"
            raise BadInput("servers", servers, do)
        return servers
    if records.whole:
        say(
            f"{name} reports on {named:,} servers: taken as all there are, of {gpus_per_server} GPUs each (--servers N)"
        )
        return named
    taken = max(named, fallback or 0)
    more = f"; taken as {taken:,}" if taken > named else " and they are taken as all there are"
    say(
        f"{name} does not say how many servers it is of: it names {named:,}{more}, of {gpus_per_server} GPUs each; "
        f"give --servers N if that is wrong"
    )
    return taken


def few(values: Sequence[str], most: int = 3) -> str:
    """Return some of the values for a message."""
    return ", ".join(values[:most]) + (", …" if len(values) > most else "")
