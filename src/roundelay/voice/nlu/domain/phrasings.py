"""How the domain is asked: the phrasings of every call by split, from phrasings.toml (ours)."""

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
class Ask:
    """A call with slots, its phrasings by split, and the kind of each slot by its name in a phrasing."""

    call: str
    weight: float
    phrasings: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, str]

    def filled(self, values: Mapping[str, str]) -> str:
        """The call with the values of its slots, by name."""
        return SLOT.sub(lambda found: values[found[1].rpartition(".")[2]], self.call)


@cache
def asks() -> tuple[Ask, ...]:
    """Every way of asking, in the order of the file."""
    return tuple(_ask(raw) for raw in table("phrasings")["asks"])


@cache
def typed() -> tuple[Ask, ...]:
    """Ways of asking that are understood and never drawn, as phrasings of no split but "typed"."""
    return tuple(_ask(raw | {"typed": raw["lines"]}, ("typed",)) for raw in table("phrasings")["typed"])


def _ask(raw: Mapping[str, str], splits: Sequence[str] = SPLITS) -> Ask:
    kinds = {kind.rpartition(".")[2]: kind for kind in SLOT.findall(raw["call"])}
    split = {name: tuple(line.strip() for line in raw.get(name, "").strip().splitlines()) for name in splits}
    return Ask(raw["call"], float(raw.get("weight", 1)), split, kinds)


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
