"""The boundaries between the normaliser's readings, and the cutting of what is too long for one run (ours)."""

from __future__ import annotations

import re
from bisect import bisect_left
from enum import IntEnum

from roundelay.voice.text.normalise import Reading
from roundelay.voice.text.numbers import words
from roundelay.voice.text.readings import tables

MAX_CHUNK_CHARACTERS = 90  # of the spoken words: about six seconds, as in the model's training
_SENTENCE = re.compile(r"""[.!?;:]["')\]]*(?:\s|$)|\n""")
_CLAUSE = re.compile(r""",["')\]]*(?:\s|$)""")
_JOINING = frozenset(words("and but or which that because when while where if"))
_INITIAL = re.compile(r"(?!I\b)[A-Z]")
_BEFORE_NUMBER = frozenset(words("number page"))


class Break(IntEnum):
    """The kind of boundary between two readings."""

    NONE, WORD, CLAUSE, SENTENCE = range(4)


def break_between(reading: Reading, following: Reading) -> Break:
    """The kind of boundary between a reading and the one behind it."""
    if _continues(reading):
        return Break.NONE
    if _SENTENCE.search(reading.after):
        return Break.SENTENCE
    if _CLAUSE.search(reading.after) or following.written in _JOINING:
        return Break.CLAUSE
    return Break.WORD if re.search(r"\s", reading.after) else Break.NONE


def _continues(reading: Reading) -> bool:
    """Whether a reading belongs to the next one: an abbreviation, an initial, "No." before its number."""
    dotted = reading.written.endswith(".") or reading.after.startswith(".")
    short = reading.written.rstrip(". ")
    known = short in tables().abbreviations or _INITIAL.fullmatch(short)
    return "\n" not in reading.after and (bool(dotted and known) or reading.words in _BEFORE_NUMBER)


def cut(words: str, max_characters: int = MAX_CHUNK_CHARACTERS) -> list[str]:
    """The words in chunks of similar length, cut between words, and words anywhere, where they are too long."""
    parts = [word[at : at + max_characters] for word in words.split() for at in range(0, len(word), max_characters)]
    lines = _lines(parts, max_characters)
    least = range(-(-len(words) // len(lines)), max_characters)
    limit = bisect_left(least, True, key=lambda limit: len(_lines(parts, limit)) <= len(lines))
    return _lines(parts, least[limit] if limit < len(least) else max_characters)


def _lines(parts: list[str], limit: int) -> list[str]:
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1]) + 1 + len(part) > limit:
            lines.append("")
        lines[-1] = f"{lines[-1]} {part}".strip()
    return lines
