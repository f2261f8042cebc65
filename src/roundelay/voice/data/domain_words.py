"""The closed vocabularies of the domain, for a judging recogniser (ours)."""

from __future__ import annotations

import itertools
from datetime import datetime
from functools import cache

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.data.questions import tour
from roundelay.voice.nlu.domain.fabric import FabricFacts
from roundelay.voice.nlu.domain.phrasings import SLOT, SPLITS, carriers, intents
from roundelay.voice.nlu.domain.slots import OPEN, forms
from roundelay.voice.nlu.domain.tables import countries, fact_calls, units
from roundelay.voice.nlu.skills import Call, answer
from roundelay.voice.text import numbers
from roundelay.voice.text.normalise import normalise


@cache
def question_words() -> tuple[str, ...]:
    """The vocabulary of the questions, sorted: phrasings of all splits, slots, numbers, carriers."""
    found: set[str] = set(_NUMBER_WORDS)
    for split in SPLITS:
        around = carriers(split)
        for line in (*around.before, *around.leads, *around.after):
            found.update(line.split())
    for intent in intents():
        for line in itertools.chain.from_iterable(intent.phrasings.values()):
            found.update(word for word in line.split() if not word.startswith("{"))
            possessive = {SLOT.match(word)[1] for word in line.split() if word.endswith("}'s")}  # type: ignore[index]
            for name in possessive:
                found.update(f"{form.spoken.split()[-1]}'s" for form in forms(intent.kinds[name]))
        for kind in set(intent.kinds.values()) - OPEN:
            found.update(word for form in forms(kind) for word in form.spoken.split())
    for kind in ("holiday", "month"):
        found.update(word for form in forms(kind) for word in form.spoken.split())
    found.update(word for unit in units().values() for text in (unit.one, *unit.spoken) for word in text.split())
    return tuple(sorted(found))


@cache
def words() -> tuple[str, ...]:
    """The vocabulary of the domain, questions and answers, sorted."""
    found = {*question_words(), *_NUMBER_WORDS}
    rng = np.random.default_rng(0)
    calls = [*fact_calls(), *(str(question.call) for split in SPLITS for question in tour(rng, split))]
    calls += [f"{skill} {name}" for skill in ("capital", "continent", "currency", "language") for name in countries()]
    calls += _OTHER_CALLS
    for text in dict.fromkeys(calls):
        try:
            call = Call.parse(text)
        except BadInput:
            continue
        for now in _TIMES:
            found.update(word for fabric in _FABRICS for word in normalise(answer(call, now, fabric)).split())
    return tuple(sorted(found))


_NUMBER_WORDS = frozenset(
    word
    for text in (*map(str, range(100)), "100", "1000", "1000000", "1000000000", "1000000000000", "0.5")
    for word in (*numbers.decimal(text).split(), *(numbers.ordinal(text).split() if text.isdigit() else ()))
) | {"a", "and", "half", "minus", "oh"}
_STEPS = ("1 day", "2 week")
_OTHER_CALLS = (
    "divide 1 0", "divide 1 3", "remainder 1 0", "remainder 7 2", "power 30 40", "larger 1 1", "larger 1 2", "even 2",
    "even 3",
    "prime 1", "prime 7", "prime 9", "root 2", "half 1", "double 1", "square 2", "cube 2", "average 1 2", "percent 1 2",
    "subtract 1 2", "convert minus 300 celsius kelvin", "convert 1 millimeter mile", "leap 2000", "leap 2001",
    "until christmas", "until february 29", "weekday february 29", "fabric node 1", "fabric node 999999",
    *(f"{skill} {sign} {step}" for skill in ("date", "weekday") for sign in ("in", "ago") for step in _STEPS),
    "date in 9999 week",
    *(f"time {shift}" for shift in ("in 1 minute", "in 2 hour", "ago 2 minute", "ago 1 hour")),
)  # fmt: skip
_TIMES = tuple(datetime(2026, month, 24 + month % 3, 2 * month - 2, month - 1) for month in range(1, 13))
_FABRICS = (
    FabricFacts(),
    FabricFacts(64),
    FabricFacts(64, 4, (1,), 1, 1, 1, 1, 0.015, 1),
    FabricFacts(64, 4, tuple(range(9)), 2, 16, 2, 2, 0.1, 3, False),
)
