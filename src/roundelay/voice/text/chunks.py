"""A long text in pieces that are said one after another: at sentences, else at commas, else at words (ours).

It is cut between what the normaliser has read, so that the pieces hold its words whatever the text is, and a piece is
as long as what is said of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

from roundelay.voice.text.normalise import Reading, readings
from roundelay.voice.text.numbers import words
from roundelay.voice.text.readings import tables

LONGEST = 90  # characters of a piece's words: about six seconds, as the model learnt
_SENTENCE = re.compile(r"""[.!?;:]["')\]]*(?:\s|$)|\n""")
_CLAUSE = re.compile(r""",["')\]]*(?:\s|$)""")
_JOINING = frozenset(words("and but or which that because when while where if"))
_INITIAL = re.compile(r"(?!I\b)[A-Z]")
_BEFORE_NUMBER = frozenset(words("number page"))


class Break(IntEnum):
    """What stands between two readings."""

    NONE, WORD, CLAUSE, SENTENCE = range(4)


def pieces(text: str, longest: int = LONGEST) -> list[str]:
    """The pieces of a text's spoken words, in order: joined by spaces they are what `normalise` gives, but that a word
    longer than `longest` is cut. Raises `BadInput` as `normalise` does.
    """
    found = readings(text)
    kinds = [Break.NONE, *map(_break, found, found[1:])]
    sentences: list[list[list[str]]] = []  # each of clauses, each of what is better not cut
    for kind, reading in zip(kinds, found, strict=True):
        if not sentences or kind == Break.SENTENCE:
            sentences.append([])
        if not sentences[-1] or kind == Break.CLAUSE:
            sentences[-1].append([])
        if not sentences[-1][-1] or kind != Break.NONE:
            sentences[-1][-1].append(reading.words)
        else:
            sentences[-1][-1][-1] += " " + reading.words
    return [piece for clauses in sentences for piece in _packed(clauses, longest)]


def _break(reading: Reading, following: Reading) -> Break:
    if _goes_on(reading):
        return Break.NONE
    if _SENTENCE.search(reading.after):
        return Break.SENTENCE
    if _CLAUSE.search(reading.after) or following.written in _JOINING:
        return Break.CLAUSE
    return Break.WORD if re.search(r"\s", reading.after) else Break.NONE


def _goes_on(reading: Reading) -> bool:
    """Whether what was read belongs to what follows: an abbreviation, an initial, "No." before its number."""
    dotted = reading.written.endswith(".") or reading.after.startswith(".")
    short = reading.written.rstrip(". ")
    known = short in tables().abbreviations or _INITIAL.fullmatch(short)
    return "\n" not in reading.after and (bool(dotted and known) or reading.words in _BEFORE_NUMBER)


def _packed(clauses: Iterable[list[str]], longest: int) -> list[str]:
    """Clauses joined while they fit; one that is too long is cut between its parts, these at words, words anywhere."""
    lines: list[str] = []
    for parts in clauses:
        clause = " ".join(parts)
        if lines and len(lines[-1]) + 1 + len(clause) <= longest:
            lines[-1] += " " + clause
        elif len(clause) <= longest:
            lines.append(clause)
        elif len(parts) > 1:
            lines += _packed([[part] for part in parts], longest)
        elif " " in clause:
            lines += _packed([[word] for word in clause.split()], _even(clause, longest))
        else:
            lines += [clause[at : at + longest] for at in range(0, len(clause), longest)]
    return lines


def _even(clause: str, longest: int) -> int:
    """How long the pieces of a clause may be so that none is left with a word or two."""
    longest_word = max(map(len, clause.split()))
    return min(longest, len(clause) // -(-len(clause) // longest) + longest_word)
