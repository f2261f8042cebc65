"""The architectures a planner compares, each one noun: what stays usable, what links it has, what it is made of.

Read from `specs/architectures.toml`. A user's own bill (docs/fabric-cost.md) makes one more, `like` one of these.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import lcm
from typing import Any

from roundelay import config
from roundelay.fabric.job.hardware import Links


@dataclass(frozen=True, slots=True)
class UsableRule:
    """Which GPUs stay usable when nodes are down: a `kind` that `fabric.waste.usable` knows, and a domain's GPUs.

    `spares` says that GPUs above the largest multiple of TP may be counted as bought spares.
    """

    kind: str
    gpus: int = 0
    spares: bool = False


@dataclass(frozen=True, slots=True)
class BillOfItems:
    """The interconnect of `gpus` GPUs as counts of items; `specs/cost.toml` has their prices."""

    gpus: int
    count: Mapping[str, float]
    source: str


@dataclass(frozen=True, slots=True)
class Architecture:
    """An interconnect: the rule of its usable GPUs, its links, and its bill, None where the paper gives none.

    `node_gpus` are the GPUs that one fault takes; `like` is the architecture whose rule and links these are, mostly
    itself.
    """

    name: str
    usable: UsableRule
    links: Links
    node_gpus: int = 4
    bill: BillOfItems | None = None
    like: str = ""

    @property
    def is_ring(self) -> bool:
        """Whether it is a K-hop ring; K is `links.hops`."""
        return self.usable.kind == "k-hop"

    def domain_gpus(self, node_gpus: int, group: int) -> int:
        """Return the GPUs by which a fabric of groups of `group` GPUs grows: whole domains of whole nodes."""
        whole = group if self.usable.kind == "static-ring" else self.usable.gpus or 1
        return lcm(whole, node_gpus)


@cache
def table() -> dict[str, Architecture]:
    """Return all architectures by name; those that are `like` another come last."""
    text = files("roundelay.fabric.specs").joinpath("architectures.toml").read_text(encoding="utf-8")
    values: dict[str, Any] = tomllib.loads(text)
    del values["bill_order"]
    out: dict[str, Architecture] = {}
    for name, value in values.items():
        bill = _bill(value["bill"]) if "bill" in value else None
        if "like" in value:
            out[name] = replace(out[value["like"]], name=name, bill=bill)
            continue
        links = Links(name, **value["links"])
        out[name] = Architecture(name, UsableRule(**value["usable"]), links, value.get("node_gpus", 4), bill, name)
    return out


def _bill(value: Mapping[str, Any]) -> BillOfItems:
    return BillOfItems(value["gpus_count"], value["items_count"], value["source"])


def names() -> list[str]:
    """Return the names of architectures with a rule and links of their own."""
    return [name for name, each in table().items() if each.like == name]


def billed() -> list[Architecture]:
    """Return the architectures that have a bill, in the order of the paper's table."""
    text = files("roundelay.fabric.specs").joinpath("architectures.toml").read_text(encoding="utf-8")
    return [table()[name] for name in tomllib.loads(text)["bill_order"]]


def named(name: str, flag: str) -> Architecture:
    """Return the architecture of that name; raises `BadInput` for `flag`, naming the nearest."""
    return config.named(table(), name, flag)


def links(name: str) -> Links:
    """Return the links of the architecture of that name; raises `BadInput` naming the nearest."""
    return named(name, "--fabric").links
