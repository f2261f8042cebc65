"""A text in clauses, which are spoken and shown one after another, also while the text still comes (ours)."""

from __future__ import annotations

import re

from roundelay.voice.realtime.core.backchannel import words

FIRST_CLAUSE, CLAUSE = 40, 90  # characters: the first is short, so that sound begins soon
SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
COMMA = re.compile(r"(?<=,)\s+")


class Clauses:
    """Cuts at sentences, a sentence that is too long at its commas, a part that is too long between words.

    `push` gives a clause as soon as nothing that may follow can change it; how the text was cut changes nothing.
    """

    def __init__(self) -> None:
        self._rest = ""  # of the sentence that goes on, as far as it was not given
        self._limit, self._long, self._any = FIRST_CLAUSE, False, False

    def push(self, text: str, last: bool = False) -> list[str]:
        """The clauses that this text completes; with `last`, all that is left."""
        self._rest += text
        found: list[str] = []
        while end := SENTENCE.search(self._rest if self._long else self._rest.lstrip()):
            line = self._rest if self._long else self._rest.lstrip()
            found += self._sentence(line[: end.start()])
            self._rest = line[end.end() :]
        if last:
            found += self._sentence(self._rest.strip())
            self._rest = ""
        else:
            found += self._early()
        return [part for part in found if words(part)]

    def _sentence(self, line: str) -> list[str]:
        """The rest of a sentence that is over, in parts."""
        parts = COMMA.split(line) if self._long or len(line) > self._limit else [line]
        found = [each for part in parts for each in cut(part, CLAUSE)]
        self._any = self._any or self._long or bool(found)
        self._limit, self._long = CLAUSE if self._any else FIRST_CLAUSE, False
        return found

    def _early(self) -> list[str]:
        """What is certain of a sentence that goes on: parts to a comma, and full lines."""
        if not self._long and len(self._rest.strip()) <= self._limit:
            return []
        self._long = True
        *whole, rest = COMMA.split(self._rest)
        found = [each for part in whole for each in cut(part, CLAUSE)]
        *lines, last = cut(rest, CLAUSE) or [""]
        self._rest = f"{last} " if rest[-1:].isspace() else last
        return found + lines


def clauses(text: str) -> list[str]:
    """All clauses of a text."""
    return Clauses().push(text, last=True)


def cut(part: str, limit: int) -> list[str]:
    """The part in lines of whole words of at most `limit` characters; a longer word is a line of its own."""
    lines: list[str] = []
    for word in part.split():
        if lines and len(lines[-1]) + 1 + len(word) <= limit:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines
