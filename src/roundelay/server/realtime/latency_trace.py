"""The latency of each turn by stage, for the page's waterfall and the metrics' histogram."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

MAX_TURNS = 256
# In the order of a turn: silence detected, reply drafted, transcript ready, turn committed, and the first text, first
# audio and first sample sent. A draft may be made before the turn is committed.
PARTS = ("noticed", "drafted", "heard", "committed", "text", "sound", "sent")


@dataclass(slots=True)
class TurnLatency:
    """The times of one turn in ms since the session began; `end_ms` is the end of the user's speech."""

    number: int
    end_ms: int
    marks: dict[str, int] = field(default_factory=dict)
    ahead_ms: int = 0
    said: str = ""
    answer: str = ""
    outcome: str = ""


class LatencyTrace:
    """The latencies of a conversation's turns; the oldest are dropped beyond `MAX_TURNS`."""

    def __init__(self) -> None:
        self._turns: deque[TurnLatency] = deque(maxlen=MAX_TURNS)
        self._drafts: dict[int, dict[str, int]] = {}
        self.made = self.begun = 0  # drafts made for turns, and those of them that were committed

    def draft(self, reply: int, now_ms: int) -> None:
        """Note that a draft for a turn was begun."""
        self.made += 1
        self._drafts[reply] = {"drafted": now_ms}
        for old in list(self._drafts)[:-8]:
            del self._drafts[old]

    def news(self, reply: int, part: str, now_ms: int) -> None:
        """Note the first text or audio of a draft."""
        self._drafts.get(reply, {}).setdefault(part, now_ms)

    def turn(self, number: int, end_ms: int, marks: dict[str, int]) -> None:
        """Note that a turn was committed."""
        self._turns.append(TurnLatency(number, end_ms, dict(marks)))

    def begin(self, turn: int | None, reply: int, ahead_ms: int) -> TurnLatency | None:
        """Note that a reply to that turn was begun; returns the turn's record, None if it is unknown."""
        found = next((each for each in reversed(self._turns) if each.number == turn), None)
        if found is not None:
            self.begun += 1
            found.ahead_ms = ahead_ms
            found.marks |= self._drafts.get(reply, {})
        return found

    def find(self, turn: int) -> TurnLatency | None:
        """The record of that turn, if it is still kept."""
        return next((each for each in reversed(self._turns) if each.number == turn), None)

    def as_dicts(self) -> list[dict[str, Any]]:
        """The turns as JSON, times in ms after the end of the user's speech."""
        return [
            {
                "turn": each.number, "said": each.said, "answer": each.answer, "outcome": each.outcome,
                "ahead_ms": each.ahead_ms,
                "parts": [{"part": part, "ms": each.marks[part] - each.end_ms} for part in PARTS if part in each.marks],
            }
            for each in self._turns
        ]  # fmt: skip

    def __iter__(self) -> Any:
        return iter(self.as_dicts())
