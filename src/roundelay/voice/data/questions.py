"""Spoken questions with their exact calls, and lines of the assistant's answers (ours).

Phrasings marked `dev` and `test` in the grammar never occur in `train`. Every text is lower-case a-z, apostrophe and
single spaces, numbers spelled out, as in text.py; training texts and answer lines also keep to its split by checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.data.fillings import Values, fill, one, pair, pairs, same_kind
from roundelay.voice.data.text import split_of
from roundelay.voice.nlu.domain.fabric import FabricFacts
from roundelay.voice.nlu.domain.phrasings import QUESTION_WORDS, SLOT, SPLITS, Intent, carriers, intents
from roundelay.voice.nlu.domain.slots import OPEN, forms
from roundelay.voice.nlu.skills import Call, answer
from roundelay.voice.text.normalise import normalise

BEFORE_SHARE, AFTER_SHARE = 0.25, 0.12  # of the questions begin with a carrier, or end with one
EPOCH = datetime(2024, 1, 1)  # answers are drawn for times of ten years from here
YEARS = 10


@dataclass(frozen=True, slots=True)
class Question:
    """A spoken question, its call, and the phrasing it was drawn from."""

    text: str
    call: Call
    phrasing: str


def draw(rng: np.random.Generator, split: str) -> Question:
    """A random question of "train", "dev" or "test". Raises `BadInput` for another split."""
    if split not in SPLITS:
        raise BadInput("split", split, f"is not known; choose from {', '.join(SPLITS)}")
    while True:
        pool, weights = _pool(split)
        intent = pool[int(np.searchsorted(weights, rng.random(), side="right"))]
        question = _question(intent, rng, split, fill(intent, rng))
        if question and (split != "train" or split_of(question.text) == "train"):
            return question


def tour(rng: np.random.Generator, split: str = "train") -> Iterator[Question]:
    """One question for every filling of every closed slot: all countries, facts, units and topics, in order."""
    for intent in intents():
        closed = [name for name, kind in intent.kinds.items() if kind not in OPEN]
        if not intent.phrasings[split]:
            continue
        fillings: list[Values] = [{}]
        if "head" in intent.kinds:
            fillings = [pair(key, intent, rng) for key in pairs(intent)]
        elif closed:
            fillings = [{closed[0]: form} for form in forms(intent.kinds[closed[0]])]
        for filling in fillings:
            values = fill(intent, rng)
            while "unit" in intent.kinds and not same_kind(values["amount"], filling["unit"]):
                values = fill(intent, rng)
            question = _question(intent, rng, split, values | filling)
            if question:
                yield question


def draw_answer_line(rng: np.random.Generator, split: str) -> str:
    """A sentence of the assistant, in words; its split is decided by its text's checksum."""
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
    spares, jobs, waste = int(rng.integers(0, 9)), int(rng.integers(0, 12)), float(rng.integers(0, 150)) / 1000
    reach, closed = int(rng.integers(1, 4)), bool(rng.integers(2))
    return FabricFacts(nodes, 4, down, groups, size, spares, jobs, waste, reach, closed)


@cache
def _pool(split: str) -> tuple[tuple[Intent, ...], np.ndarray]:
    pool = tuple(intent for intent in intents() if intent.phrasings[split])
    weights = np.cumsum([intent.weight for intent in pool])
    return pool, weights / weights[-1]


def _question(intent: Intent, rng: np.random.Generator, split: str, values: Values) -> Question | None:
    """The question, or None where these values form no valid call (the tables give Belarus no single currency)."""
    phrasing = one(rng, intent.phrasings[split])
    try:
        call = Call.parse(intent.fill({name: form.call for name, form in values.items()}))
    except BadInput:
        return None
    text = SLOT.sub(lambda found: values[found[1]].spoken, phrasing)
    if call.skill != "talk":
        around = carriers(split)
        before = around.before + (around.leads if text.split()[0] in QUESTION_WORDS else ())
        text = f"{one(rng, before)} {text}" if rng.random() < BEFORE_SHARE else text
        text = f"{text} {one(rng, around.after)}" if rng.random() < AFTER_SHARE else text
    return Question(text, call, phrasing)
