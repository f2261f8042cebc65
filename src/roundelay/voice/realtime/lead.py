"""How far a reply is ahead of its listener: what is ahead is time to take care of the next words (ours)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from roundelay.voice.realtime.events import RATE_HZ

WAY_S = 0.4  # two words last half a second; said in one way they are made in a tenth of one, on an idle core


@dataclass(slots=True)
class Lead:
    """How far a reply's sound is ahead of a listener who plays it as it comes; what is ahead is time to take care."""

    made: int = 0  # samples
    _began: float = 0.0

    def add(self, samples: int) -> None:
        """Sound was made."""
        if not self.made:
            self._began = time.monotonic()
        self.made += samples

    def ways(self) -> int:
        """How many ways of saying the next words may be tried: one, and one more for every `WAY_S` ahead."""
        ahead_s = self.made / RATE_HZ - (time.monotonic() - self._began) if self.made else 0.0
        return 1 + max(0, int(ahead_s / WAY_S))
