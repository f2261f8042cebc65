"""The K-hop ring: nodes, fibres, bundles, and which groups its transceivers can really form.

Source: InfinitePOD (arXiv 2502.03885) section 4; the pairing of paths is ours, since the paper leaves it open.

    node   R GPUs joined in an internal ring of R edges; edge e joins GPU e and GPU e+1 mod R
    bundle a set of OCSTrx on one of those edges; each bundle has two external paths and a loopback, one at a time
    fibre  joins a bundle of node n with one of node n+h, h = 1..K
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput

MAX_NODES = 10_000_000


@dataclass(frozen=True, slots=True)
class Fabric:
    """Nodes of a high-bandwidth domain, without saying yet what joins them."""

    nodes: int
    gpus_per_node: int

    def __post_init__(self) -> None:
        if self.gpus_per_node < 1:
            raise BadInput("GPUs per node", self.gpus_per_node, "give at least 1")
        if not 1 <= self.nodes <= MAX_NODES:
            raise BadInput("nodes", self.nodes, f"give 1 to {MAX_NODES:,}")

    @classmethod
    def of_gpus(cls, gpus: int, gpus_per_node: int) -> Fabric:
        """Return the fabric of exactly `gpus` GPUs; raises `BadInput` if they are not whole nodes."""
        if gpus_per_node < 1:
            raise BadInput("--gpus-per-node", gpus_per_node, "give at least 1")
        if gpus < gpus_per_node:
            raise BadInput("--gpus", gpus, f"give at least one node of {gpus_per_node}")
        if gpus % gpus_per_node:
            rest = gpus % gpus_per_node
            raise BadInput("--gpus", gpus, f"{rest} GPUs fill no node of {gpus_per_node}; give {gpus - rest}")
        return cls(gpus // gpus_per_node, gpus_per_node)

    @property
    def gpus(self) -> int:
        return self.nodes * self.gpus_per_node

    def nodes_per_group(self, tp: int) -> int:
        """Return TP/R, the nodes of one TP group; raises `BadInput` where a group is not whole nodes."""
        if tp < 1 or tp % self.gpus_per_node:
            raise BadInput("--tp", tp, f"give a multiple of the node's {self.gpus_per_node} GPUs")
        if tp > self.gpus:
            raise BadInput("--tp", tp, f"the fabric has {self.gpus} GPUs; give at most that")
        return tp // self.gpus_per_node


def path_pairs(k: int) -> tuple[tuple[int, ...], ...]:
    """Return for each bundle the signed hops its external paths lead to.

    Main left and main right lie on different bundles: (+1, +2), (-1, -2), (+3, +4), (-3, -4) …; an odd K ends
    with the one bundle (+K, -K), whose two hops exclude each other. K = 1 uses one path of each of two bundles.
    """
    if k < 1:
        raise BadInput("K", k, "give at least 1")
    if k == 1:
        return ((1,), (-1,))
    pairs: list[tuple[int, ...]] = []
    for low in range(1, k, 2):
        pairs += [(low, low + 1), (-low, -low - 1)]
    if k % 2:
        pairs.append((k, -k))
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class KHopRing:
    """A line or circle of nodes with fibres to the K nearest on both sides."""

    fabric: Fabric
    k: int
    closed: bool = True

    def __post_init__(self) -> None:
        limit = (self.fabric.nodes - 1) // 2 if self.closed else self.fabric.nodes - 1
        if self.k < 1 or (self.fabric.nodes > 1 and self.k > max(limit, 1)):
            raise BadInput("K", self.k, f"give 1 to {max(limit, 1)} for {self.fabric.nodes} nodes")
        if len(path_pairs(self.k)) > self.fabric.gpus_per_node:
            raise BadInput("K", self.k, f"needs more bundles than the {self.fabric.gpus_per_node} ring edges of a node")

    @property
    def bundles(self) -> int:
        """Bundles of a node; the other R - bundles ring edges are copper."""
        return len(path_pairs(self.k))

    def fibres(self) -> Iterator[tuple[int, int]]:
        """Yield every fibre as (node, the node it leads to clockwise)."""
        n = self.fabric.nodes
        for node in range(n):
            for hop in range(1, self.k + 1):
                if self.closed and n > 2 * hop:
                    yield node, (node + hop) % n
                elif node + hop < n:
                    yield node, node + hop

    def hop(self, a: int, b: int) -> int:
        """Return the signed hop from node a to node b, the short way round if the ring is closed."""
        step = b - a
        if self.closed:
            n = self.fabric.nodes
            step = (step + n // 2) % n - n // 2
        return step

    def bundle_of(self, hop: int) -> int:
        """Return the bundle whose external path spans the signed `hop`."""
        for bundle, hops in enumerate(path_pairs(self.k)):
            if hop in hops:
                return bundle
        raise BadInput("hop", hop, f"no fibre spans it; K is {self.k}")

    def conflict(self, chain: Sequence[int]) -> str | None:
        """Return why the nodes of `chain`, in ring order, cannot form one GPU ring; None if they can."""
        for left, node in itertools.pairwise(chain):
            if not 1 <= abs(self.hop(left, node)) <= self.k:
                return f"nodes {left} and {node} are {abs(self.hop(left, node))} hops apart; K is {self.k}"
        for left, node, right in zip(chain, chain[1:], chain[2:], strict=False):
            if self.bundle_of(self.hop(node, left)) == self.bundle_of(self.hop(node, right)):
                back, on = self.hop(node, left), self.hop(node, right)
                return f"node {node} needs its paths {back:+d} and {on:+d} at once; they share a bundle"
        return None


def gpu_ring(ring: KHopRing, chain: Sequence[int]) -> list[int]:
    """Return the GPUs of `chain` in the order of the one ring they form: out along one arc, back on the other.

    The GPUs of node n are n*R … n*R+R-1. Raises `BadInput` where the chain is not realisable.
    """
    reason = ring.conflict(chain)
    if reason:
        raise BadInput("group", list(chain), reason)
    r = ring.fabric.gpus_per_node
    neighbours: dict[int, list[int]] = {n * r + g: [] for n in chain for g in range(r)}
    open_edges: dict[int, set[int]] = {n: set() for n in chain}
    for a, b in itertools.pairwise(chain):
        edge_a, edge_b = ring.bundle_of(ring.hop(a, b)), ring.bundle_of(ring.hop(b, a))
        open_edges[a].add(edge_a)
        open_edges[b].add(edge_b)
        for end_a, end_b in ((edge_a, edge_b), ((edge_a + 1) % r, (edge_b + 1) % r)):
            neighbours[a * r + end_a].append(b * r + end_b)
            neighbours[b * r + end_b].append(a * r + end_a)
    for n in chain:
        for edge in range(r):
            if edge not in open_edges[n] and r > 1:
                first, second = n * r + edge, n * r + (edge + 1) % r
                neighbours[first].append(second)
                neighbours[second].append(first)
    order, previous, here = [], -1, chain[0] * r
    while True:
        order.append(here)
        onward = [g for g in neighbours[here] if g != previous] or neighbours[here]
        previous, here = here, onward[0]
        if here == order[0] or len(order) > len(neighbours):
            return order


def segments(down_N: np.ndarray, k: int, closed: bool) -> list[np.ndarray]:
    """Return the healthy nodes of each segment, in ring order.

    A segment is a maximal run of healthy nodes with gaps of at most K, so K neighbouring faults cut it; on a closed
    ring the run over the seam is one segment. O(nodes). Input: bool [N], true where a node is down.
    """
    healthy = np.flatnonzero(~down_N)
    if healthy.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(healthy) > k) + 1
    parts = np.split(healthy, cuts)
    if closed and len(parts) > 1 and healthy[0] + len(down_N) - healthy[-1] <= k:
        parts = [np.concatenate([parts[-1], parts[0]]), *parts[1:-1]]
    return parts
