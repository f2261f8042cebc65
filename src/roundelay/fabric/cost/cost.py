"""What an interconnect costs per GPU and per GB/s, with the GPUs it wastes, a year's energy, and which price decides.

Source: InfinitePOD (arXiv 2502.03885) section 6 for the bills and for aggregate cost = interconnect + price of wasted
GPUs; energy and sensitivity are ours. Waste against the fault ratio is the exact expectation, never simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, log
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.cost import bills, fibres
from roundelay.fabric.cost.bills import Bill, Catalogue
from roundelay.fabric.cost.fibres import FloorPlan
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import usable
from roundelay.fabric.waste.closed_form import check_probability

METRICS = ("gpu", "gbps")


@dataclass(frozen=True)
class CostStudy:
    """Settings of `roundelay fabric cost`; every field can stand in --config or --set.

    arch                      architectures that have a bill, comma-separated, or all
    prices                    a user's TOML file over the built-in bills
    gpus, gpus_per_node, tp   the fabric whose waste is counted, and whose energy is summed
    against, per, fault_ratio the architecture to compare with; USD per gpu or per gbps (GB/s); with the GPUs wasted
                              at this ratio, or none
    """

    arch: str = "all"
    prices: str | None = None
    gpus: int = 2880
    gpus_per_node: int = 4
    tp: int = 32
    against: str | None = None
    per: str = "gbps"
    fault_ratio: float | None = None

    def __post_init__(self) -> None:
        if self.per not in METRICS:
            raise BadInput("--per", self.per, "choose gpu, or gbps for GB/s")
        if self.fault_ratio is not None:
            check_probability(self.fault_ratio)
            if not self.against:
                raise BadInput("--fault-ratio", self.fault_ratio, "goes with --against; for a curve give --ratios")

    @cached_property
    def catalogue(self) -> Catalogue:
        return bills.read(self.prices)

    @cached_property
    def fabric(self) -> Fabric:
        return Fabric.of_gpus(self.gpus, self.gpus_per_node)

    def bills(self) -> list[Bill]:
        """Return the chosen bills."""
        return self.catalogue.choose(self.arch)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per architecture: the bill per GPU and per GB/s, its shares, and a year of the whole fabric."""
        return [{**bill.as_dict(), **self._year(bill), "usd_share": shares(bill)} for bill in self.bills()]

    def _year(self, bill: Bill) -> dict[str, float]:
        kwh = self.catalogue.kwh_per_year(bill.w_per_gpu)
        usd = kwh * self.catalogue.electricity_usd_per_kwh
        return {
            "kwh_per_gpu_year": round(kwh, 6),
            "energy_usd_per_gpu_year": round(usd, 6),
            "usd_total": round(bill.usd_per_gpu * self.fabric.gpus, 2),
            "mwh_per_year": round(kwh * self.fabric.gpus / 1000, 6),
        }

    def waste(self, bill: Bill, p: float) -> float:
        """Return the expected waste ratio at node fault probability p; raises `BadInput` where none is known."""
        if bill.architecture is None:
            raise BadInput("--arch", bill.arch, "has no waste_rule; give it one in the prices file, or leave it out")
        self._check_node(bill)
        rule = usable.of(bill.architecture, self.fabric, self.tp)
        return max(0.0, 1 - p - rule.expected_usable(p) / self.fabric.gpus)

    def aggregate(self, ratios: Sequence[float]) -> list[dict[str, Any]]:
        """Return a row per fault ratio and architecture: interconnect and wasted GPUs, USD per installed GPU.

        `usd_per_usable_gpu` is GPU and interconnect over the share of GPUs that are healthy and in a group; None where
        none is. An architecture that cannot be on this fabric has a `note` in place of numbers; raises `BadInput` where
        none can.
        """
        price = self.catalogue.gpu.price_usd
        rows: list[dict[str, Any]] = []
        refused: list[BadInput] = []
        for p in ratios:
            check_probability(p, "--ratios")
            for bill in self.bills():
                try:
                    waste = self.waste(bill, p)
                except BadInput as error:
                    refused.append(error)
                    rows.append({"fault_ratio": p, "arch": bill.arch, "note": str(error)})
                    continue
                in_groups = 1 - p - waste
                rows.append(
                    {
                        "fault_ratio": p,
                        "arch": bill.arch,
                        "waste": waste,
                        "interconnect_usd_per_gpu": bill.usd_per_gpu,
                        "wasted_usd_per_gpu": waste * price,
                        "aggregate_usd_per_gpu": bill.usd_per_gpu + waste * price,
                        "usd_per_usable_gpu": (price + bill.usd_per_gpu) / in_groups if in_groups > 1e-12 else None,
                    }
                )
        if refused and len(refused) == len(rows):
            raise refused[0]
        return rows

    def sensitivity(self) -> list[dict[str, Any]]:
        """Return, for each chosen architecture but `against`, what every price does to its cost over that one's."""
        if self.against is None:
            return []
        (base,) = self.catalogue.choose(self.against)
        rows: list[dict[str, Any]] = []
        refused: BadInput | None = None
        for bill in self.bills():
            if bill.arch != base.arch:
                weighed = self._with_waste(base)
                try:
                    rows += sensitivity(self._with_waste(bill), weighed, self.per)
                except BadInput as error:
                    refused = error
                    rows.append({"arch": bill.arch, "note": str(error)})
        if not rows:
            raise BadInput("--against", self.against, "is the only architecture chosen; choose another with --arch")
        if refused and all("note" in row for row in rows):
            raise refused
        return rows

    def fibres(self, plan: FloorPlan) -> list[dict[str, Any]]:
        """Return the fibres of each chosen K-hop ring on a floor plan; raises `BadInput` where none is chosen."""
        rows = []
        for bill in self.bills():
            if bill.architecture and bill.architecture.is_ring:
                self._check_node(bill)
                k = bill.architecture.links.hops
                per_node = bill.count("fibre") / bill.gpus * self.gpus_per_node
                deployment = Deployment.of(self.fabric.nodes, self.gpus_per_node, k, plan.nodes_per_tor)
                rows.append({"arch": bill.arch, **fibres.summary(deployment, plan, round(per_node / k))})
        if not rows:
            raise BadInput("--floor", f"with --arch {self.arch}", "is for K-hop rings; choose infinitepod-k2 or -k3")
        return rows

    def _check_node(self, bill: Bill) -> None:
        if bill.node_gpus and bill.node_gpus != self.gpus_per_node:
            do = f"{bill.arch} is billed for nodes of {bill.node_gpus}; give that, or a bill of your own in --prices"
            raise BadInput("--gpus-per-node", self.gpus_per_node, do)

    def _with_waste(self, bill: Bill) -> Bill:
        if self.fault_ratio is None:
            return bill
        return bill.wasting(self.catalogue.gpu, self.waste(bill, self.fault_ratio))


def shares(bill: Bill) -> dict[str, float]:
    """Return each item's share of the bill's USD; all 0 for a bill that costs nothing."""
    total = sum(part.usd for part in bill.parts)
    return {part.item.name: part.usd / total if total else 0.0 for part in bill.parts}


def sensitivity(bill: Bill, base: Bill, per: str) -> list[dict[str, Any]]:
    """Return a row per item of either bill, the price that decides first (ours).

    `ratio` is the cost of `bill` over that of `base`, per GPU or per GB/s. `elasticity`: by what part of 1 % the ratio
    grows when the price grows by 1 %. `ratio_halved`, `ratio_doubled`: the ratio at half and twice the price.
    `break_even_usd`: the price at which both cost the same, None where no price from 0 on does that. The item whose
    price has to change by the smallest factor to turn the verdict *decides*.
    """

    def divided(which: Bill) -> float:
        return which.gpus * (which.gbytes_per_s_per_gpu if per == "gbps" else 1.0)

    mine, theirs = (sum(part.usd for part in b.parts) / divided(b) for b in (bill, base))
    rows: list[dict[str, Any]] = []
    for item in dict.fromkeys(part.item for b in (bill, base) for part in b.parts):
        a, b = bill.count(item.name) / divided(bill), base.count(item.name) / divided(base)
        rest_a, rest_b = mine - a * item.price_usd, theirs - b * item.price_usd
        even = (rest_b - rest_a) / (a - b) if a != b else None
        rows.append(
            {
                "arch": bill.arch,
                "against": base.arch,
                "per": per,
                "item": item.name,
                "price_usd": item.price_usd,
                "ratio": _over(mine, theirs),
                "elasticity": (_over(a * item.price_usd, mine) or 0.0) - (_over(b * item.price_usd, theirs) or 0.0),
                "ratio_halved": _over(rest_a + a * item.price_usd / 2, rest_b + b * item.price_usd / 2),
                "ratio_doubled": _over(rest_a + a * item.price_usd * 2, rest_b + b * item.price_usd * 2),
                "break_even_usd": even if even is not None and even >= 0 else None,
            }
        )
    rows.sort(key=lambda row: -abs(row["elasticity"]))
    closest = min(rows, key=_factor, default=None)
    for row in rows:
        row["decides"] = row is closest and _factor(row) < inf
    return rows


def _over(a: float, b: float) -> float | None:
    return a / b if b else None


def _factor(row: dict[str, Any]) -> float:
    """Return how far a price is from its break-even, as the size of the logarithm of their ratio."""
    even, price = row["break_even_usd"], row["price_usd"]
    return abs(log(even / price)) if even and price else inf
