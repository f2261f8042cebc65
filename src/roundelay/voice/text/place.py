"""What a rule of the normaliser sees: a match and the text around it (ours)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
LOOK_AHEAD = 32  # characters after a match that a rule may see


@dataclass(frozen=True, slots=True)
class Place:
    """A match, the text before it, and whether the whole text is in capitals."""

    found: re.Match[str]
    before: str
    all_capitals: bool

    def __getitem__(self, group: int) -> str:
        return self.found[group] or ""

    @property
    def word_before(self) -> str:
        """The word directly before, as written."""
        found = re.search(r"([A-Za-z']+)\.?\s+$", self.before)
        return found[1] if found else ""

    @property
    def ahead(self) -> str:
        """The text after the match, up to `LOOK_AHEAD` characters."""
        end = self.found.end()
        return self.found.string[end : end + LOOK_AHEAD]


Say = Callable[[Place], str | None]  # None: the rule does not apply to this match
