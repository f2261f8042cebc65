"""What every sans-I/O machine of the project is: events in, actions out, and no clock, thread or socket inside.

The conversation (`voice.realtime.core.session.Session`) is one, the fabric's controller
(`fabric.control.core.controller.Controller`) is another. So one simulation harness drives both, and a log of events is
enough to play any run again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from roundelay.errors import RoundelayError

E = TypeVar("E", contravariant=True)
A = TypeVar("A")


class IllegalEvent(RoundelayError):
    """The event cannot happen now; the machine is as it was. `code` names the rule, for a protocol's error codes."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(why)


class Machine(Protocol[E, A]):
    """A state that only events change. Time is a field of the event and never runs backwards.

    The same events give the same actions. What the machine remembers is one frozen value in `memory`, so an event that
    is refused leaves the very same object there.
    """

    @property
    def memory(self) -> object:
        """All that the machine remembers; frozen, replaced by `feed`."""
        ...

    def feed(self, event: E, /) -> list[A]:
        """Return what is to be done after the event, in order; raises `IllegalEvent` and changes nothing."""
        ...


def replay(machine: Machine[E, A], events: Iterable[E]) -> list[list[A]]:
    """Return the actions of a machine after each of the events; raises `IllegalEvent` at the first illegal one."""
    return [machine.feed(event) for event in events]
