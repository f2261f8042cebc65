"""Skills of the nano engine: a call in a small formal language, and the sentence that answers it (ours).

A call is one line of lower-case words and numbers with single spaces; its first word names the skill: `add 12 7`,
`capital south korea`, `convert 5 mile kilometer`, `weekday december 25`, `fabric waste`. All in docs/voice-domain.md.
Nothing here reads a clock, a user's file or the network: the same call, time and fabric give the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from roundelay.errors import BadInput
from roundelay.voice.nlu.domain import convert, dates
from roundelay.voice.nlu.domain.calculate import OPERATIONS
from roundelay.voice.nlu.domain.fabric import TOPICS, FabricFacts, fabric_answer
from roundelay.voice.nlu.domain.tables import (
    HOLIDAYS,
    MONTH_DAYS,
    Country,
    cities,
    countries,
    fact_calls,
    proper,
    talk,
    terms,
    title,
    units,
)

MAX_CALL_CHARACTERS = 120  # characters of a call
WHOLE = r"(?:0|[1-9]\d{0,11})"
NUMBER = rf"{WHOLE}(?:\.\d{{0,5}}[1-9])?"
SIGNED = rf"(?:minus )?{NUMBER}"
COUNT = r"[1-9]\d{0,3}"
_NEAR = rf"today|tomorrow|yesterday|(?:in|ago) {COUNT} (?:day|week)"


@dataclass(frozen=True, slots=True)
class Call:
    """A skill and its slots, the words after it. `parse` makes one and checks both."""

    skill: str
    slots: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Call:
        """The call that `text` spells in its canonical form: str(Call.parse(text)) == text.

        Raises `BadInput` for an unknown skill, or slots that are not the skill's.
        """
        skill, _, rest = text.partition(" ")
        if len(text) > MAX_CALL_CHARACTERS:
            raise BadInput("call", text, f"is over {MAX_CALL_CHARACTERS} characters")
        if skill not in grammar():
            raise BadInput("call", repr(text), f"names no skill; skills are {', '.join(grammar())}")
        if not grammar()[skill].fullmatch(rest) or text != text.rstrip():
            raise BadInput("call", repr(text), f"has slots that {skill} does not take; see docs/voice-domain.md")
        return cls(skill, tuple(rest.split()))

    def __str__(self) -> str:
        return " ".join((self.skill, *self.slots))


@cache
def grammar() -> Mapping[str, re.Pattern[str]]:
    """The pattern of the slots of each skill."""
    day = "|".join([*(f"{m} (?:{_days(last)})" for m, last in MONTH_DAYS.items()), *HOLIDAYS])
    kinds: dict[str, list[str]] = {}
    for name, unit in units().items():
        kinds.setdefault(unit.kind, []).append(name)
    conversions = [  # not to the same unit
        rf"{SIGNED if kind == 'temperature' else NUMBER} (?P<{kind}>{'|'.join(names)}) "
        rf"(?!(?P={kind})$)(?:{'|'.join(names)})"
        for kind, names in kinds.items()
    ]
    two = dict.fromkeys(("add", "subtract", "multiply", "divide", "average", "larger"), f"{SIGNED} {SIGNED}")
    one = dict.fromkeys(("square", "cube", "root", "cuberoot"), NUMBER) | dict.fromkeys(("half", "double"), SIGNED)
    whole = dict.fromkeys(("even", "prime"), WHOLE)
    known: dict[str, str] = {
        "time": rf"|(?:in|ago) {COUNT} (?:minute|hour)",
        "date": _NEAR,
        "weekday": f"{_NEAR}|{day}",
        "when": "|".join(HOLIDAYS),
        "until": day,
        "month": "",
        "year": "",
        "leap": r"[1-9]\d{3}",
        **two,
        "share": f"{NUMBER} {NUMBER}",
        "percent": f"{NUMBER} {NUMBER}",
        "remainder": f"{WHOLE} {WHOLE}",
        **one,
        "power": rf"{NUMBER} [1-9]?\d",
        **whole,
        "convert": "|".join(conversions),
        "capital": "|".join(countries()),
        "country": "|".join(cities()),
        **{skill: "|".join(name for name in countries() if known_of(skill, name)) for skill in _OF_COUNTRY},
        "fact": "|".join(re.escape(call.removeprefix("fact ")) for call in fact_calls()),
        "talk": "|".join(talk()),
        "fabric": "|".join([*TOPICS, r"node (?:0|[1-9]\d{0,5})", f"meaning (?:{'|'.join(terms())})"]),
    }
    return {skill: re.compile(pattern) for skill, pattern in known.items()}


def _days(last: int) -> str:
    return "|".join(str(day) for day in range(1, last + 1))


_OF_COUNTRY: Mapping[str, tuple[Callable[[Country], str], str]] = {
    "continent": (lambda country: country.continent, "{name} is in {value}."),
    "currency": (lambda country: country.currency, "The currency of {name} is {value}."),
    "language": (lambda country: country.language, "The language of {name} is {value}."),
}


def known_of(skill: str, country: str) -> str:
    """The answer of `skill` (continent, currency, language) for a country; empty where there is no single answer."""
    return _OF_COUNTRY[skill][0](countries()[country])


def answer(call: Call, now: datetime, fabric: FabricFacts) -> str:
    """The answer in one or two short English sentences; it may contain digits, which the normaliser expands."""
    sentence = _answer(call, now, fabric).replace("..", ".")  # Washington, D.C.
    return sentence[0].upper() + sentence[1:]


def _answer(call: Call, now: datetime, fabric: FabricFacts) -> str:
    slots, words = call.slots, " ".join(call.slots)
    match call.skill:
        case "convert":
            return convert.conversion(" ".join(slots[:-2]), slots[-2], slots[-1])
        case "capital":
            return f"The capital of {title(words)} is {countries()[words].capital}."
        case "country":
            return f"{words.title()} is the capital of {title(cities()[words])}."
        case "continent" | "currency" | "language":
            return _OF_COUNTRY[call.skill][1].format(name=title(words), value=known_of(call.skill, words))
        case "fact":
            return _fact(str(call))
        case "talk":
            answers = talk()[words]
            part = "morning" if now.hour < 12 else "afternoon" if now.hour < 18 else "evening"
            return answers[now.minute % len(answers)].format(part=part)
        case "fabric":
            return fabric_answer(slots, fabric)
    if call.skill in OPERATIONS:
        return OPERATIONS[call.skill](*re.findall(r"(?:minus )?[\d.]+", words))
    try:
        return _calendar(call, now)
    except OverflowError:
        return dates.BEYOND


def _calendar(call: Call, now: datetime) -> str:
    slots, today = call.slots, now.date()
    match call.skill:
        case "time":
            return dates.time_answer(slots, now)
        case "date":
            return dates.date_answer(slots, today)
        case "weekday":
            return dates.weekday_answer(slots, today)
        case "when":
            return dates.when_answer(slots, today)
        case "until":
            return dates.until_answer(slots, today)
        case "month":
            return f"It is {now:%B}."
        case "year":
            return f"It is {now.year}."
        case "leap":
            return dates.leap_answer(slots)
    raise BadInput("skill", call.skill, "is not known; make calls by Call.parse")


def _fact(call: str) -> str:
    family, key = fact_calls()[call]
    entry = family.entries[key]
    if entry.value.endswith("."):
        return entry.value
    if family.heads:
        head, _, tail = key.partition(" ")
        return family.answer.format(head=family.heads[head][0], tail=family.tails[tail][0], value=entry.value)
    subject = " ".join(word.capitalize() if word in proper() else word for word in entry.spoken[0].split())
    return family.answer.format(slot=subject, value=entry.value)
