"""Intents: the phrasings of every call by split, from phrasings.toml (ours)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from roundelay.voice.nlu.domain.tables import table

SPLITS = ("train", "dev", "test")
QUESTION_WORDS = frozenset(("what", "what's", "which", "who", "when", "where", "how"))
SLOT = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True, slots=True)
class Intent:
    """A call with slots, its phrasings by split, and each slot's kind by the slot's name in a phrasing."""

    call: str
    weight: float
    phrasings: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, str]

    def fill(self, values: Mapping[str, str]) -> str:
        """The call with the values of its slots, by name."""
        return SLOT.sub(lambda found: values[found[1].rpartition(".")[2]], self.call)


@cache
def intents() -> tuple[Intent, ...]:
    """Every intent, in the order of the file."""
    return tuple(_intent(raw) for raw in table("phrasings")["asks"])


@cache
def typed_intents() -> tuple[Intent, ...]:
    """Intents that are understood but never drawn for training; their phrasings are of the split "typed"."""
    return tuple(_intent(raw | {"typed": raw["lines"]}, ("typed",)) for raw in table("phrasings")["typed"])


def _intent(raw: Mapping[str, str], splits: Sequence[str] = SPLITS) -> Intent:
    kinds = {kind.rpartition(".")[2]: kind for kind in SLOT.findall(raw["call"])}
    split = {name: tuple(line.strip() for line in raw.get(name, "").strip().splitlines()) for name in splits}
    return Intent(raw["call"], float(raw.get("weight", 1)), split, kinds)


@dataclass(frozen=True, slots=True)
class Carriers:
    """What may stand before or after any question; `leads` only before a question word."""

    before: tuple[str, ...]
    leads: tuple[str, ...]
    after: tuple[str, ...]


@cache
def carriers(split: str) -> Carriers:
    """The carriers of a split."""
    raw = table("phrasings")["carriers"]
    return Carriers(*(tuple(raw[part][split].split("|")) for part in ("before", "leads", "after")))
