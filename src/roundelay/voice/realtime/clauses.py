"""Incremental splitting of a reply into clauses, the units of synthesis and captions (ours)."""

from __future__ import annotations

import re

from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.stream import FinishedStream

FIRST_CLAUSE, CLAUSE = 40, 90  # characters at most: the first is short for an early first sound
SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
COMMA = re.compile(r"(?<=,)\s+")


class Clauses:
    """Splits streamed text at sentences, long sentences at commas, long parts between words: a `Stream` of str to
    list[str]. `push` returns a clause as soon as no further text can change it.
    """

    def __init__(self) -> None:
        self._rest = ""  # the part of the current sentence not yet returned
        self._limit, self._long, self._any = FIRST_CLAUSE, False, False
        self._finished = False

    def push(self, text: str) -> list[str]:
        """The clauses that this text completes."""
        if self._finished:
            raise FinishedStream
        found = self._complete(text) + self._early()
        return [part for part in found if words(part)]

    def finish(self) -> list[str]:
        """The remainder."""
        if self._finished:
            raise FinishedStream
        self._finished = True
        rest, self._rest = self._rest.strip(), ""
        return [part for part in self._sentence(rest) if words(part)]

    def _complete(self, text: str) -> list[str]:
        """The parts of the sentences that this text ends."""
        self._rest += text
        found: list[str] = []
        while end := SENTENCE.search(self._rest if self._long else self._rest.lstrip()):
            line = self._rest if self._long else self._rest.lstrip()
            found += self._sentence(line[: end.start()])
            self._rest = line[end.end() :]
        return found

    def _sentence(self, line: str) -> list[str]:
        """The remainder of a complete sentence, in parts."""
        parts = COMMA.split(line) if self._long or len(line) > self._limit else [line]
        found = [each for part in parts for each in cut(part, CLAUSE)]
        self._any = self._any or self._long or bool(found)
        self._limit, self._long = CLAUSE if self._any else FIRST_CLAUSE, False
        return found

    def _early(self) -> list[str]:
        """The parts of an incomplete sentence that are certain: those that end at a comma, and full lines."""
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
    stream = Clauses()
    return stream.push(text) + stream.finish()


def cut(part: str, limit: int) -> list[str]:
    """The text in lines of whole words of at most `limit` characters; a longer word is a line of its own."""
    lines: list[str] = []
    for word in part.split():
        if lines and len(lines[-1]) + 1 + len(word) <= limit:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines
