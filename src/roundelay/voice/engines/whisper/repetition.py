"""Repetition: Whisper's habit of writing the same words over and over, found in what it wrote (ours)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHORT_WORDS = 2  # a phrase that people do say several times in a row: "no no no", "seven seven"
SHORT_TIMES, LONG_TIMES = 6, 3  # so often in a row no one says a short phrase, a longer one
LONGEST_WORDS = 40


@dataclass(frozen=True, slots=True)
class Repetition:
    """`words` words, said `times` times in a row from word `first`."""

    first: int
    words: int
    times: int

    @property
    def endless(self) -> bool:
        """Whether no one says it so often."""
        return self.times >= (SHORT_TIMES if self.words <= SHORT_WORDS else LONG_TIMES)

    @property
    def kept(self) -> int:
        """How many words remain up to the end of the first time."""
        return self.first + self.words


def find_repetition(words: Sequence[str]) -> Repetition | None:
    """The first repetition, None where there is none: three words or more twice, fewer four times."""
    heard = [word.strip(" .,!?;:\"'").lower() for word in words]
    for first in range(len(heard)):
        for size in range(1, min(LONGEST_WORDS, (len(heard) - first) // 2) + 1):
            times = 1
            while heard[first + times * size : first + (times + 1) * size] == heard[first : first + size]:
                times += 1
            if times >= (4 if size <= SHORT_WORDS else 2):
                return Repetition(first, size, times)
    return None
