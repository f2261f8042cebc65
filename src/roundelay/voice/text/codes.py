"""Rules for what names a thing rather than counts it: flights, rooms, serial numbers, formulas, scores (ours).

Three and four digits of such a name are read in pairs ("seven forty seven"), longer ones one by one.
"""

from __future__ import annotations

import re

from roundelay.voice.text import numbers
from roundelay.voice.text.place import Place, Say
from roundelay.voice.text.readings import tables

_ONE_BY_ONE = re.compile(
    r"\b(?:serial|account|acct|card|reference|ref|tracking|passport|policy|member|membership|pin|code|IMEI|VIN|barcode|"
    r"invoice|licen[cs]e|badge|confirmation|booking|phone|fax|tel|telephone|mobile)"
    r"(?:\s(?:no\.?|number|num|code|id))?[\s:.#]*(?:is\s)?$",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"\b(?:call|calls|called|calling|dial|dialed|dialled|ring|phone|text)\s(?:\d{3}\s(?:or|and|then)\s)?$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s(?!(?:or|and|if|for|now|in|at|on|to|when|right|immediately|then|before)\b)[a-z]")
_ZIP = re.compile(r"\b(?:[A-Z]{2},?|ZIP(?: code)?:?|zip(?: code)?:?)\s$")


def codes() -> list[tuple[str, Say]]:
    """The rules as pairs of a pattern and the spoken form of its matches."""
    return [*_long_numbers(), *_mixed(), *_named()]


def code(text: str) -> str:
    """Letters and digits of a code: capitals are spelled unless known as a word, digits read by `pairs`."""
    parts = re.findall(r"[A-Z]+|[a-z]+|\d+", text)
    return " ".join(numbers.pairs(part) if part.isdigit() else _letters(part) for part in parts)


def _letters(text: str) -> str:
    if text.isupper():
        return text.lower() if text in tables().spoken and len(text) > 3 else " ".join(text.lower())
    return text if len(text) > 2 and re.search("[aeiouy]", text) else " ".join(text)


def _long_numbers() -> list[tuple[str, Say]]:
    """Numbers that are read digit by digit."""

    def digits(place: Place) -> str | None:
        return numbers.spell_digits(place[0]) if _ONE_BY_ONE.search(place.before) else None

    def zip_code(place: Place) -> str | None:
        if not _ZIP.search(place.before):
            return None
        return numbers.spell_digits(place[0].replace("-", ""))

    def called(place: Place) -> str | None:
        wanted = _CALLED.search(place.before) and not _COUNTED.match(place.ahead)
        return numbers.spell_digits(place[0]) if wanted else None

    return [
        (
            r"(?<!\w)(ISBN|ISSN)(?:-1[03])?:?\s?(\d[\d-]{6,16}[\dX])(?!\w)",
            lambda p: f"{' '.join(p[1].lower())} {_one_by_one(p[2])}",
        ),
        (r"(?<![\w.,])\d{3,5}(?:[ -]\d{2,4}){2,3}(?![\w-])", _grouped),
        (r"(?<!\w)0x[\dA-Fa-f]{1,16}(?!\w)", lambda p: code(" ".join(p[0].upper()))),
        (r"(?<![\w.,])\d{5}(?:-\d{4})?(?![\w.,]\d|\w)", zip_code),
        (r"(?<![\w.,:$])\d{3}(?![\w,.:%-])(?!\.\d)", called),
        (r"(?<![\w.,$])\d{4,}(?![\d,.]\d|[:%\d])", digits),
    ]


def _one_by_one(text: str) -> str:
    return " ".join(c.lower() if c == "X" else numbers.spell_digits(c) for c in text if c != "-")


def _grouped(place: Place) -> str | None:
    """A telephone number in groups of digits; one that begins with 0, or follows a word that announces it."""
    if place[0][0] != "0" and not (_ONE_BY_ONE.search(place.before) or _CALLED.search(place.before)):
        return None
    return numbers.spell_digits(re.sub(r"\D", "", place[0]))


def _mixed() -> list[tuple[str, Say]]:
    """Capitals and digits in one word: flights, plates, postcodes, models, formulas."""

    def mixed(place: Place) -> str | None:
        text = place[0]
        return code(text) if re.search(r"[A-Z]\d", text) else None  # 100V is an amount

    def formula(place: Place) -> str | None:
        symbols = re.findall(r"[A-Z][a-z]?", place[0])
        if place.all_capitals or not all(symbol in tables().elements for symbol in symbols):
            return None
        parts = re.findall(r"[A-Za-z]|\d+", place[0])
        return " ".join(numbers.cardinal(part) if part.isdigit() else part.lower() for part in parts)

    return [
        (r"(?<![\w.])(?:[A-Z][a-z]?\d{0,3}){2,8}(?![\w'])", lambda p: formula(p) if _looks_chemical(p[0]) else None),
        (r"(?<![\w.$])(?:[A-Z]{1,4}\d{3,}[A-Z]?|[A-Z\d]{2,12}\d[A-Z\d]{1,12}|\d[A-Z]{2,5}\d+)(?![\w'.])", mixed),
    ]


def _looks_chemical(text: str) -> bool:
    """Two elements or more, with a digit or a symbol of two letters; PCs is a plural, BA249 a flight."""
    several = re.search(r"[A-Z][a-z]?\d{0,3}[A-Z]", text) and re.search(r"[a-z]|\d", text)
    return bool(several) and not re.fullmatch(r"[A-Z]+s|[A-Z]+\d{2,}", text)


def _named() -> list[tuple[str, Say]]:
    """Numbers after the kind of thing they name, and scores."""

    def after_kind(place: Place) -> str | None:
        named = place.word_before in tables().numbered or re.search(r"(?<![A-Za-z])[A-Z]{2,4}\s$", place.before)
        if not named or re.match(r"\s(?:people|users|times|years|days|percent)\b", place.ahead):
            return None
        return numbers.pairs(place[0])

    return [(r"(?<![\w.,$/-])[1-9]\d{2,3}(?![\w%°]|[.,:/-]\d|\s?(?:BC|AD|CE)\b)", after_kind)]
