"""Word and character errors of what was heard against what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors (substitutions, deletions, insertions) out of `total` words or characters that were said."""

    errors: int
    total: int

    @property
    def rate(self) -> float:
        """The error rate; 0 if nothing was said and nothing heard, above 1 if more was heard than said."""
        return self.errors / self.total if self.total else float(self.errors > 0)

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.errors + other.errors, self.total + other.total)


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest substitutions, deletions and insertions that turn `said` into `heard` (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        corner, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (a != b))
    return row[-1]


def word_errors(said: str, heard: str) -> Errors:
    """Word errors; texts are split at spaces."""
    words = said.split()
    return Errors(distance(words, heard.split()), len(words))


def character_errors(said: str, heard: str) -> Errors:
    """Character errors; spaces count."""
    return Errors(distance(said, heard), len(said))
