"""How many fibres a K-hop ring needs, and how long they are, for a floor plan of racks (ours).

Racks stand in rows. A fibre is routed up to the tray, along the rows and across them, and down again. The ring can be
*folded*: places 0, 2, 4 … outward and … 5, 3, 1 back, so that no fibre closes the ring across the whole floor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from roundelay import config
from roundelay.errors import BadInput
from roundelay.fabric.topology.deployment import Deployment

STOCK_LENGTHS_M = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)  # lengths of ready-made fibres; ours
ROUTINGS = ("fold", "snake")


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """Where racks stand and how fibres are routed; a file of --floor holds any of these keys.

    nodes_per_rack, racks_per_row   a row is filled before the next
    rack_pitch_m, row_pitch_m       from a rack to the next, from a row to the next with half an aisle on both sides
    riser_m, in_rack_m              from a node up to the tray; a fibre that stays in its rack
    slack_ratio                     extra length of every fibre, as a share of its route
    nodes_per_tor                   1: ring neighbours stand side by side; p: they stand in different racks, and p
                                    sub-lines run through all of them (as in `fabric place`)
    routing                         fold: the ring's outward and return path share the racks; snake: it does not return;
                                    a file may also say `lay`, the older name of this key
    """

    nodes_per_rack: int = 8
    racks_per_row: int = 20
    rack_pitch_m: float = 0.6
    row_pitch_m: float = 2.4
    riser_m: float = 2.0
    in_rack_m: float = 1.0
    slack_ratio: float = 0.1
    nodes_per_tor: int = 1
    routing: str = "fold"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 1 if field.name in ("nodes_per_rack", "racks_per_row", "nodes_per_tor") else 0
            if isinstance(value, int | float) and not least <= value <= 1_000_000:
                raise BadInput(f"floor plan {field.name}", value, f"give {least} to 1,000,000")
        if self.routing not in ROUTINGS:
            raise BadInput("floor plan routing", self.routing, f"choose from {', '.join(ROUTINGS)}")


def read(path: Path | str) -> FloorPlan:
    """Return the floor plan in a TOML file, or the built-in one for "default"."""
    file = None if str(path) == "default" else path
    return config.fill(FloorPlan, file, (), {}, aliases={"lay": "routing"}, flag="--floor")


def racks(deployment: Deployment, plan: FloorPlan) -> np.ndarray:
    """Return the rack of every ring position, int64 [N]."""
    position = np.arange(deployment.nodes)
    tors = deployment.tors
    tor, line = position % tors, position // tors
    if plan.routing == "fold":
        tor = np.where(2 * tor < tors, 2 * tor, 2 * (tors - 1 - tor) + 1)
    return (tor * deployment.nodes_per_tor + line) // plan.nodes_per_rack


def lengths(deployment: Deployment, plan: FloorPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return for every pair of nodes that fibres join its hop, int64 [L], and the fibres' length in metres, [L]."""
    rack = racks(deployment, plan)
    row, place = rack // plan.racks_per_row, rack % plan.racks_per_row
    place = np.where(row % 2, plan.racks_per_row - 1 - place, place)  # a row begins where the last one ended
    n, ring = deployment.nodes, deployment.ring
    hops, metres = [], []
    for hop in range(1, ring.k + 1):
        a = np.arange(n if ring.closed and n > 2 * hop else max(n - hop, 0))
        b = (a + hop) % n
        route = np.abs(place[a] - place[b]) * plan.rack_pitch_m + np.abs(row[a] - row[b]) * plan.row_pitch_m
        route = np.where(rack[a] == rack[b], plan.in_rack_m, 2 * plan.riser_m + route)
        hops.append(np.full(len(a), hop))
        metres.append(route * (1 + plan.slack_ratio))
    return np.concatenate(hops), np.concatenate(metres)


def summary(deployment: Deployment, plan: FloorPlan, fibres_per_hop: int) -> dict[str, Any]:
    """Return fibres, kilometres, the longest, and how many of each ready-made length are needed.

    `fibres_per_hop` join two nodes: one for each module of a bundle, 8 on a 4-GPU node.
    """
    hops, metres = lengths(deployment, plan)
    stock = np.array(STOCK_LENGTHS_M, dtype=float)
    if metres.size and metres.max() > stock[-1]:
        raise BadInput(
            "--floor", f"with a fibre of {metres.max():,.0f} m", f"none is sold above {STOCK_LENGTHS_M[-1]:,} m"
        )
    which = np.searchsorted(stock, metres - 1e-9)
    count = np.bincount(which, minlength=len(stock)) * fibres_per_hop
    return {
        "k": deployment.ring.k,
        "nodes": deployment.nodes,
        "fibres": int(metres.size) * fibres_per_hop,
        "racks": int(racks(deployment, plan).max()) + 1,
        "km": round(float(metres.sum()) * fibres_per_hop / 1000, 6),
        "mean_m": round(float(metres.mean()), 6) if metres.size else 0.0,
        "longest_m": round(float(metres.max()), 6) if metres.size else 0.0,
        "longest_by_hop_m": {str(h): round(float(metres[hops == h].max()), 6) for h in np.unique(hops)},
        "histogram": [{"up_to_m": m, "fibres": int(c)} for m, c in zip(STOCK_LENGTHS_M, count, strict=True) if c],
    }
