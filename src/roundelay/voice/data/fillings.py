"""Random fillings of the slots of a phrasing: numbers, dates, amounts, names, each with a spoken form (ours)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar

import numpy as np

from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.phrasings import Intent
from roundelay.voice.nlu.domain.slots import OPEN, Form, forms
from roundelay.voice.nlu.domain.tables import MONTH_DAYS, families, units
from roundelay.voice.text import numbers

AND_SHARE, A_SHARE = 0.3, 0.25  # "two hundred and five", "a hundred"
HOLIDAY_SHARE = 0.4  # of the days asked about

Values = dict[str, Form]
T = TypeVar("T")


def fill(intent: Intent, rng: np.random.Generator) -> Values:
    """Random fillings of an intent's slots, by name. They need not form a call: a country may have two currencies."""
    if "head" in intent.kinds:
        return pair(one(rng, pairs(intent)), intent, rng)
    if "unit" in intent.kinds:
        return _conversion(rng)
    return {name: _DRAW[kind](rng) if kind in OPEN else one(rng, forms(kind)) for name, kind in intent.kinds.items()}


def pairs(intent: Intent) -> tuple[str, ...]:
    """The entries of two parts that an intent can ask for: those with a spoken form for each of its slots."""
    known = [{form.call for form in forms(kind)} for kind in intent.kinds.values()]
    return tuple(
        key
        for key in families()[intent.kinds["head"].partition(".")[0]].entries
        if all(word in calls for word, calls in zip(key.split(" ", 1), known, strict=True))
    )


def pair(key: str, intent: Intent, rng: np.random.Generator) -> Values:
    """Both parts of an entry of two, "largest" and "planet", each in one of its spoken forms."""
    words = dict(zip(intent.kinds, key.split(" ", 1), strict=True))
    return {
        name: one(rng, tuple(form for form in forms(intent.kinds[name]) if form.call == word))
        for name, word in words.items()
    }


def one(rng: np.random.Generator, items: tuple[T, ...]) -> T:
    """One of `items` at random."""
    return items[int(rng.integers(len(items)))]


def same_kind(amount: Form, unit: Form) -> bool:
    """Whether an amount can be converted to another unit."""
    here = amount.call.rpartition(" ")[2]
    return here != unit.call and units()[here].kind == units()[unit.call].kind


def _number(rng: np.random.Generator) -> str:
    roll = rng.random()
    if roll < 0.3:
        return str(rng.integers(0, 21))
    if roll < 0.65:
        return str(rng.integers(10, 101))
    if roll < 0.82:
        return str(rng.integers(100, 1000))
    if roll < 0.92:
        return str(rng.integers(1, 10) * 10 ** rng.integers(1, 5))
    if roll < 0.96:
        return str(rng.integers(1000, 10_000))
    return f"{rng.integers(0, 100)}.{rng.integers(1, 10)}"


def say_number(number: str, rng: np.random.Generator) -> str:
    """A number of a call in a spoken form: sometimes "a hundred", sometimes "and" after the hundred."""
    words = spoken.spell_number(number).split()
    if words[:2] == ["one", "hundred"] and rng.random() < A_SHARE:
        words[0] = "a"
    if "hundred" in words[:-1] and "point" not in words and rng.random() < AND_SHARE:
        at = len(words) - words[::-1].index("hundred")
        if at < len(words) and words[at] not in spoken.SCALES:
            words.insert(at, "and")
    return " ".join(words)


def _numeral(low: int, high: int) -> Callable[[np.random.Generator], Form]:
    def draw(rng: np.random.Generator) -> Form:
        number = str(rng.integers(low, high + 1))
        return Form(number, say_number(number, rng))

    return draw


def _any_number(rng: np.random.Generator) -> Form:
    number = _number(rng)
    return Form(number, say_number(number, rng))


def _square(rng: np.random.Generator) -> Form:
    number = str(int(rng.integers(1, 21)) ** 2 if rng.random() < 0.7 else rng.integers(2, 500))
    return Form(number, say_number(number, rng))


def _year(rng: np.random.Generator) -> Form:
    year = str(rng.integers(1800, 2101))
    return Form(year, numbers.year(year))


def _with_unit(number: str, unit: str, one: str, many: str, rng: np.random.Generator) -> Form:
    article = "an" if one in ("hour", "inch", "ounce") else "a"
    if number == "1":
        return Form(f"1 {unit}", f"{article if rng.random() < 0.5 else 'one'} {one}")
    return Form(f"{number} {unit}", f"{say_number(number, rng)} {many}")


def _amount(rng: np.random.Generator, unit: str) -> Form:
    row = units()[unit]
    roll = rng.random()
    number = "1" if roll < 0.2 else str(rng.integers(2, 21)) if roll < 0.5 else _number(rng)
    if row.kind == "temperature":
        number = f"minus {rng.integers(1, 41)}" if roll < 0.1 else str(rng.integers(0, 301))
    if number.endswith(".5") and rng.random() < 0.5:
        whole = say_number(number.removesuffix(".5"), rng)
        return Form(f"{number} {unit}", f"{whole} and a half {one(rng, row.spoken)}")
    return _with_unit(number, unit, row.one, one(rng, row.spoken), rng)


@cache
def _by_kind() -> Mapping[str, tuple[str, ...]]:
    kinds: dict[str, tuple[str, ...]] = {}
    for name, unit in units().items():
        kinds[unit.kind] = (*kinds.get(unit.kind, ()), name)
    return kinds


def _conversion(rng: np.random.Generator) -> Values:
    names = one(rng, tuple(_by_kind().values()))
    here, there = (names[int(i)] for i in rng.choice(len(names), 2, replace=False))
    return {"amount": _amount(rng, here), "unit": Form(there, one(rng, units()[there].spoken))}


def _span(rng: np.random.Generator) -> Form:
    unit = one(rng, ("minute", "minute", "hour"))
    return _with_unit(str(rng.integers(1, 25 if unit == "hour" else 91)), unit, unit, f"{unit}s", rng)


def _shift(rng: np.random.Generator) -> Form:
    unit = one(rng, ("day", "day", "week"))
    step = _with_unit(str(rng.integers(1, 101 if unit == "day" else 13)), unit, unit, f"{unit}s", rng)
    sign, template = one(rng, (("in", "in {}"), ("in", "{} from now"), ("ago", "{} ago")))
    return Form(f"{sign} {step.call}", template.format(step.spoken))


def _day(rng: np.random.Generator) -> Form:
    if rng.random() < HOLIDAY_SHARE:
        return one(rng, forms("holiday"))
    month = one(rng, tuple(MONTH_DAYS))
    day = str(rng.integers(1, MONTH_DAYS[month] + 1))
    nth = numbers.ordinal(day)
    return Form(
        f"{month} {day}", one(rng, (f"{month} {nth}", f"{month} {nth}", f"the {nth} of {month}", f"{month} the {nth}"))
    )


_DRAW: Mapping[str, Callable[[np.random.Generator], Form]] = {
    "a": _any_number,
    "b": _any_number,
    "s": _numeral(0, 30),
    "e": _numeral(2, 10),
    "q": _square,
    "p": _numeral(1, 100),
    "year": _year,
    "node": _numeral(0, 999),
    "span": _span,
    "shift": _shift,
    "day": _day,
}
