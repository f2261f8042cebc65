"""What Kokoro says in one run: a text's phrases in pieces, the first one short so that it is heard early (ours).

A piece is made while the one before it is played. At 0.5 of real time on one core a piece may be longer than the one
before by a half without a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.voice.text.phrases import PARAGRAPH, Phrase

FIRST, GROWTH, MAX_CHARACTERS = 40, 1.5, 200  # characters of the first piece, growth from one to the next, the most
MIN_SENTENCE = 0.4  # of the most characters: from here on a piece ends where a sentence does

# Silence behind a piece, in seconds; inside a piece the model makes its own, which these follow (docs/log.md)
PAUSES_S = {"": 0.03, ",": 0.18, ";": 0.3, ":": 0.3, ".": 0.42, "!": 0.42, "?": 0.42, PARAGRAPH: 0.7}


@dataclass(frozen=True, slots=True)
class Piece:
    """Phrases said in one run; a pause of `pause_s` seconds follows, at the voice's own speed."""

    phrases: tuple[Phrase, ...]

    @property
    def pause_s(self) -> float:
        """The silence behind it."""
        return PAUSES_S[self.phrases[-1].mark]


def pieces(phrases: Sequence[Phrase]) -> list[Piece]:
    """All phrases in order, in pieces of at most 200 characters; a longer phrase is cut between words."""
    rest = [part for phrase in phrases for part in _cut(phrase)]
    found: list[Piece] = []
    limit = float(FIRST)
    while rest:
        count = _count(rest, limit)
        found.append(Piece(tuple(rest[:count])))
        limit = min(MAX_CHARACTERS, max(limit, _size(rest[:count])) * GROWTH)
        rest = rest[count:]
    return found


def _count(rest: list[Phrase], limit: float) -> int:
    """How many phrases the next piece takes: those that fit, cut at the best mark among them."""
    fit = 1
    while fit < len(rest) and _size(rest[: fit + 1]) <= limit:
        fit += 1
    if fit == len(rest):
        return fit
    ends = range(fit, 0, -1)
    sentence = next((k for k in ends if rest[k - 1].ends_sentence), 0)
    if sentence and _size(rest[:sentence]) >= MIN_SENTENCE * limit:
        return sentence
    return next((k for k in ends if rest[k - 1].mark), fit)


def _size(phrases: Sequence[Phrase]) -> int:
    return sum(len(phrase.text) + 2 for phrase in phrases)


def _cut(phrase: Phrase) -> list[Phrase]:
    """The phrase, cut between words, and words anywhere, where it is longer than a piece may be."""
    lines: list[str] = []
    for word in phrase.text.split():
        for part in (word[at : at + MAX_CHARACTERS] for at in range(0, len(word), MAX_CHARACTERS)):
            if lines and len(lines[-1]) + 1 + len(part) <= MAX_CHARACTERS:
                lines[-1] += " " + part
            else:
                lines.append(part)
    return [Phrase(line) for line in lines[:-1]] + [Phrase(lines[-1], phrase.mark)]
