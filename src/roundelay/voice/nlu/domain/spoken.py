"""Spoken numbers as the numbers of a call: "two hundred and five" is 205 (ours)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from roundelay.voice.text.numbers import ONES, TENS, decimal

SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
SMALL = {word: number for number, word in enumerate(ONES)} | {"oh": 0}
ROUND = {word: 10 * number for number, word in enumerate(TENS) if number > 1}
WORDS = frozenset([*SMALL, *ROUND, *SCALES, "hundred", "point", "and", "a", "half", "minus"])
UNAMBIGUOUS = frozenset(SMALL.keys() | ROUND.keys() | SCALES.keys()) - {"oh"}  # words that always mean a number
HOMOPHONES = {"to": "two", "too": "two", "for": "four", "fore": "four", "won": "one", "ate": "eight"}
EXACT_ONLY = {"negative": "minus", "quarter": "quarter", "quarters": "quarters"}  # on an exact match only
NUMBER_RELATED = frozenset(  # other words about numbers; never errors for other words
    ("half", "halves", "quarter", "quarters", "third", "thirds", "fifth", "fifths", "sixth", "sixths", "eighth",
     "eighths", "tenth", "tenths", "hundredth", "dozen", "trillion", "quadrillion")
)  # fmt: skip
PARTS: dict[tuple[str, ...], str] = {
    ("a", "half"): ".5", ("one", "half"): ".5", ("a", "quarter"): ".25", ("one", "quarter"): ".25",
    ("three", "quarters"): ".75",
}  # fmt: skip
CENTURIES = range(11, 21)  # of a number in the form of a year: the normaliser reads 1936 as nineteen thirty six
MAX_NUMBER_WORDS = 20  # words of one number
MAX_DIGITS = 12  # of a whole number in a call
_DIGITS = re.compile(r"(?:0|[1-9]\d{0,11})(?:\.\d{1,6})?")


def number_of(words: Sequence[str]) -> str | None:
    """The number that `words` spell, as a call writes it ("3.5"), or None. Digits may stand for words."""
    words = list(words)
    if not words or len(words) > MAX_NUMBER_WORDS:
        return None
    if len(words) == 1 and _DIGITS.fullmatch(words[0]):
        return _plain(words[0])
    if words[-1] in SCALES and ("point" in words or "half" in words):
        part = _with_fraction(words[:-1])
        return None if part is None else _scale(part, SCALES[words[-1]])
    part = _with_fraction(words)
    if part is not None:
        return part
    whole = _whole(words)
    return _year_like(words) if whole is None else str(whole)


def _with_fraction(words: Sequence[str]) -> str | None:
    """A number with a point or a half: "two point five", "two and a half", "a half"."""
    words = list(words)
    if tuple(words[-2:]) in PARTS and (len(words) == 2 or (len(words) > 3 and words[-3] == "and")):
        whole = _whole(words[:-3]) if len(words) > 2 else 0
        return None if whole is None else f"{whole}{PARTS[tuple(words[-2:])]}"
    if "point" not in words:
        return None
    at = words.index("point")
    whole, rest = _whole(words[:at]), words[at + 1 :]
    if whole is None or not rest or any(SMALL.get(word, 10) > 9 for word in rest):
        return None
    return _plain(f"{whole}.{''.join(str(SMALL[word]) for word in rest)}")


def _scale(part: str, scale: int) -> str | None:
    number = _plain(f"{Decimal(part) * scale:f}")
    return number if len(number.partition(".")[0]) <= MAX_DIGITS else None


def _year_like(words: Sequence[str]) -> str | None:
    """A number in the form of a year: "nineteen thirty six", "twelve oh five"."""
    year = year_of(words) if 1 < len(words) < 5 and "hundred" not in words else None
    return year if year is not None and int(year) // 100 in CENTURIES else None


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(words: Sequence[str]) -> int | None:
    """The whole number, from the largest scale down; None where a word is out of place."""
    total, limit, at = 0, 10**MAX_DIGITS, 0
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
    found = _whole(words)
    whole = words[0] if len(words) == 1 and _DIGITS.fullmatch(words[0]) else str(found or "")
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


def spell_number(number: str) -> str:
    """A number of a call as plain words: "minus 3.5" is minus three point five."""
    sign = "minus " if number.startswith("minus ") else ""
    return sign + decimal(number.removeprefix("minus "))
