"""Traffic of a job on the datacenter network: which bytes leave a ToR, which an aggregation domain.

Tensor parallelism stays on the HBD ring. The others join equal ranks of different TP groups in rings (CP, EP, PP, DP);
a ring whose nodes stand under several ToRs crosses between them at least once for each. Rings are nested from
the innermost outwards: `cp=2,dp=108` means that two groups in a row share a CP ring. Method: ours; where nothing is
said, one ring joins as many groups as a ToR has nodes, which is what the paper's alignment is made for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput


@dataclass(frozen=True, slots=True)
class Rings:
    """Rings of one parallelism: its name, how many groups a ring joins, and its share of the job's DCN bytes."""

    name: str
    groups: int
    bytes_share: float = 1.0


def parse_rings(text: str | None, groups: int, nodes_per_tor: int) -> tuple[Rings, ...]:
    """Return the rings of "cp=2:0.7,dp=4:0.3", innermost first; None gives one ring of a ToR's size."""
    if text is None:
        return (Rings("inner", nodes_per_tor),)
    rings = []
    for part in text.split(","):
        name, _, rest = part.partition("=")
        size, _, share = rest.partition(":")
        try:
            ring = Rings(name.strip(), int(size), float(share or 1.0))
        except ValueError:
            raise BadInput("--rings", part, "give NAME=GROUPS or NAME=GROUPS:SHARE, innermost first") from None
        if ring.groups < 1 or not (0 <= ring.bytes_share < float("inf")):
            raise BadInput("--rings", part, "give at least one group and a share from 0 on")
        rings.append(ring)
    product = int(np.prod([ring.groups for ring in rings]))
    if product != groups:
        raise BadInput("--rings", text, f"their product is {product}, the job has {groups} groups; make them equal")
    return tuple(rings)


def crossing(place_Gm: np.ndarray, rings: Sequence[Rings]) -> float:
    """Return the share of DCN bytes that cross, for the place (ToR or domain) of each rank of each group [G, m].

    A ring through members under c > 1 places crosses c times; a trailing incomplete ring counts with the size it has.
    """
    crossed = total = 0.0
    stride = 1
    for ring in rings:
        edges, crosses = _count(place_Gm, ring.groups, stride)
        if edges:
            crossed += ring.bytes_share * crosses / edges
            total += ring.bytes_share
        stride *= ring.groups
    return crossed / total if total else 0.0


def _count(place_Gm: np.ndarray, size: int, stride: int) -> tuple[int, int]:
    """Return (edges, crossings) of all rings of `size` groups that stand `stride` apart."""
    count, m = place_Gm.shape
    block = size * stride
    whole = count // block * block
    edges = crosses = 0
    parts = [place_Gm[:whole].reshape(-1, size, stride, m)] if whole else []
    rest = place_Gm[whole:]
    if len(rest) and stride == 1:
        parts.append(rest.reshape(1, len(rest), 1, m))
    for part in parts:
        if part.shape[1] < 2:
            continue
        ordered = np.sort(part, axis=1)
        places = 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)
        edges += part.size
        crosses += int(places[places > 1].sum())
    return edges, crosses


def crossing_bound(groups: int, nodes_per_tor: int, rings: Sequence[Rings]) -> float:
    """Return a share below which no placement can go: a ring of more groups than a ToR has nodes must leave it."""
    bound = total = 0.0
    for ring in rings:
        if ring.groups < 2 or groups < 2:
            continue
        places = -(-ring.groups // nodes_per_tor)
        bound += ring.bytes_share * (places / ring.groups if places > 1 else 0.0)
        total += ring.bytes_share
    return bound / total if total else 0.0


def cliff(p: float, k: int, m: int, nodes_per_tor: int) -> float:
    """Return the largest job, as a share of the GPUs, that stays aligned at fault probability p.

    (1-P) - waste_khop(P) with P = 1-(1-p)^(nodes per ToR): a column counts only while all its nodes are healthy.
    """
    from roundelay.fabric.waste.closed_form import khop_infinite

    faulty = 1 - (1 - p) ** nodes_per_tor
    return 1 - faulty - khop_infinite(faulty, k, m)
