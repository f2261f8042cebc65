"""What the nano model says in one run: the words between two marks, and the pause behind them (ours)."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.voice.text.chunks import MAX_CHUNK_CHARACTERS, cut
from roundelay.voice.text.phrases import PARAGRAPH, Phrase, phrases

PAUSES_S = {"": 0.0, ",": 0.2, ";": 0.3, ":": 0.3, ".": 0.45, "!": 0.45, "?": 0.45, PARAGRAPH: 0.7}
# One letter whose name is long, or is another word, holds the model up: it gets as many characters as it has sounds.
_LETTERS = {"w": "double you", "eigh": "ay"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Words said in one run of the language model; a pause of `pause_s` follows, 0 where the model makes its own."""

    words: tuple[str, ...]
    pause_s: float


def pieces(text: str, max_characters: int = MAX_CHUNK_CHARACTERS) -> list[Piece]:
    """The pieces of a text in order: they end at marks, and where they would be too long.

    Raises `BadInput` as `voice.text.normalise.readings` does.
    """
    found: list[Piece] = []
    for phrase in _joined(phrases(text), max_characters):
        words = " ".join(_LETTERS.get(word, word) for word in phrase.text.split())
        *lines, last = cut(words, max_characters)
        found += [Piece(tuple(line.split()), 0.0) for line in lines]
        found.append(Piece(tuple(last.split()), PAUSES_S[phrase.mark]))
    return found


def _joined(parts: list[Phrase], max_characters: int) -> list[Phrase]:
    """The phrases, those without a mark joined with the next one where both fit."""
    found: list[Phrase] = []
    for part in parts:
        if found and not found[-1].mark and len(found[-1].text) + 1 + len(part.text) <= max_characters:
            found[-1] = Phrase(f"{found[-1].text} {part.text}", part.mark)
        else:
            found.append(part)
    return found
