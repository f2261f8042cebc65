"""How the domain is asked: the phrasings of every call by split, from phrasings.toml (ours)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from roundelay.voice.lm.domain.tables import table

SPLITS = ("train", "dev", "test")
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


def _ask(raw: Mapping[str, str]) -> Ask:
    kinds = {kind.rpartition(".")[2]: kind for kind in SLOT.findall(raw["call"])}
    split = {name: tuple(line.strip() for line in raw.get(name, "").strip().splitlines()) for name in SPLITS}
    return Ask(raw["call"], float(raw.get("weight", 1)), split, kinds)


@cache
def carriers(split: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What may stand before and after a question of a split."""
    raw = table("phrasings")["carriers"]
    return tuple(raw["before"][split].split("|")), tuple(raw["after"][split].split("|"))
