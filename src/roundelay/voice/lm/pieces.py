"""A long text in pieces that are said one after another: at sentences, else at commas, else at words (ours)."""

from __future__ import annotations

import re

LONGEST = 90  # characters of a piece before it is normalised: about six seconds
FIRST = 45  # of the first, so that sound begins soon
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
_CLAUSE = re.compile(r"(?<=,)\s+|\s+(?=(?:and|but|or|which|that|because|when|while|where|if)\b)")


def pieces(text: str, longest: int = LONGEST) -> list[str]:
    """The pieces of a text, in order; joined by spaces they hold the same words."""
    found: list[str] = []
    for sentence in _SENTENCE.split(text.strip()):
        if sentence.strip():
            found += _packed(_CLAUSE.split(sentence.strip()), longest)
    return found


def _packed(clauses: list[str], longest: int) -> list[str]:
    """Clauses joined while they fit; one that is too long is cut at words."""
    lines: list[str] = []
    for clause in clauses:
        if lines and len(lines[-1]) + 1 + len(clause) <= longest:
            lines[-1] += " " + clause
        elif len(clause) <= longest:
            lines.append(clause)
        else:
            lines += _packed(_words(clause, longest), longest)
    return lines


def _words(clause: str, longest: int) -> list[str]:
    words = [word[at : at + longest] for word in clause.split() for at in range(0, len(word), longest)]
    return words or [clause]
