"""Bills of materials: what an architecture's interconnect is made of, as data in `specs/` or a user's file.

Source: InfinitePOD (arXiv 2502.03885) section 6. Bandwidth is in GB/s, gigabytes, as in the paper's "USD per GB/s".
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from math import fsum, isfinite
from pathlib import Path
from typing import Any

from roundelay import config
from roundelay.errors import BadInput
from roundelay.fabric.specs import architectures
from roundelay.fabric.specs.architectures import Architecture

MAX_VALUE = 1e12  # no price, power or count is larger; a bound, so that no product overflows
HOURS_PER_YEAR = 8760.0
GPU = "gpu"  # the item that is wasted, never part of an interconnect

ITEM_KEYS = {"price_usd": float, "power_w": float, "source": str}
ARCH_KEYS = {
    "gpus_count": int,
    "node_gpus_count": int,
    "hbd_gbytes_per_s_per_gpu": float,
    "waste_rule": str,
    "source": str,
    "bill_count": dict,
}
SITE_KEYS = {"electricity_usd_per_kwh": float, "electricity_source": str, "pue_ratio": float, "pue_source": str}
PARTS = ("item", "arch", "site")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is bought: its price and what it draws."""

    name: str
    price_usd: float
    power_w: float
    source: str


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a bill; USD and W of all `count` pieces."""

    item: Item
    count: float

    @property
    def usd(self) -> float:
        return self.count * self.item.price_usd

    @property
    def w(self) -> float:
        return self.count * self.item.power_w


@dataclass(frozen=True, slots=True)
class Bill:
    """The interconnect of `gpus` GPUs; its parts sum to the total.

    `architecture` says which GPUs stay usable and what links there are, None where that is not known; `node_gpus` are
    the GPUs of the only node it fits, 0 if any.
    """

    arch: str
    gpus: int
    gbytes_per_s_per_gpu: float
    parts: tuple[Part, ...]
    architecture: Architecture | None
    source: str
    node_gpus: int = 0

    @property
    def usd_per_gpu(self) -> float:
        return fsum(part.usd for part in self.parts) / self.gpus

    @property
    def w_per_gpu(self) -> float:
        return fsum(part.w for part in self.parts) / self.gpus

    @property
    def usd_per_gbps(self) -> float:
        """USD per GB/s (gigabytes) of one GPU's bandwidth."""
        return self.usd_per_gpu / self.gbytes_per_s_per_gpu

    @property
    def w_per_gbps(self) -> float:
        """W per GB/s (gigabytes) of one GPU's bandwidth."""
        return self.w_per_gpu / self.gbytes_per_s_per_gpu

    def count(self, item: str) -> float:
        """Return how many of an item the bill has."""
        return sum(part.count for part in self.parts if part.item.name == item)

    def wasting(self, gpu: Item, waste: float) -> Bill:
        """Return the bill with the GPUs that a waste ratio buys for nothing; their power is not counted (they idle)."""
        return replace(self, parts=(*self.parts, Part(replace(gpu, power_w=0.0), waste * self.gpus)))

    def as_dict(self) -> dict[str, Any]:
        """Return the row as it stands in JSON."""
        return {
            "arch": self.arch,
            "usd_per_gpu": round(self.usd_per_gpu, 6),
            "w_per_gpu": round(self.w_per_gpu, 6),
            "usd_per_gbps": round(self.usd_per_gbps, 6),
            "w_per_gbps": round(self.w_per_gbps, 6),
            "gbytes_per_s_per_gpu": self.gbytes_per_s_per_gpu,
            "bill_gpus": self.gpus,
            "bill": {part.item.name: part.count for part in self.parts},
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All bills, with the GPU and the site's electricity."""

    items: Mapping[str, Item]
    bills: Mapping[str, Bill]
    electricity_usd_per_kwh: float
    pue: float

    @property
    def gpu(self) -> Item:
        return self.items[GPU]

    def kwh_per_year(self, w: float) -> float:
        """Return what `w` watts of equipment, always on, take from the grid in a year, cooling included."""
        return w * HOURS_PER_YEAR / 1000 * self.pue

    def choose(self, names: str) -> list[Bill]:
        """Return the bills of a comma-separated list, or "all"; raises `BadInput` naming the nearest."""
        if names.strip() == "all":
            return list(self.bills.values())
        return [config.named(self.bills, name.strip(), "--arch", "has no bill") for name in names.split(",")]


def read(path: Path | str | None = None) -> Catalogue:
    """Return the built-in catalogue, with what a user's file changes or adds; raises `BadInput` for what is wrong."""
    text = files("roundelay.fabric.specs").joinpath("cost.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text) | {"arch": {each.name: _bill_table(each) for each in architectures.billed()}}
    if path is not None:
        _merge(table, _load(path), str(path))
    items = {name: _item(name, values, path) for name, values in table["item"].items()}
    bills = {name: _bill(name, values, items, path) for name, values in table["arch"].items()}
    site = table["site"]
    for key in ("electricity_usd_per_kwh", "pue_ratio"):
        _number(f"site {key}", site[key])
    if site["pue_ratio"] < 1:
        raise BadInput("site pue_ratio", site["pue_ratio"], "give 1 or more: all power over the equipment's")
    return Catalogue(items, bills, float(site["electricity_usd_per_kwh"]), float(site["pue_ratio"]))


def _bill_table(architecture: Architecture) -> dict[str, Any]:
    """Return an architecture's own bill in the form of a user's file."""
    assert architecture.bill
    return {
        "gpus_count": architecture.bill.gpus,
        "node_gpus_count": architecture.links.gpus_per_node if architecture.is_ring else 0,
        "hbd_gbytes_per_s_per_gpu": architecture.links.hbd_gbps / 8,
        "waste_rule": architecture.name,
        "source": architecture.bill.source,
        "bill_count": dict(architecture.bill.count),
    }


def _load(path: Path | str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("--prices", path, f"cannot be read ({error}); give a TOML file") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise BadInput("--prices", path, f"is not TOML ({error}); correct it") from None


def _merge(table: dict[str, Any], mine: dict[str, Any], where: str) -> None:
    """Put a user's table over the built-in one, in place; a bill given anew replaces the old one whole."""
    _known(mine, PARTS, f"table in {where}")
    for kind, keys in (("item", ITEM_KEYS), ("arch", ARCH_KEYS)):
        for name, values in _table(mine.get(kind, {}), kind, where).items():
            _known(_table(values, f"{kind}.{name}", where), keys, f"key of {kind} {name} in {where}")
            table[kind].setdefault(name, {}).update(values)
    _known(_table(mine.get("site", {}), "site", where), SITE_KEYS, f"key of site in {where}")
    table["site"].update(mine.get("site", {}))
    used = {item for arch in table["arch"].values() for item in arch.get("bill_count", {})} | {GPU}
    for name in mine.get("item", {}):
        if name not in used:
            raise BadInput(f"item in {where}", name, f"is in no bill; {config.nearest(name, used)}")


def _table(value: Any, name: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{name} in {where}", value, f"is no table; write [{name}] or [{name}.NAME]")
    return value


def _known(values: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...], what: str) -> None:
    for key in values:
        if key not in known:
            raise BadInput(what, key, f"is unknown; {config.nearest(key, known)}")


def _number(what: str, value: Any, least: float = 0.0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadInput(what, value, "give a number")
    if not least <= value <= MAX_VALUE:
        raise BadInput(what, value, f"give a number from {least:g} to {MAX_VALUE:g}")
    return float(value)


def _item(name: str, values: Mapping[str, Any], path: Path | str | None) -> Item:
    for key in ("price_usd", "power_w"):
        if key not in values:
            raise BadInput(f"item {name} in", path, f"lacks {key}")
    price, power = (_number(f"item {name} {key}", values[key]) for key in ("price_usd", "power_w"))
    return Item(name, price, power, str(values.get("source", path)))


def _bill(name: str, values: Mapping[str, Any], items: Mapping[str, Item], path: Path | str | None) -> Bill:
    for key in ("gpus_count", "hbd_gbytes_per_s_per_gpu", "bill_count"):
        if key not in values:
            raise BadInput(f"arch {name} in", path, f"lacks {key}")
    counts = _table(values["bill_count"], f"arch.{name}.bill_count", str(path))
    _known(counts, {key: item for key, item in items.items() if key != GPU}, f"item of arch {name}")
    parts = tuple(Part(items[key], _number(f"arch {name} {key}", count)) for key, count in counts.items())
    whole = {key: _number(f"arch {name} {key}", values.get(key, 0)) for key in ("gpus_count", "node_gpus_count")}
    for key, value in whole.items():
        if value != int(value) or (key == "gpus_count" and value < 1):
            raise BadInput(f"arch {name} {key}", values[key], "give a whole number")
    bandwidth = _number(f"arch {name} hbd_gbytes_per_s_per_gpu", values["hbd_gbytes_per_s_per_gpu"])
    if bandwidth == 0:
        raise BadInput(f"arch {name} hbd_gbytes_per_s_per_gpu", 0, "give GB/s of one GPU, above 0")
    rule = str(values.get("waste_rule", ""))
    architecture = architectures.named(rule, f"arch {name} waste_rule") if rule else None
    source = str(values.get("source", path))
    return Bill(name, int(whole["gpus_count"]), bandwidth, parts, architecture, source, int(whole["node_gpus_count"]))
