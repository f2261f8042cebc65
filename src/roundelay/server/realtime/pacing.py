"""When a reply's parts go out: a little ahead of the ear, so that little must be thrown away at a barge-in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from roundelay.voice.realtime.core.actions import Action, Finish, Play, Say
from roundelay.voice.realtime.core.events import RATE_HZ

LEAD_MS = 1_000  # sound that a client may hold unheard: outlasts a pause of the network, or of a busy core
PIECE = RATE_HZ // 10  # samples sent at a time


class Pacer:
    """The queue of one reply, and an estimate of how much of it was heard.

    The wire says nothing about what a client has played. It is taken to play what it has as it comes: time that passes
    while it holds sound is sound heard. A client that knows better says so with `conversation.item.truncate`.
    """

    def __init__(self, now_ms: int, spoken: bool = True, lead_ms: int = LEAD_MS) -> None:
        self.sent, self.held, self._aloud, self._lead_ms = 0, False, spoken, lead_ms
        self._played_ms, self._last_ms = 0.0, now_ms
        self._queue: deque[Action] = deque()

    @property
    def played(self) -> int:
        """Samples heard, as far as is known."""
        return min(self.sent, int(self._played_ms * RATE_HZ / 1000))

    @property
    def waiting(self) -> bool:
        """Whether anything is still to be sent, or to be heard."""
        return bool(self._queue) or self.played < self.sent

    def add(self, action: Action) -> None:
        """Put something at the end."""
        self._queue.append(action)

    def take(self, now_ms: int, maybe_speech: bool = False) -> list[Action]:
        """What may go out now, in order; nothing while it is `maybe_speech` that the bot still has the floor."""
        sent_ms = self.sent * 1000 / RATE_HZ
        self._played_ms = min(sent_ms, self._played_ms + max(0, now_ms - self._last_ms)) if self._aloud else sent_ms
        self._last_ms = now_ms
        out: list[Action] = []
        while self._queue and not self.held and not maybe_speech:
            action = self._queue[0]
            if isinstance(action, Play):
                if self._aloud and self.sent * 1000 / RATE_HZ - self._played_ms >= self._lead_ms:
                    break
                piece, rest = action.sound[:PIECE], action.sound[PIECE:]
                self._queue.popleft()
                if len(rest):
                    self._queue.appendleft(Play(action.reply, rest))
                self.sent += len(piece)
                out.append(Play(action.reply, np.asarray(piece)))
                if not self._aloud:
                    self._played_ms = self.sent * 1000 / RATE_HZ
                continue
            self._queue.popleft()
            out.append(action)
        return out

    def flush(self) -> Sequence[Action]:
        """All that is left, at once."""
        out = [action for action in self._queue if isinstance(action, Say | Play | Finish)]
        self._queue.clear()
        self.sent += sum(len(action.sound) for action in out if isinstance(action, Play))
        return out
