"""The cores, shared by all replies that are being made: the one whose listener runs dry first is made next (ours).

A slot is held while one block of audio is computed, and given back before the next: a reply that is long, or merely
being played, keeps no one waiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from roundelay.voice.interfaces import Cancelled

T = TypeVar("T")
AHEAD_S = 10.0  # of a reply that are made before they are played; longer than any block takes on shared cores
POLL_S = 0.05  # between two looks at whether a caller who waits cancelled


@dataclass(slots=True)
class _Ticket:
    """A caller who waits for a slot, or holds one."""

    due_s: float
    number: int
    urgent: bool = False


class ComputeSlots:
    """At most `slots` blocks are computed at once, and as many more whose listener has nothing to hear.

    Those more are what a block that takes seconds must not hold up: a first sound begins beside it. Of those that
    wait, the one with the earliest due time goes first. `clock` gives seconds.
    """

    def __init__(self, slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.slots, self.clock = slots, clock
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._running = self._urgent = 0
        self._numbers = count()

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot."""
        return len(self._waiting)

    @contextmanager
    def slot(self, due_s: float, cancelled: Cancelled) -> Iterator[bool]:
        """Hold a slot; gives False, and holds none, where `cancelled` came first."""
        ticket = self._acquire(due_s, cancelled)
        try:
            yield ticket is not None
        finally:
            if ticket is not None:
                self._release(ticket)

    def blocks(
        self, made: Iterator[T], due_s: Callable[[], float], cancelled: Cancelled, ahead_s: float = AHEAD_S
    ) -> Iterator[T]:
        """Yield the items of `made`, each computed in a slot, none while its listener is `ahead_s` from running dry.

        `due_s` is when the next item is needed, on `clock`.
        """
        while True:
            while due_s() - self.clock() > ahead_s:
                if cancelled():
                    return
                time.sleep(POLL_S)
            with self.slot(due_s(), cancelled) as granted:
                if not granted:
                    return
                try:
                    item = next(made)
                except StopIteration:
                    return
            yield item

    def _acquire(self, due_s: float, cancelled: Cancelled) -> _Ticket | None:
        ticket = _Ticket(due_s, next(self._numbers))
        with self._changed:
            self._waiting.append(ticket)
        try:
            while not cancelled():
                with self._changed:
                    if self._goes(ticket) or (self._changed.wait(POLL_S) and self._goes(ticket)):
                        ticket.urgent = ticket.due_s <= self.clock()
                        self._running += 1
                        self._urgent += ticket.urgent
                        return ticket
            return None
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _goes(self, ticket: _Ticket) -> bool:
        if min(self._waiting, key=lambda each: (each.due_s, each.number)) is not ticket:
            return False
        urgent = ticket.due_s <= self.clock()
        return self._running < self.slots or (urgent and self._urgent < self.slots)

    def _release(self, ticket: _Ticket) -> None:
        with self._changed:
            self._running -= 1
            self._urgent -= ticket.urgent
            self._changed.notify_all()
