"""How many GPUs of a fabric stay usable when nodes are down, for every architecture of `specs/architectures.toml`.

Two forms of rule are enough (arXiv 2502.03885, section 6). `Chain` is the K-hop ring: healthy nodes within K hops
form groups. `Blocks` is everything else: the fabric is cut into equal blocks, and what a block still gives depends only
on how many of its nodes are down. Big-Switch is one block, DGX and SiP-Ring are small ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.specs import architectures
from roundelay.fabric.specs.architectures import Architecture
from roundelay.fabric.topology.topology import Fabric, KHopRing
from roundelay.fabric.waste import closed_form, kernels


class UsableGpus(Protocol):
    """What `waste` asks of an architecture on one fabric and TP; counts are nodes, times nodes' worth of GPUs."""

    @property
    def name(self) -> str: ...

    @property
    def fabric(self) -> Fabric: ...

    def usable(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        """Return usable GPUs [E+1] before the first and after each event (delta +1 down, -1 up)."""
        ...

    def spared(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray | None:
        """Return GPUs [E+1] that are healthy, unused, and counted as spares rather than waste; None if none are."""
        ...

    def in_use(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        """Return, for each fault, the probability [E] that its node was in a group, if any may be left over."""
        ...

    def expected_usable(self, p: float) -> float:
        """Return the exact mean of usable GPUs when each node is down with probability p, independently."""
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """InfinitePOD: the K-hop ring, cut greedily into groups of m nodes; exact for one group size."""

    name: str
    fabric: Fabric
    tp: int
    k: int
    closed: bool = True

    def usable(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        m = self.tp // self.fabric.gpus_per_node
        return kernels.chain(node_E, delta_E, self.fabric.nodes, self.k, m, self.closed) * self.tp

    def spared(self, node_E: np.ndarray, delta_E: np.ndarray) -> None:
        return None

    def in_use(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        m = self.tp // self.fabric.gpus_per_node
        return kernels.chain_value(node_E, delta_E, self.fabric.nodes, self.k, m, self.closed)

    def expected_usable(self, p: float) -> float:
        m = self.tp // self.fabric.gpus_per_node
        wasted = closed_form.khop_finite(p, self.k, m, self.fabric.nodes, closed=self.closed)
        return self.fabric.gpus * (1 - p - wasted)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Equal blocks of nodes; `usable_D[d]` GPUs remain usable in a block with d nodes down.

    `blocks_per_group` > 1 joins that many whole blocks into a group of `tp` GPUs, wherever they lie (optical switches
    between cubes); `spared_D[d]` GPUs are healthy spares.
    """

    name: str
    fabric: Fabric
    tp: int
    block_nodes: int
    usable_D: np.ndarray
    blocks_per_group: int = 1
    spared_D: np.ndarray | None = None

    def usable(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        total = self._sum(self.usable_D, node_E, delta_E)
        return total if self.blocks_per_group == 1 else total // self.tp * self.tp

    def spared(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray | None:
        return None if self.spared_D is None else self._sum(self.spared_D, node_E, delta_E)

    def in_use(self, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        healthy_D = (self.block_nodes - np.arange(self.block_nodes + 1)) * self.fabric.gpus_per_node
        share_D = self.usable_D / np.maximum(healthy_D, 1)
        blocks = self.fabric.nodes // self.block_nodes
        inside_E = kernels.block_value(node_E, delta_E, blocks, self.block_nodes, share_D)
        if self.blocks_per_group > 1:  # of the whole blocks, some are left over
            whole = self._sum(self.usable_D, node_E, delta_E)[:-1]
            inside_E = inside_E * (whole // self.tp * self.tp / np.maximum(whole, 1))
        return np.where(delta_E > 0, inside_E, 0.0)

    def expected_usable(self, p: float) -> float:
        blocks = self.fabric.nodes // self.block_nodes
        if self.blocks_per_group == 1:
            return blocks * float(closed_form.binomial(self.block_nodes, p) @ self.usable_D)
        whole = (1 - p) ** self.block_nodes  # a block counts only while all its nodes are healthy
        whole_B = np.arange(blocks + 1)
        groups_B = whole_B // self.blocks_per_group
        return float(closed_form.binomial(blocks, 1 - whole)[::-1] @ groups_B) * self.tp

    def _sum(self, table_D: np.ndarray, node_E: np.ndarray, delta_E: np.ndarray) -> np.ndarray:
        return kernels.blocks(node_E, delta_E, self.fabric.nodes, self.block_nodes, table_D.astype(np.int64))


def _floor_table(block_nodes: int, gpus_per_node: int, tp: int) -> np.ndarray:
    """Return usable GPUs [block_nodes+1] of a switched block: its healthy GPUs, rounded down to whole groups."""
    healthy = (block_nodes - np.arange(block_nodes + 1)) * gpus_per_node
    return healthy // tp * tp


def _whole_table(block_nodes: int, usable: int) -> np.ndarray:
    """Return usable GPUs [block_nodes+1] of a block that one fault kills."""
    return np.concatenate([[usable], np.zeros(block_nodes, dtype=np.int64)])


def _block_nodes(name: str, fabric: Fabric, block_gpus: int, what: str) -> int:
    """Return the nodes of a block; raises `BadInput` that says what would be cut."""
    if block_gpus % fabric.gpus_per_node:
        raise BadInput(
            name,
            f"on nodes of {fabric.gpus_per_node} GPUs",
            f"{what} of {block_gpus} GPUs cuts a node in two; choose another --arch or --gpus-per-node",
        )
    rest = fabric.gpus % block_gpus
    if rest:
        fit = fabric.gpus - rest
        raise BadInput(
            name,
            f"on {fabric.gpus} GPUs",
            f"{rest} GPUs would be cut off: not a whole number of {what}s of "
            f"{block_gpus}; give --gpus {fit or block_gpus}, or name other --arch",
        )
    return block_gpus // fabric.gpus_per_node


def k_hop(architecture: Architecture, fabric: Fabric, tp: int) -> Chain:
    """InfinitePOD with fibres to the K nearest nodes on both sides, closed to a ring."""
    k = architecture.links.hops
    fabric.nodes_per_group(tp)
    KHopRing(fabric, k)
    return Chain(architecture.like, fabric, tp, k)


def switch(architecture: Architecture, fabric: Fabric, tp: int, spares: bool = False) -> Blocks:
    """A switched domain, of all GPUs (Big-Switch, the ideal: any healthy nodes form groups) or of a fixed size.

    With `spares` the GPUs above the largest multiple of TP are counted as bought spares (64+8 of NVL-72), not as waste.
    """
    name, size = architecture.like, architecture.usable.gpus
    nodes = _block_nodes(name, fabric, size, "domain") if size else fabric.nodes
    spared_D = None
    if spares and architecture.usable.spares:
        healthy_D = (nodes - np.arange(nodes + 1)) * fabric.gpus_per_node
        spared_D = np.maximum(healthy_D - size // tp * tp, 0)
    return Blocks(name, fabric, tp, nodes, _floor_table(nodes, fabric.gpus_per_node, tp), spared_D=spared_D)


def static_ring(architecture: Architecture, fabric: Fabric, tp: int) -> Blocks:
    """SiP-Ring: static rings of TP GPUs; a fault takes its whole ring."""
    fabric.nodes_per_group(tp)
    nodes = _block_nodes(architecture.like, fabric, tp, "ring")
    return Blocks(architecture.like, fabric, tp, nodes, _whole_table(nodes, tp))


def cube(architecture: Architecture, fabric: Fabric, tp: int) -> Blocks:
    """TPUv4 as its optical switches see it, or with `subblock` cut into static blocks of TP GPUs, one a fault.

    A fault takes the whole 4x4x4 cube, or its block; larger groups join any whole cubes.
    """
    name, size = architecture.like, architecture.usable.gpus
    static = architecture.usable.kind == "subblock"
    if static and tp < size and size % tp:
        raise BadInput("--tp", tp, f"{name} cuts a cube of {size} evenly; give a divisor of {size}")
    fabric.nodes_per_group(tp)
    cube_nodes = _block_nodes(name, fabric, size, "cube")
    if tp > size:
        if tp % size:
            raise BadInput("--tp", tp, f"{name} joins whole cubes of {size}; give a multiple of {size}")
        return Blocks(name, fabric, tp, cube_nodes, _whole_table(cube_nodes, size), blocks_per_group=tp // size)
    block_gpus = min(tp, size) if static else size
    nodes = block_gpus // fabric.gpus_per_node
    return Blocks(name, fabric, tp, nodes, _whole_table(nodes, block_gpus // tp * tp))


def of(architecture: Architecture | str, fabric: Fabric, tp: int, *, spares: bool = False) -> UsableGpus:
    """Return the rule of an architecture on this fabric; raises `BadInput` where it does not fit the fabric or TP.

    `spares` counts GPUs above a multiple of TP as spares where the architecture is sold with them.
    """
    if isinstance(architecture, str):
        architecture = architectures.named(architecture, "--arch")
    kind = architecture.usable.kind
    if kind == "k-hop":
        return k_hop(architecture, fabric, tp)
    if kind == "switch":
        return switch(architecture, fabric, tp, spares)
    if kind == "static-ring":
        return static_ring(architecture, fabric, tp)
    assert kind in ("cube", "subblock"), kind
    return cube(architecture, fabric, tp)


def build(names: str, fabric: Fabric, tp: int, *, spares: bool = False) -> tuple[list[UsableGpus], dict[str, str]]:
    """Return the rules of a comma-separated list or "all", and of each that cannot be, by name, why not.

    An architecture cannot be where its domain would cut a node in two (36 GPUs on 8-GPU nodes), its static cut does not
    divide the group, its groups are whole nodes and these are not, or the GPUs fill no whole domain. Raises `BadInput`
    for an unknown name, for a group larger than the fabric, and where nothing is left.
    """
    if not 1 <= tp <= fabric.gpus:
        raise BadInput("--tp", tp, f"give 1 to the fabric's {fabric.gpus} GPUs")
    known, everything = architectures.table(), names.strip() == "all"
    wanted = architectures.names() if everything else [name.strip() for name in names.split(",")]
    chosen: list[UsableGpus] = []
    cannot: dict[str, str] = {}
    first: BadInput | None = None
    for name in wanted:
        if name not in known:
            raise BadInput("--arch", name, f"choose from all, {', '.join(architectures.names())}")
        try:
            chosen.append(of(known[name], fabric, tp, spares=spares))
        except BadInput as error:
            cannot[name] = str(error)
            first = first or error
    if first and not chosen:
        raise first
    return chosen, cannot
