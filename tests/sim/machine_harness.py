"""One clock and one queue for any machine: what happens is put on it by time, what the machine waits for is woken.

A world built on it feeds a machine, and the two laws that hold of every machine are checked at each event: a refused
event leaves the machine as it was, and the same events give the same actions.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from roundelay.machine import IllegalEvent, Machine, replay


class Harness:
    """A machine between its past (`log`) and its future (`heap`); `wake` says when it wants a tick."""

    def __init__(self, machine: Machine[Any, Any], wake: Callable[[], float | None], tick: Callable[[float], Any]):
        self.machine, self.wake, self.tick = machine, wake, tick
        self.now = 0.0
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.serial = 0
        self.log: list[tuple[Any, list[Any]]] = []
        self.refused: list[Any] = []

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let something happen."""
        self.serial += 1
        heapq.heappush(self.heap, (max(self.now, when), self.serial, act))

    def feed(self, event: Any) -> list[Any] | None:
        """Return the machine's actions, or None where it refused the event and stayed as it was."""
        before = self.machine.memory
        try:
            actions = self.machine.feed(event)
        except IllegalEvent:
            assert self.machine.memory is before, f"{event} was refused and yet changed something"
            self.refused.append(event)
            return None
        self.log.append((event, actions))
        return actions

    def run(self, until: float) -> None:
        """Play until nothing will happen any more before `until`."""
        while True:
            wake = self.wake()
            if self.heap and (wake is None or self.heap[0][0] <= wake):
                when, _, act = heapq.heappop(self.heap)
                if when > until:
                    return
                self.now = when
                act()
            elif wake is not None and wake <= until:
                self.now = max(self.now, wake)
                self.feed(self.tick(self.now))
            else:
                return

    def check_replay(self, again: Machine[Any, Any]) -> None:
        """Assert that a fresh machine answers the same events with the same actions."""
        assert replay(again, [event for event, _ in self.log]) == [actions for _, actions in self.log]
