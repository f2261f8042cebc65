"""Spoken numbers as the numbers of a call: "two hundred and five" is 205 (ours)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from roundelay.voice.lm.numbers import ONES, TENS, decimal

SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
SMALL = {word: number for number, word in enumerate(ONES)} | {"oh": 0}
ROUND = {word: 10 * number for number, word in enumerate(TENS) if number > 1}
WORDS = frozenset([*SMALL, *ROUND, *SCALES, "hundred", "point", "and", "a", "half", "minus"])
SOUNDS_LIKE = {"to": "two", "too": "two", "for": "four", "fore": "four", "won": "one", "ate": "eight"}
LONGEST = 10  # words of one number
LONGEST_DIGITS = 12  # of a whole number in a call
_DIGITS = re.compile(r"(?:0|[1-9]\d{0,11})(?:\.\d{1,6})?")


def number_of(words: Sequence[str]) -> str | None:
    """The number that `words` spell, as a call writes it ("3.5"), or None. Digits may stand for words."""
    words = list(words)
    if not words or len(words) > LONGEST:
        return None
    if len(words) == 1 and _DIGITS.fullmatch(words[0]):
        return _plain(words[0])
    if words[-3:] == ["and", "a", "half"] and len(words) > 3:
        whole = _whole(words[:-3])
        return None if whole is None else f"{whole}.5"
    if "point" in words:
        at = words.index("point")
        whole, rest = _whole(words[:at]), words[at + 1 :]
        if whole is None or not rest or any(SMALL.get(word, 10) > 9 for word in rest):
            return None
        return _plain(f"{whole}.{''.join(str(SMALL[word]) for word in rest)}")
    whole = _whole(words)
    return None if whole is None else str(whole)


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(words: Sequence[str]) -> int | None:
    """The whole number, from the largest scale down; None where a word is out of its place."""
    total, limit, at = 0, 10**LONGEST_DIGITS, 0
    while at < len(words):
        if words[at] == "and" and at and at + 1 < len(words):
            at += 1
        end = next((i for i in range(at, len(words)) if words[i] in SCALES), len(words))
        scale = SCALES[words[end]] if end < len(words) else 1
        part = _below_thousand(words[at:end])
        if part is None or scale >= limit or (part == 0 and len(words) > 1):
            return None
        total, limit, at = total + part * scale, scale, end + 1
    return total


def _below_thousand(words: Sequence[str]) -> int | None:
    words = list(words)
    if words == ["a"]:
        return 1
    total = 0
    if "hundred" in words:
        at = words.index("hundred")
        first = 1 if words[:at] == ["a"] else _below_hundred(words[:at])
        if not first or first > 99:
            return None
        total, words = 100 * first, words[at + 1 :]
        if words[:1] == ["and"] and len(words) > 1:
            words = words[1:]
        if not words:
            return total
    rest = _below_hundred(words)
    return None if rest is None or (total and not rest) else total + rest


def _below_hundred(words: Sequence[str]) -> int | None:
    if len(words) == 1:
        return ROUND.get(words[0], SMALL.get(words[0]))
    if len(words) == 2 and words[0] in ROUND and 0 < SMALL.get(words[1], 0) < 10:
        return ROUND[words[0]] + SMALL[words[1]]
    return None


def year_of(words: Sequence[str]) -> str | None:
    """The year of four digits that `words` spell: "nineteen oh five", "twenty twenty six", "two thousand six"."""
    whole = number_of(words)
    if whole and re.fullmatch(r"[1-9]\d{3}", whole):
        return whole
    for cut in (1, 2):
        century, rest = _below_hundred(words[:cut]), list(words[cut:])
        if rest[:1] == ["oh"] and len(rest) == 2:
            rest = rest[1:]
            small = SMALL.get(rest[0], 10)
            year = small if small < 10 else None
        else:
            year = _below_hundred(rest)
            year = year if year is not None and year > 9 else None
        if century and 10 <= century <= 99 and year is not None:
            return str(100 * century + year)
    return None


def said(number: str) -> str:
    """A number of a call as plain words: "minus 3.5" is minus three point five."""
    sign = "minus " if number.startswith("minus ") else ""
    return sign + decimal(number.removeprefix("minus "))
