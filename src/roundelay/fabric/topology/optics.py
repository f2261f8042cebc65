"""The transceiver's three paths, and the circuits that a set of groups needs.

Source: InfinitePOD (arXiv 2502.03885) section 4.1; figures in specs/ocstrx.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.topology.topology import KHopRing, path_pairs


class TransceiverPath(IntEnum):
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

    def diff(self, new: Circuits) -> list[tuple[int, int, TransceiverPath]]:
        """Return the commands (node, bundle, path) that lead from these circuits to `new`."""
        if self.paths_NB.shape != new.paths_NB.shape:
            raise BadInput("circuits", new.paths_NB.shape, f"expected the shape {self.paths_NB.shape}")
        where = np.argwhere(self.paths_NB != new.paths_NB)
        return [(int(n), int(b), TransceiverPath(int(new.paths_NB[n, b]))) for n, b in where]


def realise(ring: KHopRing, groups: Sequence[Sequence[int]], epoch: int = 0) -> Circuits:
    """Return the circuits that form `groups`, each a chain of nodes in ring order; every other bundle loops back.

    Raises `BadInput` naming the first group that is not realisable: a node twice, a hop no fibre spans, or two paths
    of one bundle at once. O(nodes).
    """
    n = ring.fabric.nodes
    chain = np.fromiter((node for group in groups for node in group), dtype=np.int64)
    lengths = np.array([len(group) for group in groups], dtype=np.int64)
    outside = (chain < 0) | (chain >= n)
    if outside.any():
        raise BadInput("ring position", int(chain[outside][0]), f"the ring has 0 to {n - 1}")
    again = np.flatnonzero(np.bincount(chain, minlength=n) > 1)
    if again.size:
        raise BadInput("ring position", int(again[0]), "stands in two places; a node belongs to one group")
    joined = np.ones(len(chain), dtype=bool)  # whether a node is spliced with the one after it in the chain
    joined[np.cumsum(lengths) - 1] = False
    here = chain[joined]
    there = chain[1:][joined[:-1]] if len(chain) else here
    hop = there - here
    if ring.closed:
        hop = (hop + n // 2) % n - n // 2
    bad = np.flatnonzero((hop == 0) | (np.abs(hop) > ring.k))
    if bad.size:
        a, b = int(here[bad[0]]), int(there[bad[0]])
        raise BadInput("group at ring positions", [a, b], f"they are {abs(int(hop[bad[0]]))} hops apart; K is {ring.k}")
    bundle_of, path_of = _tables(ring.k)
    paths = np.zeros((n, ring.bundles), dtype=np.uint8)
    paths[here, bundle_of[hop]] = path_of[hop]
    taken = paths[there, bundle_of[-hop]] != 0
    if taken.any():
        raise BadInput(
            "ring position", int(there[taken][0]), "needs two paths that share a bundle; leave one neighbour out"
        )
    paths[there, bundle_of[-hop]] = path_of[-hop]
    return Circuits(paths, epoch)


def _tables(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the bundle and the path of each signed hop, [2k+1]; a negative hop counts from the end."""
    bundle, path = np.zeros(2 * k + 1, dtype=np.int64), np.zeros(2 * k + 1, dtype=np.uint8)
    for index, hops in enumerate(path_pairs(k)):
        for place, hop in enumerate(hops):
            bundle[hop], path[hop] = index, TransceiverPath(place + 1)
    return bundle, path
