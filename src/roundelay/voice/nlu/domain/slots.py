"""The slots of a phrasing: the fillings of each kind, as a call writes them and as they are spoken (ours).

Closed kinds are lists: country, city, unit, near, holiday, month, nth, term, the facts' `FAMILY.slot`, `.head`,
`.tail` and other parts of a question for one (`.did`, what follows "when did"), and of typed fractions part, parts.
Open kinds are composed: numbers a b (any), s q e p (of a power, a root, an exponent, percent), year, node; numbers with
a unit: amount, span (minutes, hours), shift (days, weeks from today); day (a holiday, or a month with a day).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from roundelay.voice.nlu.domain.tables import (
    HOLIDAYS,
    MONTH_DAYS,
    cities,
    countries,
    families,
    proper,
    terms,
    title,
    units,
)
from roundelay.voice.text.numbers import cardinal, ordinal

MAX_DENOMINATOR = 99  # the normaliser reads 1/99 as one ninety ninth
NUMBERS = frozenset("abseqp")
OPEN = NUMBERS | {"year", "node", "amount", "span", "shift", "day"}


@dataclass(frozen=True, slots=True)
class Form:
    """One filling of a slot: as a call writes it, and one spoken form."""

    call: str
    spoken: str


@cache
def forms(kind: str) -> tuple[Form, ...]:
    """All fillings of a closed kind."""
    family, _, part = kind.partition(".")
    if part:
        return _fact_forms(family, part)
    match kind:
        case "country":
            return tuple(Form(name, text) for name, country in countries().items() for text in country.spoken)
        case "city":
            return tuple(Form(name, name) for name in cities())
        case "unit":
            return tuple(Form(name, text) for name, unit in units().items() for text in unit.spoken)
        case "near":
            return tuple(Form(word, word) for word in ("today", "tomorrow", "yesterday"))
        case "holiday":
            return tuple(Form(name, text) for name, names in HOLIDAYS.items() for text in names[0].split("|"))
        case "month":
            return tuple(Form(month, month) for month in MONTH_DAYS)
        case "nth":
            return tuple(Form(str(day), read(str(day))) for day in range(1, 32) for read in (ordinal, cardinal))
        case "part" | "parts":  # of a fraction: a third, two thirds
            end = "s" if kind == "parts" else " of"
            names = {"4": "quarter"} | {str(n): ordinal(str(n)) for n in range(3, MAX_DENOMINATOR + 1) if n != 4}
            more = {"4": "fourth"} | ({"2": "halve"} if kind == "parts" else {})
            return tuple(Form(n, name + end) for table in (names, more) for n, name in table.items())
        case "term":
            return tuple(Form(name, text) for name, entry in terms().items() for text in entry.spoken)
    raise KeyError(kind)


def _fact_forms(family: str, part: str) -> tuple[Form, ...]:
    facts = families()[family]
    if part == "slot":
        return tuple(Form(key, text) for key, entry in facts.entries.items() for text in entry.spoken)
    table = {"head": facts.heads, "tail": facts.tails}.get(part) or facts.asked[part]
    return tuple(Form(key, text) for key, names in table.items() for text in names)


def spoken_form(kind: str, value: str) -> str:
    """A slot's value in a call as a question says it: "5 mile" is "5 miles", "in 3 day" "in 3 days"."""
    if kind == "day" and value not in HOLIDAYS:
        return value.capitalize()
    if kind == "country":
        return title(value)
    if kind not in OPEN or kind == "day":
        said = next(form.spoken for form in forms("holiday" if kind == "day" else kind) if form.call == value)
        names = proper() | cities().keys()
        return " ".join(word.capitalize() if word in names else word for word in said.split())
    words = value.split()
    if words[-1] not in units():
        return value
    unit = units()[words[-1]]
    amount = " ".join([*words[:-1], unit.one if words[-2] == "1" else unit.many])
    return f"{amount.removeprefix('ago ')} ago" if words[0] == "ago" else amount
