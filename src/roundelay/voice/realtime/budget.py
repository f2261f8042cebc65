"""How far a reply is ahead of its listener: what is ahead is time to take care of the next words (ours)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from roundelay.voice.realtime.core.events import RATE_HZ

WAY_S = 0.4  # two words last half a second; said in one way they are made in a tenth of one, on an idle core
MOST = 4  # ways; more are not clearer
SLOWER = 3.0  # than the last words at most, if somebody else begins to speak or to listen meanwhile


@dataclass(slots=True)
class Lead:
    """How far a reply's sound is ahead of a listener who plays it as it comes; what is ahead is time to take care."""

    made: int = 0  # samples
    _began: float = 0.0
    _asked: float = 0.0
    _ways: int = 0  # that are being tried; 0 once their sound is there
    _way_s: float = 0.0  # what one of them took of the last words

    def add(self, samples: int) -> None:
        """Sound was made."""
        now = time.monotonic()
        if not self.made:
            self._began = now
        if self._ways:
            self._way_s, self._ways = (now - self._asked) / self._ways, 0
        self.made += samples

    def ways(self) -> int:
        """How many ways of saying the next words may be tried: one, and one more for every `WAY_S` ahead, or for every
        longer time in which one could be made on a machine as busy as it was and busier.
        """
        self._asked = time.monotonic()
        ahead_s = self.made / RATE_HZ - (self._asked - self._began) if self.made else 0.0
        self._ways = min(MOST, 1 + max(0, int(ahead_s / max(WAY_S, SLOWER * self._way_s))))
        return self._ways
