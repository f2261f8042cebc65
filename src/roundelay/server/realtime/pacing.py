"""Pacing of a reply: it is sent at most `LEAD_MS` ahead of its playback, so that a barge-in discards little."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from roundelay.voice.realtime.core.actions import Action, Finish, Play, Say

LEAD_MS = 1_000  # of audio that a client may hold unplayed: outlasts a pause of the network, or of a busy core
CHUNK_MS = 100  # of audio sent at a time


class Pacer:
    """The queue of one reply, and an estimate of how much of it was played.

    The Realtime interface does not report what a client has played. A client is assumed to play audio on arrival: time
    that passes while it holds audio is audio played. A client that knows better sends `conversation.item.truncate`.
    Sample counts are at the rate of the reply's own audio.
    """

    def __init__(self, now_ms: int, spoken: bool = True, lead_ms: int = LEAD_MS) -> None:
        self.sent, self.held, self._spoken, self._lead_ms = 0, False, spoken, lead_ms
        self.rate_hz = 0  # of the reply's audio; 0 until there is some
        self._played_ms, self._last_ms = 0.0, now_ms
        self._queue: deque[Action] = deque()

    @property
    def played(self) -> int:
        """Samples played, by the estimate."""
        return min(self.sent, int(self._played_ms * self.rate_hz / 1000))

    @property
    def waiting(self) -> bool:
        """Whether anything is still to be sent, or to be played."""
        return bool(self._queue) or self.played < self.sent

    @property
    def _sent_ms(self) -> float:
        return self.sent * 1000 / self.rate_hz if self.rate_hz else 0.0

    def add(self, action: Action) -> None:
        """Put an action at the end of the queue."""
        self._queue.append(action)

    def take(self, now_ms: int, maybe_speech: bool = False) -> list[Action]:
        """The actions that are due, in order; none during `maybe_speech`, when the user may have begun to speak."""
        passed_ms = max(0, now_ms - self._last_ms)
        self._played_ms = min(self._sent_ms, self._played_ms + passed_ms) if self._spoken else self._sent_ms
        self._last_ms = now_ms
        out: list[Action] = []
        while self._queue and not self.held and not maybe_speech:
            action = self._queue[0]
            if not isinstance(action, Play):
                out.append(self._queue.popleft())
                continue
            if self._spoken and self._sent_ms - self._played_ms >= self._lead_ms:
                break
            self._queue.popleft()
            out.append(self._chunk(action))
            if not self._spoken:
                self._played_ms = self._sent_ms
        return out

    def _chunk(self, action: Play) -> Play:
        """The first chunk of the action's audio; the rest stays in the queue."""
        self.rate_hz = action.rate_hz
        size = CHUNK_MS * action.rate_hz // 1000
        chunk, rest = action.samples[:size], action.samples[size:]
        if len(rest):
            self._queue.appendleft(Play(action.reply, rest, action.rate_hz))
        self.sent += len(chunk)
        return Play(action.reply, np.asarray(chunk), action.rate_hz)

    def flush(self) -> Sequence[Action]:
        """All that is left, at once."""
        out = [action for action in self._queue if isinstance(action, Say | Play | Finish)]
        self._queue.clear()
        for action in out:
            if isinstance(action, Play):
                self.sent, self.rate_hz = self.sent + len(action.samples), action.rate_hz
        return out
