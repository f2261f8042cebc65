"""Where the ring's nodes stand: under which ToR, on which sub-line, at which place of the ring.

Source: InfinitePOD (arXiv 2502.03885) section 5, recalled and not checked against its text: nodes with the
same index under each ToR form a
sub-line, so that ring neighbours sit under different ToRs and the p sub-lines run in parallel over the same ToRs. The
ring is the sub-lines one after another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.topology.topology import Fabric, KHopRing


@dataclass(frozen=True, slots=True)
class Deployment:
    """A K-hop ring over racks: node t*p+s stands under ToR t as the s-th of p, at ring position s*T+t.

    `tors_per_domain` ToRs share an aggregation switch (a pod of the fat tree); 0 means that all do.
    """

    ring: KHopRing
    nodes_per_tor: int = 1
    tors_per_domain: int = 0

    def __post_init__(self) -> None:
        if self.nodes_per_tor < 1 or self.nodes % self.nodes_per_tor:
            raise BadInput("--nodes-per-tor", self.nodes_per_tor, f"does not divide {self.nodes} nodes")
        if self.tors_per_domain < 0 or (self.tors_per_domain and self.tors % self.tors_per_domain):
            raise BadInput("--tors-per-domain", self.tors_per_domain, f"does not divide {self.tors} ToRs")

    @classmethod
    def of(
        cls,
        nodes: int,
        gpus_per_node: int,
        k: int,
        nodes_per_tor: int = 1,
        *,
        closed: bool = True,
        tors_per_domain: int = 0,
    ) -> Deployment:
        """Return the deployment of a fabric given in plain numbers."""
        return cls(KHopRing(Fabric(nodes, gpus_per_node), k, closed), nodes_per_tor, tors_per_domain)

    @property
    def nodes(self) -> int:
        return self.ring.fabric.nodes

    @property
    def tors(self) -> int:
        return self.nodes // self.nodes_per_tor

    def position(self, node: np.ndarray) -> np.ndarray:
        """Return the ring position of nodes."""
        return node % self.nodes_per_tor * self.tors + node // self.nodes_per_tor

    def node(self, position: np.ndarray) -> np.ndarray:
        """Return the nodes at ring positions."""
        return position % self.tors * self.nodes_per_tor + position // self.tors

    def tor(self, node: np.ndarray) -> np.ndarray:
        """Return the ToR of nodes."""
        return node // self.nodes_per_tor

    def domain(self, node: np.ndarray) -> np.ndarray:
        """Return the aggregation domain of nodes."""
        tor = self.tor(node)
        return tor // self.tors_per_domain if self.tors_per_domain else tor * 0

    def rows(self, by_node: np.ndarray) -> np.ndarray:
        """Return per-node values [nodes] as sub-lines [p, T]."""
        return by_node.reshape(self.tors, self.nodes_per_tor).T
