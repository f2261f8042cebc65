"""The audio of one reply, released as time goes on (ours)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import MIN_SAMPLES
from roundelay.voice.realtime.core import actions as act


class Playback:
    """A queue of a reply's clauses and audio that is played in real time, by whatever clock its caller has."""

    def __init__(self, reply: int) -> None:
        self.reply = reply
        self.played = 0  # samples, at the reply's rate
        self._queue: deque[str | np.ndarray] = deque()
        self._rate_hz = 0  # of the reply's audio; 0 until the first
        self._held = False
        self._owed_s = 0.0  # time that passed and is not filled by audio yet: less than a sample

    def add(self, action: act.Say | act.Play | act.Hold | act.Resume) -> None:
        """Append a clause or audio, hold, or resume."""
        if isinstance(action, act.Say):
            self._queue.append(action.text)
        elif isinstance(action, act.Play):
            self._queue.append(action.samples)
            self._rate_hz = action.rate_hz
        else:
            self._held = isinstance(action, act.Hold)

    def advance(self, seconds: float) -> Iterator[str | Audio]:
        """Yield what is played in the next `seconds`: audio, and each clause's text before its audio."""
        if self._held:
            return
        self._owed_s += seconds
        while self._queue:
            part = self._queue[0]
            if isinstance(part, str):
                yield part
                self._queue.popleft()
                continue
            count = int(self._owed_s * self._rate_hz + 1e-6)
            if count < MIN_SAMPLES:
                return
            self._queue.popleft()
            if count + MIN_SAMPLES <= len(part):
                self._queue.appendleft(part[count:])
                part = part[:count]
            self._owed_s -= len(part) / self._rate_hz
            self.played += len(part)
            if len(part) >= MIN_SAMPLES:
                yield Audio.from_array(part, self._rate_hz)
        self._owed_s = 0.0  # a queue that runs dry is not caught up with

    def remaining_text(self) -> list[str]:
        """The clauses that were not reached: those without audio."""
        return [part for part in self._queue if isinstance(part, str)]
