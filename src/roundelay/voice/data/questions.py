"""Spoken questions with their exact calls, and lines of the assistant's answers (ours).

Phrasings marked `dev` and `test` in the grammar never occur in `train`. Every text is lower-case a-z, apostrophe and single
spaces, numbers spelled out, as in text.py; training texts and answer lines also keep to its split by checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.data.text import split_of
from roundelay.voice.lm import numbers
from roundelay.voice.lm.domain import spoken
from roundelay.voice.lm.domain.fabric import FabricFacts
from roundelay.voice.lm.domain.phrasings import QUESTION_WORDS, SLOT, SPLITS, Ask, asks, carriers
from roundelay.voice.lm.domain.slots import OPEN, Form, forms
from roundelay.voice.lm.domain.tables import MONTH_DAYS, families, units
from roundelay.voice.lm.normalise import normalise
from roundelay.voice.lm.skills import Call, answer

BEFORE_SHARE, AFTER_SHARE = 0.25, 0.12  # of the questions begin with a carrier, or end with one
AND_SHARE, A_SHARE = 0.3, 0.25  # "two hundred and five", "a hundred"
HOLIDAY_SHARE = 0.4  # of the days that are asked about
EPOCH = datetime(2024, 1, 1)  # answers are drawn for times of ten years from here
YEARS = 10

Values = dict[str, Form]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """What is said, the call it means, and the phrasing behind it."""

    text: str
    call: Call
    phrasing: str


def draw(rng: np.random.Generator, split: str) -> Question:
    """A random question of "train", "dev" or "test". Raises `BadInput` for another split."""
    if split not in SPLITS:
        raise BadInput("split", split, f"is not known; choose from {', '.join(SPLITS)}")
    while True:
        pool, weights = _pool(split)
        ask = pool[int(np.searchsorted(weights, rng.random(), side="right"))]
        question = _question(ask, rng, split, _values(ask, rng))
        if question and (split != "train" or split_of(question.text) == "train"):
            return question


def tour(rng: np.random.Generator, split: str = "train") -> Iterator[Question]:
    """One question for every filling of every closed slot: all countries, facts, units and topics, in order."""
    for ask in asks():
        closed = [name for name, kind in ask.kinds.items() if kind not in OPEN]
        if not ask.phrasings[split]:
            continue
        fillings: list[Values] = [{}]
        if "head" in ask.kinds:
            fillings = [_pair(key, ask, rng) for key in families()[ask.kinds["head"].partition(".")[0]].entries]
        elif closed:
            fillings = [{closed[0]: form} for form in forms(ask.kinds[closed[0]])]
        for filling in fillings:
            values = _values(ask, rng)
            while "unit" in ask.kinds and not _same_kind(values["amount"], filling["unit"]):
                values = _values(ask, rng)
            question = _question(ask, rng, split, values | filling)
            if question:
                yield question


def draw_answer_line(rng: np.random.Generator, split: str) -> str:
    """A sentence that the assistant says, in words; its split is that of its text's checksum."""
    while True:
        call = draw(rng, str(rng.choice(SPLITS))).call
        text = normalise(answer(call, random_time(rng), random_fabric(rng)))
        if split_of(text) == split:
            return text


def random_time(rng: np.random.Generator) -> datetime:
    """A minute of the ten years from 2024."""
    return EPOCH + timedelta(minutes=int(rng.integers(YEARS * 365 * 24 * 60)))


def random_fabric(rng: np.random.Generator) -> FabricFacts:
    """A fabric of 16 to 4,096 nodes in some state, one in twenty not connected."""
    if rng.random() < 0.05:
        return FabricFacts()
    nodes = int(16 * rng.integers(1, 257))
    down = tuple(sorted({int(node) for node in rng.integers(nodes, size=int(rng.choice([0, 1, 2, 3, 5, 9])))}))
    size = int(rng.choice([8, 16, 32, 64]))
    groups = int(rng.integers(0, max(1, 4 * (nodes - len(down)) // size) + 1))
    return FabricFacts(
        nodes, 4, down, groups, size, int(rng.integers(0, 9)), int(rng.integers(0, 12)), float(rng.integers(0, 150)) / 1000,
        int(rng.integers(1, 4)), bool(rng.integers(2)),
    )  # fmt: skip


@cache
def _pool(split: str) -> tuple[tuple[Ask, ...], np.ndarray]:
    pool = tuple(ask for ask in asks() if ask.phrasings[split])
    weights = np.cumsum([ask.weight for ask in pool])
    return pool, weights / weights[-1]


def _question(ask: Ask, rng: np.random.Generator, split: str, values: Values) -> Question | None:
    """The question, or None where these values make no call (no one currency is known of Belarus)."""
    phrasing = _one(rng, ask.phrasings[split])
    try:
        call = Call.parse(ask.filled({name: form.call for name, form in values.items()}))
    except BadInput:
        return None
    text = SLOT.sub(lambda found: values[found[1]].said, phrasing)
    if call.skill != "talk":
        around = carriers(split)
        before = around.before + (around.leads if text.split()[0] in QUESTION_WORDS else ())
        text = f"{_one(rng, before)} {text}" if rng.random() < BEFORE_SHARE else text
        text = f"{text} {_one(rng, around.after)}" if rng.random() < AFTER_SHARE else text
    return Question(text, call, phrasing)


def _values(ask: Ask, rng: np.random.Generator) -> Values:
    if "head" in ask.kinds:
        return _pair(_one(rng, tuple(families()[ask.kinds["head"].partition(".")[0]].entries)), ask, rng)
    if "unit" in ask.kinds:
        return _conversion(rng)
    return {name: _DRAW[kind](rng) if kind in OPEN else _one(rng, forms(kind)) for name, kind in ask.kinds.items()}


def _pair(key: str, ask: Ask, rng: np.random.Generator) -> Values:
    """Head and tail of an entry of two words."""
    words = dict(zip(("head", "tail"), key.split(" ", 1), strict=True))
    return {
        name: _one(rng, tuple(form for form in forms(ask.kinds[name]) if form.call == word))
        for name, word in words.items()
    }


def _one(rng: np.random.Generator, items: tuple[T, ...]) -> T:
    return items[int(rng.integers(len(items)))]


def _same_kind(amount: Form, unit: Form) -> bool:
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
    """A number of a call as people say it: sometimes "a hundred", sometimes "and" after the hundred."""
    words = spoken.said(number).split()
    if words[:2] == ["one", "hundred"] and rng.random() < A_SHARE:
        words[0] = "a"
    if "hundred" in words[:-1] and "point" not in words and rng.random() < AND_SHARE:
        at = len(words) - words[::-1].index("hundred")
        if at < len(words) and words[at] not in spoken.SCALES:
            words.insert(at, "and")
    return " ".join(words)


def _numeral(low: int, high: int) -> Callable[[np.random.Generator], Form]:
    def one(rng: np.random.Generator) -> Form:
        number = str(rng.integers(low, high + 1))
        return Form(number, say_number(number, rng))

    return one


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
        return Form(f"{number} {unit}", f"{whole} and a half {_one(rng, row.said)}")
    return _with_unit(number, unit, row.one, _one(rng, row.said), rng)


@cache
def _by_kind() -> Mapping[str, tuple[str, ...]]:
    kinds: dict[str, tuple[str, ...]] = {}
    for name, unit in units().items():
        kinds[unit.kind] = (*kinds.get(unit.kind, ()), name)
    return kinds


def _conversion(rng: np.random.Generator) -> Values:
    names = _one(rng, tuple(_by_kind().values()))
    here, there = (names[int(i)] for i in rng.choice(len(names), 2, replace=False))
    return {"amount": _amount(rng, here), "unit": Form(there, _one(rng, units()[there].said))}


def _span(rng: np.random.Generator) -> Form:
    unit = _one(rng, ("minute", "minute", "hour"))
    return _with_unit(str(rng.integers(1, 25 if unit == "hour" else 91)), unit, unit, f"{unit}s", rng)


def _shift(rng: np.random.Generator) -> Form:
    unit = _one(rng, ("day", "day", "week"))
    step = _with_unit(str(rng.integers(1, 101 if unit == "day" else 13)), unit, unit, f"{unit}s", rng)
    way, said = _one(rng, (("in", "in {}"), ("in", "{} from now"), ("ago", "{} ago")))
    return Form(f"{way} {step.call}", said.format(step.said))


def _day(rng: np.random.Generator) -> Form:
    if rng.random() < HOLIDAY_SHARE:
        return _one(rng, forms("holiday"))
    month = _one(rng, tuple(MONTH_DAYS))
    day = str(rng.integers(1, MONTH_DAYS[month] + 1))
    nth = numbers.ordinal(day)
    return Form(f"{month} {day}", _one(rng, (f"{month} {nth}", f"{month} {nth}", f"the {nth} of {month}", f"{month} the {nth}")))


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
