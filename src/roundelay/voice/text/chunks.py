"""Splits a long text into chunks for synthesis: at sentences, else at commas, else at words (ours).

The cuts fall between the normaliser's readings, so that the chunks hold exactly its words; a chunk's length is that of
its spoken words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

from roundelay.voice.text.normalise import Reading, readings
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


def chunks(text: str, max_characters: int = MAX_CHUNK_CHARACTERS) -> list[str]:
    """The chunks of a text's spoken words, in order. Joined by spaces they are the result of `normalise`, except that a
    word longer than `longest` is cut. Raises `BadInput` as `normalise` does.
    """
    found = readings(text)
    kinds = [Break.NONE, *map(break_between, found, found[1:])]
    sentences: list[list[list[str]]] = []  # of clauses, each of parts that are cut only if they must be
    for kind, reading in zip(kinds, found, strict=True):
        if not sentences or kind == Break.SENTENCE:
            sentences.append([])
        if not sentences[-1] or kind == Break.CLAUSE:
            sentences[-1].append([])
        if not sentences[-1][-1] or kind != Break.NONE:
            sentences[-1][-1].append(reading.words)
        else:
            sentences[-1][-1][-1] += " " + reading.words
    return [chunk for clauses in sentences for chunk in _pack(clauses, max_characters)]


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


def _pack(clauses: Iterable[list[str]], max_characters: int) -> list[str]:
    """Clauses joined while they fit. One that is too long is cut between its parts, these at words, words anywhere."""
    lines: list[str] = []
    for parts in clauses:
        clause = " ".join(parts)
        if lines and len(lines[-1]) + 1 + len(clause) <= max_characters:
            lines[-1] += " " + clause
        elif len(clause) <= max_characters:
            lines.append(clause)
        elif len(parts) > 1:
            lines += _pack([[part] for part in parts], max_characters)
        elif " " in clause:
            lines += _pack([[word] for word in clause.split()], _even_length(clause, max_characters))
        else:
            lines += [clause[at : at + max_characters] for at in range(0, len(clause), max_characters)]
    return lines


def _even_length(clause: str, max_characters: int) -> int:
    """The maximum length at which a clause is cut into chunks of similar length, none of only a word or two."""
    longest_word = max(map(len, clause.split()))
    return min(max_characters, len(clause) // -(-len(clause) // max_characters) + longest_word)
