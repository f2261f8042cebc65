"""Answers about the clock and the calendar, from a `now` that is given (ours; the Gregorian calendar)."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from roundelay.voice.nlu.domain.tables import HOLIDAYS, MONTH_DAYS

BEYOND = "That is beyond my calendar."
_FIXED = {
    "christmas": (12, 25), "christmas eve": (12, 24), "new year": (1, 1), "new year eve": (12, 31),
    "valentine": (2, 14), "saint patrick": (3, 17), "independence day": (7, 4), "halloween": (10, 31),
}  # fmt: skip
_MONTHS = tuple(MONTH_DAYS)


def clock(now: datetime) -> str:
    """The time of day: "9:05 PM"."""
    return f"{now.hour % 12 or 12}:{now.minute:02} {'AM' if now.hour < 12 else 'PM'}"


def full(day: date) -> str:
    """A date with its weekday: "Friday, December 25, 2026"."""
    return f"{day:%A}, {day:%B} {day.day}, {day.year}"


def easter(year: int) -> date:
    """Easter Sunday of the western churches (the anonymous Gregorian algorithm, Meeus, Astronomical Algorithms 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    h = (19 * a + b - d - (b - f + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def thanksgiving(year: int) -> date:
    """The fourth Thursday of November (5 U.S.C. 6103)."""
    first = date(year, 11, 1)
    return first + timedelta(days=(calendar.THURSDAY - first.weekday()) % 7 + 21)


def day_of(words: str, year: int) -> date | None:
    """The date that `words` name in a year: "december 25" or a holiday; None for a February 29 that is not."""
    if words == "easter":
        return easter(year)
    if words == "thanksgiving":
        return thanksgiving(year)
    if words in _FIXED:
        month, day = _FIXED[words]
    else:
        name, _, number = words.partition(" ")
        month, day = _MONTHS.index(name) + 1, int(number)
    if day > calendar.monthrange(year, month)[1]:
        return None
    return date(year, month, day)


def following(words: str, today: date) -> date:
    """The next such day, today included."""
    for year in range(today.year, today.year + 9):  # eight years may lie between two leap years
        found = day_of(words, year)
        if found and found >= today:
            return found
    raise AssertionError(f"no {words} within nine years of {today}")


def name_of(words: str) -> str:
    """A day as it is written: "December 25", "Christmas"."""
    return HOLIDAYS[words][1] if words in HOLIDAYS else words.capitalize()


def near(words: Sequence[str], today: date) -> tuple[date, str]:
    """The date of "today", "tomorrow", "yesterday", "in 3 week" or "ago 10 day", and how a sentence on it begins."""
    if words[0] in ("today", "tomorrow", "yesterday"):
        shift = {"today": 0, "tomorrow": 1, "yesterday": -1}[words[0]]
        return today + timedelta(days=shift), f"{words[0].capitalize()} {'was' if shift < 0 else 'is'}"
    count, unit = int(words[1]), words[2]
    days = timedelta(days=count * (7 if unit == "week" else 1))
    amount = f"{count:,} {unit}{'' if count == 1 else 's'}"
    return (today + days, f"In {amount} it is") if words[0] == "in" else (today - days, f"{amount} ago it was")


def time_answer(slots: Sequence[str], now: datetime) -> str:
    """The answer of `time`, `time in 20 minute`, `time ago 2 hour`."""
    if not slots:
        return f"It is {clock(now)}."
    count, unit = int(slots[1]), slots[2]
    amount = f"{count:,} {unit}{'' if count == 1 else 's'}"
    step = timedelta(minutes=count * (60 if unit == "hour" else 1))
    if slots[0] == "in":
        return f"In {amount} it will be {clock(now + step)}."
    return f"{amount} ago it was {clock(now - step)}."


def weekday_answer(slots: Sequence[str], today: date) -> str:
    """The answer of `weekday`: of a day near today, or of one of this year."""
    if slots[0] in ("today", "tomorrow", "yesterday", "in", "ago"):
        day, start = near(slots, today)
        return f"{start} {day:%A}."
    words = " ".join(slots)
    found = day_of(words, today.year)
    if found is None:
        return f"There is no {name_of(words)} in {today.year}."
    return f"{name_of(words)} {'was' if found < today else 'is'} a {found:%A} in {today.year}."


def date_answer(slots: Sequence[str], today: date) -> str:
    """The answer of `date`."""
    day, start = near(slots, today)
    return f"{start} {full(day)}."


def when_answer(slots: Sequence[str], today: date) -> str:
    """The answer of `when`: the next such holiday."""
    words = " ".join(slots)
    return f"{name_of(words)} is on {full(following(words, today))}."


def until_answer(slots: Sequence[str], today: date) -> str:
    """The answer of `until`: the days that are left."""
    words = " ".join(slots)
    days = (following(words, today) - today).days
    if not days:
        return f"{name_of(words)} is today."
    return f"{name_of(words)} is in {days} day{'' if days == 1 else 's'}."


def leap_answer(slots: Sequence[str]) -> str:
    """The answer of `leap`."""
    return f"{slots[0]} is {'' if calendar.isleap(int(slots[0])) else 'not '}a leap year."
