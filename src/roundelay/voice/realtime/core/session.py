"""A conversation as a sans-I/O machine: `feed(event) -> [actions]`. No clock, thread or socket; time is in the events.

Silence, UserSpeaking, UserPaused and BotReplying are the paper's states (its section on the real-time pipeline).
Overlap, in which a voice over the bot's holds it until it is known to be a barge-in or nothing, is ours, and so are
the rules and the numbers.

The rules are `table.ROWS`, the numbers `Thresholds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from roundelay.voice.realtime.core.actions import Action
from roundelay.voice.realtime.core.context import Context
from roundelay.voice.realtime.core.events import Event, IllegalEvent, Message, ReplyAsked, ReplyCancelled
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.core.state import Memory, State, next_due
from roundelay.voice.realtime.core.transitions import Row, all_rows
from roundelay.voice.realtime.core.validation import check

DUE_LIMIT = 64  # more at one event would be a circle in the table
INDEX: dict[tuple[State, type[Event]], list[Row]] = {}
for _row in all_rows():
    INDEX.setdefault((_row.state, _row.event), []).append(_row)


class Session:
    """One conversation: who has the floor, what is being made, what was heard."""

    def __init__(self, thresholds: Thresholds | None = None, history: Iterable[Message] = ()) -> None:
        context = Context()
        for at, message in enumerate(history, 1):
            context = context.add(message if message.key else replace(message, key=f"before-{at}"))
        self._memory = Memory(thresholds or Thresholds(), context=context)

    @property
    def state(self) -> State:
        """Who has the floor."""
        return self._memory.state

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds that hold."""
        return self._memory.thresholds

    @property
    def history(self) -> tuple[Message, ...]:
        """What was said, as text; of the bot only what was heard."""
        return self._memory.context.messages

    @property
    def wake_ms(self) -> int | None:
        """When the next `Tick` is needed at the latest; None while nothing is waited for."""
        due = next_due(self._memory)
        return None if due is None else max(due.at_ms, self._memory.now_ms)

    @property
    def memory(self) -> Memory:
        """All that the session remembers, to look at."""
        return self._memory

    def feed(self, event: Event) -> list[Action]:
        """What is to be done after the event, in order. Whatever fell due before it is done first.

        Raises `IllegalEvent`; the session is then as it was before.
        """
        out: list[Action] = []
        m = self._memory
        if event.at_ms < m.now_ms:
            raise IllegalEvent("earlier", f"an event at {event.at_ms} ms came after one at {m.now_ms} ms")
        m = _until(m, event.at_ms, out)
        check(m, event)
        m = _until(_step(m, event, out), event.at_ms, out)
        self._memory = m
        return out


def _until(m: Memory, at_ms: int, out: list[Action]) -> Memory:
    """The memory after everything that falls due until `at_ms`."""
    for _ in range(DUE_LIMIT):
        due = next_due(m)
        if due is None or due.at_ms > at_ms:
            return m if m.now_ms == at_ms else replace(m, now_ms=at_ms)
        if due.at_ms > m.now_ms:
            m = replace(m, now_ms=due.at_ms)
        m = _step(m, due, out)
    raise AssertionError(f"{DUE_LIMIT} deadlines at {at_ms} ms: {m}")


def _step(m: Memory, event: Event, out: list[Action]) -> Memory:
    for row in INDEX.get((m.state, type(event)), ()):
        if row.guard(m, event):
            m = row.effect(m, event, out)
            return m if m.state is row.to else replace(m, state=row.to)
    code = {ReplyAsked: "already_replying", ReplyCancelled: "not_replying"}.get(type(event), "wrong_state")
    raise IllegalEvent(code, f"{type(event).__name__} cannot happen in {m.state.value}")  # type: ignore[arg-type]
