"""A text as phrases: words said in one breath, and the mark behind them (ours)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from roundelay.errors import BadInput
from roundelay.voice.text.chunks import Break, break_between
from roundelay.voice.text.normalise import MAX_CHARACTERS, readings

SENTENCE_MARKS, CLAUSE_MARKS = ".!?", ",;:"
PARAGRAPH = "\n"
_MARK = re.compile(r"[.!?;:,]")
_DASH = re.compile(r"\s-+\s|--|[()\[\]]")
_WRITTEN = re.compile(r"[^.!?;:,\n…。！？।—]+[.!?;:,…。！？।—]*|\n")
_OTHER_MARKS = str.maketrans("…。！？।—", "..!?.,")
_SPELLED_A = re.compile(r"\ba(?= [a-z]\b)|(?<=\b[a-z] )a\b")  # beside another letter alone


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words without punctuation, and the mark behind them: one of `. ! ? , ; :`, a newline, or "" where none stands."""

    text: str
    mark: str = ""

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence ends with it."""
        return bool(self.mark) and self.mark not in CLAUSE_MARKS


def phrases(text: str) -> list[Phrase]:
    """The phrases of an English text, in the normaliser's words; cut also before words that join clauses.

    A letter "a" that is spelled is written "eigh", so that it is not read as the article. Raises `BadInput` as
    `voice.text.normalise.readings` does.
    """
    found: list[Phrase] = []
    held: list[str] = []
    all_readings = readings(text)
    for reading, following in zip(all_readings, [*all_readings[1:], None], strict=True):
        held.append(_SPELLED_A.sub("eigh", reading.words))
        kind = Break.SENTENCE if following is None else break_between(reading, following)
        mark = _mark(reading.after, kind)
        if kind >= Break.CLAUSE or mark:
            found.append(Phrase(" ".join(held), mark))
            held = []
    return found


def written_phrases(text: str) -> list[Phrase]:
    """The phrases of a text of any language as it is written, for a phonemizer that reads numbers itself.

    Raises `BadInput` for 100,000 characters or more, and a text without a letter or a digit.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInput("text", f"of {len(text):,} characters", f"is over the limit of {MAX_CHARACTERS:,}")
    found: list[Phrase] = []
    for part in _WRITTEN.findall(text):
        words, mark = part.rstrip(" \t.!?;:,…。！？।—"), PARAGRAPH if part == "\n" else ""
        if marks := part[len(words) :].strip().translate(_OTHER_MARKS):
            mark = _strongest(marks)
        if any(c.isalnum() for c in words):
            found.append(Phrase(" ".join(words.split()), mark))
        elif found and mark:
            found[-1] = Phrase(found[-1].text, mark)
    if not found:
        raise BadInput("text", repr(text[:40]), "holds nothing to read aloud; give words or numbers")
    return found


def _mark(after: str, kind: Break) -> str:
    if kind == Break.SENTENCE and "\n" in after and not _MARK.search(after):
        return PARAGRAPH
    if kind == Break.SENTENCE:
        return _strongest(after) or "."
    if kind == Break.CLAUSE and _MARK.search(after):
        return ","
    return "," if _DASH.search(after) else ""


def _strongest(marks: str) -> str:
    """The mark of several that decides how a sentence is said; "" if there is none."""
    return next((mark for mark in "?!.;:," if mark in marks), "")
