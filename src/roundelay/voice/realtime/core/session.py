"""A conversation as a sans-I/O machine: `feed(event) -> [actions]`. No clock, thread or socket; time is in the events.

Silence, UserSpeaking, UserPaused and BotReplying are the states of the paper (arXiv 2502.11946, real-time inference).
Overlap, in which the reply is held until speech over it is classified as barge-in or not, is ours, and so are the rules
(`transitions.ROWS`) and the numbers (`settings.Thresholds`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core.actions import Action
from roundelay.voice.realtime.core.context import Context
from roundelay.voice.realtime.core.events import Event, IllegalEvent, ReplyCancelled, ReplyRequested
from roundelay.voice.realtime.core.language import NO_LANGUAGE, Language
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.core.state import SessionState, State, next_due
from roundelay.voice.realtime.core.transitions import Row, all_rows
from roundelay.voice.realtime.core.validation import validate

DUE_LIMIT = 64  # more at one event would mean a cycle in the table
INDEX: dict[tuple[State, type[Event]], list[Row]] = {}
for _row in all_rows():
    INDEX.setdefault((_row.state, _row.event), []).append(_row)


class Session:
    """One conversation: who has the floor, which replies are being generated, what was heard.

    `language` has the words that are backchannels; without one every word takes the floor.
    """

    def __init__(
        self, thresholds: Thresholds | None = None, history: Iterable[Message] = (), language: Language = NO_LANGUAGE
    ) -> None:
        context = Context()
        for at, message in enumerate(history, 1):
            context = context.add(message if message.key else replace(message, key=f"before-{at}"))
        self._state = SessionState(thresholds or Thresholds(), language, context=context)

    @property
    def state(self) -> State:
        """Who has the floor."""
        return self._state.state

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds in effect."""
        return self._state.thresholds

    @property
    def history(self) -> tuple[Message, ...]:
        """The conversation as text; of the bot only what was heard."""
        return self._state.context.messages

    @property
    def wake_ms(self) -> int | None:
        """When the next `Tick` is needed at the latest; None without a deadline."""
        due = next_due(self._state)
        return None if due is None else max(due.at_ms, self._state.now_ms)

    @property
    def memory(self) -> SessionState:
        """All that the session has_message, to look at."""
        return self._state

    def feed(self, event: Event) -> list[Action]:
        """The actions to carry out, in order; deadlines before the event are processed first.

        Raises `IllegalEvent`; the session is then unchanged.
        """
        out: list[Action] = []
        s = self._state
        if event.at_ms < s.now_ms:
            raise IllegalEvent("earlier", f"an event at {event.at_ms} ms came after one at {s.now_ms} ms")
        s = _until(s, event.at_ms, out)
        validate(s, event)
        s = _until(_step(s, event, out), event.at_ms, out)
        self._state = s
        return out


def _until(s: SessionState, at_ms: int, out: list[Action]) -> SessionState:
    """The state after every deadline until `at_ms`."""
    for _ in range(DUE_LIMIT):
        due = next_due(s)
        if due is None or due.at_ms > at_ms:
            return s if s.now_ms == at_ms else replace(s, now_ms=at_ms)
        if due.at_ms > s.now_ms:
            s = replace(s, now_ms=due.at_ms)
        s = _step(s, due, out)
    raise AssertionError(f"{DUE_LIMIT} deadlines at {at_ms} ms: {s}")


def _step(s: SessionState, event: Event, out: list[Action]) -> SessionState:
    for row in INDEX.get((s.state, type(event)), ()):
        if row.guard(s, event):
            s = row.effect(s, event, out)
            return s if s.state is row.to else replace(s, state=row.to)
    code = {ReplyRequested: "already_replying", ReplyCancelled: "not_replying"}.get(type(event), "wrong_state")
    raise IllegalEvent(code, f"{type(event).__name__} cannot happen in {s.state.value}")  # type: ignore[arg-type]
