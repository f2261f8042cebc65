"""Rules for dates, weekdays, months, years and times of day, and ranges of them (ours)."""

from __future__ import annotations

import re

from roundelay.voice.text import numbers, readings
from roundelay.voice.text.place import Place, Say

WEEKDAYS = numbers.words("monday tuesday wednesday thursday friday saturday sunday")
_DECADES = re.compile(
    r"\b(?:the|early|mid|late|my|your|his|her|its|our|their)[\s-]+$", re.IGNORECASE
)  # before a decade
_SHORT_MONTH = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
_MONTH = rf"({_SHORT_MONTH}|" + "|".join(m.title() for m in readings.MONTHS) + r")"
_SHORT_DAY = "Mon|Tues|Tue|Weds|Wed|Thurs|Thur|Thu|Fri|Sat|Sun"
_DAY = rf"(?:{_SHORT_DAY}|" + "|".join(day.title() for day in WEEKDAYS) + r")"
_DAY_BEFORE = re.compile(rf"\b{_DAY}\.?,?\s+$")
_HALF = r"([ap]\.m\.|[ap]m\b|[AP]\.M\.|[AP]M\b)"
_CERTAIN = frozenset(numbers.words("Tue Tues Weds Thu Thur Thurs Fri Sept"))  # no words or names of their own
_BEFORE_DAY = re.compile(r"\b(?:on|every|by|until|till|next|last|this|each|and|or|from|to|per)\s+$", re.IGNORECASE)
_BEFORE_MONTH = re.compile(
    r"\b(?:in|since|until|till|by|from|of|next|last|early|mid|late|and|to)[\s-]+$", re.IGNORECASE
)
_AFTER_DAY = re.compile(r"\.?,?\s+(?:\d|the\s\d|at\s\d|night|morning|evening|afternoon|" + _SHORT_MONTH + ")")
_BEFORE_YEAR = re.compile(
    r"\b(?:in|since|until|before|after|by|from|year|circa|"
    r"(?:year|battle|conquest|invasion|spring|summer|autumn|fall|winter) of)\s+$",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s(?:[a-z]{2,}s|people|men|women|children)\b")
_AFTER_YEAR = re.compile(r"\s(?:was|saw|began|ended|brought|marked|is|BC|BCE|AD|CE)\b")


def calendar() -> list[tuple[str, Say]]:
    """The rules as pairs of a pattern and the spoken form of its matches."""
    return [*_dates(), *_names(), *_years(), *_times()]


def month(name: str) -> int:
    """The number of a month, 1 to 12, from its name or a beginning of three letters."""
    return next(i for i, full in enumerate(readings.MONTHS, 1) if full.startswith(name.lower()[:3]))


def weekday(name: str) -> str:
    """The whole name of a weekday from a beginning of three letters."""
    return next(full for full in WEEKDAYS if full.startswith(name.lower()[:3]))


def _dates() -> list[tuple[str, Say]]:
    def monthly(place: Place) -> str | None:
        first = readings.date(place[2], month(place[1]))
        until = f" to {numbers.ordinal(place[3])}" if place[3] else ""
        return first and first + until + (f" {readings.number(place[4])}" if place[4] else "")

    def day_first(place: Place) -> str | None:
        said = readings.date(place[1], month(place[2]), place[3], day_first=True)
        return f"the {said}" if said and _DAY_BEFORE.search(place.before) else said

    def slashed(place: Place) -> str | None:
        first, second = int(place[1]), int(place[2])
        day, when = (place[1], second) if first > 12 else (place[2], first)  # American order where possible
        return readings.date(day, when, place[3])

    def stamp(place: Place) -> str | None:
        day = readings.date(place[3], int(place[2]), place[1])
        time = readings.clock(place[4], place[5], "", "") if place[4] else ""
        return None if day is None or time is None else f"{day} {time}"

    return [
        (r"(?<![\w-])(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:T(\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?Z?)?(?![\w-])", stamp),
        (r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\w/])", slashed),
        (r"(?<![\w.])(\d{1,2})\.(\d{1,2})\.((?:19|20)\d\d)(?![\w.]\w|\w)", slashed),
        (
            r"(?<![\w/.,])(1[0-2]|0?[1-9])/((?:19|20)\d\d)(?![\w/])",
            lambda p: f"{readings.MONTHS[int(p[1]) - 1]} {readings.number(p[2])}",
        ),
        (
            rf"(?<![\w-])(\d{{1,2}})-{_MONTH}-(\d{{4}}|\d\d)(?![\w-])",
            lambda p: readings.date(p[1], month(p[2]), p[3], day_first=True),
        ),
        (
            rf"(?<!\w){_MONTH}\.?,?\s+(\d{{4}})(?![\w,])",
            lambda p: f"{readings.MONTHS[month(p[1]) - 1]} {readings.number(p[2])}",
        ),
        (
            rf"(?<!\w){_MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?(?![\w:.]\d|\w)(?:\s?-\s?(\d{{1,2}})(?:st|nd|rd|th)?(?!\w))?"
            r"(?:,?\s+(\d{4})(?!\w))?",
            monthly,
        ),
        (
            rf"(?<![\w.,])(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?!\w)\.?(?:,?\s+(\d{{4}})(?!\w))?",
            day_first,
        ),
    ]


def _names() -> list[tuple[str, Say]]:
    """Weekdays and months that are shortened, and ranges of them."""

    def days(place: Place) -> str:
        return f"{weekday(place[1])} to {weekday(place[2])}"

    def months(place: Place) -> str:
        return f"{readings.MONTHS[month(place[1]) - 1]} to {readings.MONTHS[month(place[2]) - 1]}"

    def day(place: Place) -> str | None:
        if place[2]:
            return None if re.search(r"\b[Tt]he\s$", place.before) else weekday(place[1])
        sure = place[1] in _CERTAIN or _BEFORE_DAY.search(place.before) or _AFTER_DAY.match(place.ahead)
        return weekday(place[1]) if sure and not re.search(r"\b[Tt]he\s$", place.before) else None

    def short_month(place: Place) -> str | None:
        sure = place[2] or place[1] in _CERTAIN or _BEFORE_MONTH.search(place.before)
        return readings.MONTHS[month(place[1]) - 1] if sure else None

    return [
        (rf"(?<!\w)({_DAY})\.?\s?-\s?({_DAY})(?!\w)\.?", days),
        (rf"(?<!\w){_MONTH}\.?\s?-\s?{_MONTH}(?!\w)\.?", months),
        (rf"(?<!\w)({_SHORT_DAY})(?!\w)(\.?)", day),
        (rf"(?<!\w)({_SHORT_MONTH})(?!\w)(\.?)", short_month),
    ]


def _years() -> list[tuple[str, Say]]:
    def decade(place: Place) -> str | None:
        digits = place[2]
        if len(digits) == 2 and not place[1] and not _DECADES.search(place.before):
            return None
        return numbers.plural(numbers.year(digits) if len(digits) == 4 else numbers.cardinal(digits))

    def early(place: Place) -> str | None:
        """10xx is a year only where the words around it say so."""
        alone = not place.before.strip() and place.ahead.strip() in ("", ".")
        named = bool(_BEFORE_YEAR.search(place.before)) and not _COUNTED.match(place.ahead)
        return numbers.year(place[0]) if alone or named or _AFTER_YEAR.match(place.ahead) else None

    def span(place: Place) -> str:
        until = numbers.year(place[2]) if len(place[2]) == 4 else numbers.cardinal(place[2])
        return f"{numbers.year(place[1])} to {until}"

    return [
        (r"(?<!\w)(')?(\d{3}0|[2-9]0)'?s(?!\w)", decade),
        (r"(?<![\w.,:/$-])10[1-9]\d(?![\w%°]|[.,:/-]\d)", early),
        (r"(?<![\w.,:/-])(1[1-9]\d\d|20\d\d|10\d\d(?=-1))-([1-9]\d|1\d{3}|20\d\d)(?![\w-])", span),
        (r"(?<!\w)(?:c|ca)\.\s?(?=\d{3,4}(?!\d))", lambda p: "circa"),
    ]


def _times() -> list[tuple[str, Say]]:
    return [
        (
            rf"(?<![\w:.,])(\d{{1,2}}):(\d\d)(?::(\d\d))?(?![\d:])(?:\s?{_HALF})?",
            lambda p: readings.clock(p[1], p[2], p[3], p[4]),
        ),
        (rf"(?<![\w:.,])(\d{{1,2}})\s?{_HALF}", lambda p: readings.clock(p[1], "", "", p[2])),
    ]
