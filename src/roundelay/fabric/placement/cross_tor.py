"""Cross-ToR traffic of our placement beside that of greedy random groups, on one fabric with drawn faults."""

from __future__ import annotations

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.placement import dcn, orchestrate
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.topology.deployment import Deployment


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
