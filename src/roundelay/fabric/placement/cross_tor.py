"""Cross-ToR traffic of our placement beside that of greedy random groups, on one fabric with drawn faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.placement import dcn, orchestrate
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment
from roundelay.record import Record


@dataclass(frozen=True, slots=True)
class CrossTorRow(Record):
    """Shares of DCN bytes that cross ToRs, ours and greedy random's, the mean over draws of faults.

    `fits` is the share of draws in which the job fits; the means are of those, NaN where there is none.
    `aligned_by_formula` is 1 where the closed form says that the job can be aligned.
    """

    nodes_per_tor: int
    job_share: float
    k: int
    fault_ratio: float
    cross_tor: float
    cross_tor_random: float
    aligned_by_formula: int
    fits: float

    @property
    def case(self) -> tuple[int, float, int]:
        """Nodes per ToR, the job's share and K: what one curve holds fixed."""
        return self.nodes_per_tor, self.job_share, self.k


def against_faults(
    deployment: Deployment, tp: int, job_share: float, ratios: Sequence[float], seeds: int
) -> list[CrossTorRow]:
    """Return a row for each fault ratio, the mean over draws with seeds 0 to `seeds` - 1."""
    k, group_nodes = deployment.ring.k, deployment.ring.fabric.nodes_per_group(tp)
    rows = []
    for ratio in ratios:
        found = np.array([ours_and_random(deployment, tp, job_share, ratio, seed) for seed in range(seeds)])
        fits = float(np.isfinite(found[:, 0]).mean())
        ours, random = (float(np.nanmean(found[:, i])) if fits else float("nan") for i in (0, 1))
        aligned = dcn.cliff(ratio, k, group_nodes, deployment.nodes_per_tor) >= job_share
        rows.append(CrossTorRow(deployment.nodes_per_tor, job_share, k, ratio, ours, random, int(aligned), fits))
    return rows


def ours_and_random(
    deployment: Deployment, tp: int, job_share: float, fault_ratio: float, seed: int
) -> tuple[float, float]:
    """Return the shares of DCN bytes that cross ToRs, ours and greedy random's; NaN where the job does not fit.

    The nodes that are down and the random groups are drawn from `seed`; the job takes `job_share` of all GPUs.
    """
    nodes, gpus_per_node = deployment.nodes, deployment.ring.fabric.gpus_per_node
    rng = np.random.default_rng(seed)
    down = tuple(int(n) for n in np.flatnonzero(rng.random(nodes) < fault_ratio))
    groups = int(nodes * gpus_per_node * job_share) // tp
    try:
        placed, score = orchestrate.place(Placement(deployment, (), down), tp, groups * tp)
    except BadInput:
        return float("nan"), float("nan")
    chains = orchestrate.chains_of(deployment, ~placed.down_mask(), tp // gpus_per_node)
    picked = [chains[i] for i in rng.permutation(len(chains))[:groups]]
    tors = deployment.tor(deployment.node(np.array(picked)))
    return score.cross_tor, dcn.crossing(tors, dcn.parse_rings(None, groups, deployment.nodes_per_tor))
