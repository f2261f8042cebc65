"""Text normalisation: English text to spoken words in lower-case letters, apostrophes and single spaces (ours).

One pass from left to right: at every position the first rule that matches is applied. Rules look back by at most a few
characters, so that the time is linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from roundelay.errors import BadInput
from roundelay.voice.text.place import Place
from roundelay.voice.text.readings import tables
from roundelay.voice.text.rules import rules

MAX_CHARACTERS = 99_999  # characters of one text
LOOK_BEHIND = 32  # characters before a match that a rule may see


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of one rule: the spoken words, the written text, and the text from there to the next reading."""

    words: str
    written: str
    after: str


def normalise(text: str) -> str:
    """The spoken words of `text`; raises `BadInput` as `readings` does."""
    return " ".join(reading.words for reading in readings(text))


def readings(text: str) -> list[Reading]:
    """The spoken words of `text`, one reading for each date, amount, word and so on.

    Accents and emoji are dropped. Raises `BadInput` for 100,000 characters or more, a control character, a letter of
    another script than Latin, and a text without anything to read.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInput(
            "text", f"of {len(text):,} characters", f"is over the limit of {MAX_CHARACTERS:,}; give it in parts"
        )
    found = _read(_prepare(text))
    if not found:
        raise BadInput("text", repr(text[:40]), "holds nothing to read aloud; give words or numbers")
    return found


def _prepare(text: str) -> str:
    """`text` in ASCII letters and digits and the signs of the tables."""
    wrong = next((at for at, c in enumerate(text) if unicodedata.category(c) == "Cc" and c not in "\t\n\r\f\v"), None)
    if wrong is not None:
        raise BadInput("text", f"has U+{ord(text[wrong]):04X} at place {wrong}", "remove this control character")
    if text.isascii():
        return text.replace("`", "'")
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text.translate(tables().letters)))
    return "".join(c if c.isascii() else _plain(c) for c in text)


def _plain(c: str) -> str:
    kind = unicodedata.category(c)
    if c in tables().signs:
        return c
    if kind in ("Mn", "Me", "Cf"):
        return ""
    if kind == "Nd":
        return str(unicodedata.digit(c))
    if kind[0] in "LM":
        name = unicodedata.name(c, f"U+{ord(c):04X}").lower()
        raise BadInput("text", f"has {c} ({name})", "only English, in Latin letters, can be read")
    return " "


def _read(text: str) -> list[Reading]:
    ordered, scanner = rules()
    all_capitals = _all_capitals(text)
    found_at: list[tuple[str, int, int]] = []
    at = 0
    while (first := scanner.search(text, at)) is not None:
        start, at = first.start(), first.end()
        before = text[max(0, start - LOOK_BEHIND) : start]
        for rule in ordered[int((first.lastgroup or "r0")[1:]) :]:
            found = rule.pattern.match(text, start)
            words = rule.say(Place(found, before, all_capitals)) if found else None
            if found and words is not None:
                at = found.end()
                if words := " ".join(words.split()):
                    found_at.append((words, start, at))
                break
    nexts = [*(start for _, start, _ in found_at[1:]), len(text)]
    return [Reading(words, text[a:b], text[b:to]) for (words, a, b), to in zip(found_at, nexts, strict=False)]


def _all_capitals(text: str) -> bool:
    """Whether the whole text is in capitals: most words are, and at least one of those is no abbreviation."""
    words = re.findall(r"[A-Za-z]{2,}", text)
    loud = [word for word in words if word.isupper()]
    return len(words) > 3 and len(loud) > 0.8 * len(words) and any(word in tables().spoken for word in loud)
