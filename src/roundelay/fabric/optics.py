"""The transceiver's three paths, and the circuits that a set of groups needs.

Source: InfinitePOD (arXiv 2502.03885) section 4.1; figures in specs/ocstrx.toml.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.topology import KHopRing, path_pairs


class Path(IntEnum):
    """The one active path of a transceiver; it always has the whole bandwidth."""

    LOOPBACK = 0
    EXTERNAL_1 = 1
    EXTERNAL_2 = 2


@dataclass(frozen=True, slots=True)
class Transceiver:
    """One OCSTrx."""

    bandwidth_gbps: float
    lanes: int
    switch_min_us: float
    switch_max_us: float
    price_usd: float
    power_w: float
    insertion_loss_min_db: float
    insertion_loss_max_db: float


@cache
def ocstrx() -> Transceiver:
    """Return the transceiver of specs/ocstrx.toml."""
    text = files("roundelay.fabric.specs").joinpath("ocstrx.toml").read_text(encoding="utf-8")
    return Transceiver(**tomllib.loads(text)["transceiver"])


@dataclass(frozen=True, slots=True)
class Circuits:
    """The active path of every bundle, uint8 [nodes, bundles], at one epoch."""

    paths_NB: np.ndarray
    epoch: int = 0

    def diff(self, new: Circuits) -> list[tuple[int, int, Path]]:
        """Return the commands (node, bundle, path) that lead from these circuits to `new`."""
        if self.paths_NB.shape != new.paths_NB.shape:
            raise BadInput("circuits", new.paths_NB.shape, f"expected the shape {self.paths_NB.shape}")
        where = np.argwhere(self.paths_NB != new.paths_NB)
        return [(int(n), int(b), Path(int(new.paths_NB[n, b]))) for n, b in where]


def realise(ring: KHopRing, groups: Sequence[Sequence[int]], epoch: int = 0) -> Circuits:
    """Return the circuits that form `groups`, each a chain of nodes in ring order; every other bundle loops back.

    Raises `BadInput` naming the first group that is not realisable: a node twice, a hop no fibre spans, or two paths
    of one bundle at once.
    """
    paths = np.zeros((ring.fabric.nodes, ring.bundles), dtype=np.uint8)
    pairs = path_pairs(ring.k)
    seen: set[int] = set()
    for chain in groups:
        for node in chain:
            if not 0 <= node < ring.fabric.nodes:
                raise BadInput("node", node, f"the fabric has nodes 0 to {ring.fabric.nodes - 1}")
            if node in seen:
                raise BadInput("node", node, "stands in two places; a node belongs to one group")
            seen.add(node)
        reason = ring.conflict(chain)
        if reason:
            raise BadInput("group", list(chain), reason)
        for a, b in itertools.pairwise(chain):
            for here, there in ((a, b), (b, a)):
                hop = ring.hop(here, there)
                bundle = ring.bundle_of(hop)
                paths[here, bundle] = Path(pairs[bundle].index(hop) + 1)
    return Circuits(paths, epoch)
