"""The playback lead of a reply, and how many candidates of the next words it affords (ours)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from roundelay.voice.audio import Audio

CANDIDATE_S = 0.4  # playback lead for each candidate: two words last half a second, and take 0.1 s on an idle core
MAX_CANDIDATES = 4  # more do not sound clearer
SAFETY_FACTOR = 3.0  # the next candidate may take this much longer, if other conversations become busy meanwhile


@dataclass(slots=True)
class CandidateBudget:
    """How far the audio of a reply is ahead of a listener who plays it on arrival, and what that time affords.

    `clock` gives seconds. While it is `crowded`, others wait for the cores, and one candidate must do.
    """

    clock: Callable[[], float] = time.monotonic
    crowded: Callable[[], bool] = lambda: False
    samples: int = 0  # made so far, at rate_hz
    rate_hz: int = 0  # of the reply's audio; 0 before the first
    _began_s: float = 0.0  # of the playback; until there is audio, when it was asked for
    _asked_s: float = 0.0
    _candidates: int = 0  # being made; 0 once their audio is there
    _candidate_s: float = 0.0  # the time that one candidate of the last words took

    def __post_init__(self) -> None:
        self._began_s = self.clock()

    @property
    def due_s(self) -> float:
        """When the next audio is needed: the listener has nothing to hear from then on."""
        return self._began_s + (self.samples / self.rate_hz if self.samples else 0.0)

    def add(self, audio: Audio) -> None:
        """Note that audio was made."""
        now = self.clock()
        if not self.samples:
            self._began_s, self.rate_hz = now, audio.rate
        if self._candidates:
            self._candidate_s, self._candidates = (now - self._asked_s) / self._candidates, 0
        self.samples += len(audio.samples)

    def candidates(self) -> int:
        """How many candidates of the next words may be made: one, and one more for every `CANDIDATE_S` of lead, or for
        every `SAFETY_FACTOR` times what the last candidate took, if that is longer.
        """
        self._asked_s = self.clock()
        lead_s = self.samples / self.rate_hz - (self._asked_s - self._began_s) if self.samples else 0.0
        affordable = 0 if self.crowded() else int(lead_s / max(CANDIDATE_S, SAFETY_FACTOR * self._candidate_s))
        self._candidates = min(MAX_CANDIDATES, 1 + max(0, affordable))
        return self._candidates

    def longer_than(self, limit_ms: int) -> bool:
        """Whether the audio made so far is longer than a limit."""
        return self.samples * 1000 > limit_ms * self.rate_hz
