"""The tables of the domain, read once from the TOML files beside this: countries, facts, units, talk, terms (ours)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

MONTH_DAYS = {
    "january": 31, "february": 29, "march": 31, "april": 30, "may": 31, "june": 30, "july": 31, "august": 31,
    "september": 30, "october": 31, "november": 30, "december": 31,
}  # fmt: skip
HOLIDAYS = {  # name in a call: (spoken forms, written form)
    "christmas": ("christmas|christmas day", "Christmas"),
    "christmas eve": ("christmas eve", "Christmas Eve"),
    "new year": ("new year's day|new year", "New Year's Day"),
    "new year eve": ("new year's eve", "New Year's Eve"),
    "valentine": ("valentine's day", "Valentine's Day"),
    "saint patrick": ("saint patrick's day", "Saint Patrick's Day"),
    "independence day": ("independence day", "Independence Day"),
    "halloween": ("halloween", "Halloween"),
    "easter": ("easter|easter sunday", "Easter"),
    "thanksgiving": ("thanksgiving|thanksgiving day", "Thanksgiving"),
}


@dataclass(frozen=True, slots=True)
class Country:
    """Facts about a country; an empty string where there is no single answer."""

    capital: str
    continent: str
    currency: str
    language: str
    spoken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its kind, its factor to the base unit of that kind, and its names."""

    kind: str
    factor: Fraction
    one: str
    many: str
    spoken: tuple[str, ...]  # all spoken plurals, `many` first


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact: its value, and the spoken forms of its subject."""

    value: str
    spoken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Facts of one kind. With `heads` and `tails` an entry's key is a head and a tail, "largest planet".

    `asked` are other spoken forms of an entry, by the part of a question they fill: `did` follows "when did".
    """

    name: str
    answer: str
    source: str
    entries: Mapping[str, Entry]
    heads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def call_of(self, key: str) -> str:
        """The call of an entry; superlatives omit the family's name: "fact largest planet"."""
        return f"fact {key}" if self.name == "superlative" else f"fact {self.name} {key}"


def table(name: str) -> dict[str, Any]:
    """A TOML file of the domain as it stands."""
    return table_of("roundelay.voice.nlu.domain", name)


def table_of(package: str, name: str) -> dict[str, Any]:
    """A TOML file of a package as it stands."""
    return tomllib.loads(files(package).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _alternatives(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


@cache
def countries() -> Mapping[str, Country]:
    """Every country by its name in a call."""
    rows = table("countries")["names"]
    return {name: Country(row[0], row[1], row[2], row[3], _alternatives(row[4] or name)) for name, row in rows.items()}


@cache
def cities() -> Mapping[str, str]:
    """Capitals of which the country may be asked: city to country, both as in a call."""
    return dict(table("countries")["cities"])


@cache
def units() -> Mapping[str, Unit]:
    """Every unit by its name in a call."""
    return {
        name: Unit(kind, Fraction(row[0]), row[1], row[2], tuple(row[2:]))
        for kind, rows in table("units").items()
        for name, row in rows.items()
    }


@cache
def families() -> Mapping[str, Family]:
    """The facts by family."""
    return {name: _family(name, raw) for name, raw in table("facts").items() if name != "proper"}


def _family(name: str, raw: Mapping[str, Any]) -> Family:
    def entry(key: str, value: str | list[str]) -> Entry:
        return Entry(value, (key,)) if isinstance(value, str) else Entry(value[0], _alternatives(value[1]))

    return Family(
        name,
        raw["answer"],
        raw["source"],
        {key: entry(key, value) for key, value in raw["entries"].items()},
        {key: _alternatives(value) for key, value in raw.get("heads", {}).items()},
        {key: _alternatives(value) for key, value in raw.get("tails", {}).items()},
        {
            part: {key: _alternatives(value) for key, value in rows.items()}
            for part, rows in raw.get("asked", {}).items()
        },
    )


@cache
def fact_calls() -> Mapping[str, tuple[Family, str]]:
    """Every fact by its call."""
    return {family.call_of(key): (family, key) for family in families().values() for key in family.entries}


@cache
def proper() -> frozenset[str]:
    """Words that an answer writes with a capital letter."""
    return frozenset(table("facts")["proper"]["words"].split())


@cache
def talk() -> Mapping[str, list[str]]:
    """The answers of small talk by topic."""
    return dict(table("talk")["answers"])


@cache
def terms() -> Mapping[str, Entry]:
    """The words of the fabric and what they mean."""
    rows = table("fabric")["terms"].items()
    return {
        key: Entry(row, (key,)) if isinstance(row, str) else Entry(row[0], _alternatives(row[1])) for key, row in rows
    }


@cache
def unknown_entities() -> Mapping[str, tuple[str, ...]]:
    """Names that are in no table, by kind of slot: a question about one is rejected."""
    raw = table("unknown_entities")
    lists = {f"@{name}": text for name, text in raw["lists"].items()}
    return {
        kind: _alternatives("|".join(lists.get(text, text).split("\n")).strip("|"))
        for kind, text in raw["names"].items()
    }


def title(name: str) -> str:
    """A country's name as it is written: "the United States", "Czech Republic"."""
    spoken = countries()[name].spoken[0]
    return " ".join(word if word in ("the", "of", "and") else word.capitalize() for word in spoken.split())
