"""A placement in words: what each job got, and one node's part in it."""

from __future__ import annotations

from typing import Any

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.placement import dcn, orchestrate
from roundelay.fabric.placement.placement import Placement
from roundelay.fabric.placement.repair import repair
from roundelay.fabric.topology.optics import TransceiverPath
from roundelay.fabric.topology.topology import path_pairs


def of_placement(placement: Placement) -> dict[str, Any]:
    """Return the placement's jobs with their scores, its down and free nodes, and the nodes to repair first."""
    deployment = placement.deployment
    jobs = {}
    for job in placement.jobs:
        rings = dcn.parse_rings(None, len(job.groups), deployment.nodes_per_tor)
        values = orchestrate.score(placement, job, rings, 0.0).as_dict()
        del values["seconds"]
        jobs[job.name] = values
    largest = max((job.tp for job in placement.jobs), default=deployment.ring.fabric.gpus_per_node)
    return {
        "nodes": deployment.nodes,
        "k": deployment.ring.k,
        "nodes_per_tor": deployment.nodes_per_tor,
        "epoch": placement.epoch,
        "down": len(placement.down),
        **({"missing": len(placement.missing)} if placement.missing else {}),
        "free": int(orchestrate.free_mask(placement).sum()),
        "mend_first": [placement.host(n) for n in orchestrate.repair_first(placement, largest)],
        "jobs": jobs,
    }


def of_node(placement: Placement, node: int) -> dict[str, Any]:
    """Return one node's state, place, group, ranks, neighbours, transceiver paths, and what its fault would disturb."""
    deployment = placement.deployment
    position, tor = int(deployment.position(np.array(node))), int(deployment.tor(np.array(node)))
    value: dict[str, Any] = {
        "node": placement.host(node),
        "state": "down" if node in placement.down else "missing" if node in placement.missing else "free",
        "tor": tor,
        **({"tor_name": placement.tors[tor]} if placement.tors else {}),
        "ring_position": position,
    }
    for job in placement.jobs:
        for index, group in enumerate(job.groups):
            if node in group:
                rank = group.index(node)
                r = deployment.ring.fabric.gpus_per_node
                first = (index * len(group) + rank) * r
                value |= {
                    "state": "in a group",
                    "job": job.name,
                    "group": index,
                    "ranks": [first, first + r - 1],
                    "before": placement.host(group[rank - 1]) if rank else None,
                    "after": placement.host(group[rank + 1]) if rank + 1 < len(group) else None,
                    "fault_disturbs_groups": _blast(placement, node),
                }
    paths = placement.circuits().paths_NB[position]
    value["paths"] = [
        "loopback" if path == TransceiverPath.LOOPBACK else f"hop {hops[path - 1]:+d}"
        for path, hops in zip(paths.tolist(), path_pairs(deployment.ring.k), strict=True)
    ]
    return value


def _blast(placement: Placement, node: int) -> int | str:
    try:
        return repair(placement, [node]).disturbed
    except BadInput as error:
        return error.do
