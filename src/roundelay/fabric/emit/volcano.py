"""Volcano: the groups as HyperNodes of tier 1, the job as one of tier 2, and a Job whose partitions are the groups.

Source: Volcano's API topology.volcano.sh/v1alpha1 (v1.11) and batch.volcano.sh/v1alpha1 with partitionPolicy (v1.14).
"""

from __future__ import annotations

from typing import Any

from roundelay.fabric.emit import lint
from roundelay.fabric.emit.kubernetes import config_maps, pod_spec
from roundelay.fabric.emit.view import Emitted, View, group_name
from roundelay.fabric.emit.yaml_text import stream


def hyper_nodes(view: View) -> list[dict[str, Any]]:
    """Return the HyperNodes: every group with its nodes, then the job with its groups. Raises as lint does."""
    lint.distinct(view.hosts, "node")
    names = [group_name(view.job.name, index) for index in range(len(view.job.groups))]
    groups = [
        _hyper_node(name, 1, [("Node", lint.dns_name(host, "node")) for host in hosts])
        for name, hosts in zip(names, view.groups, strict=True)
    ]
    return [*groups, _hyper_node(view.job.name, 2, [("HyperNode", name) for name in names])]


def _hyper_node(name: str, tier: int, members: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "apiVersion": "topology.volcano.sh/v1alpha1",
        "kind": "HyperNode",
        "metadata": {"name": lint.dns_name(name, "HyperNode")},
        "spec": {
            "tier": tier,
            "members": [{"type": kind, "selector": {"exactMatch": {"name": member}}} for kind, member in members],
        },
    }


def job(view: View) -> dict[str, Any]:
    """Return the Job: one pod a node, in partitions of one group, each within one HyperNode of tier 1."""
    nodes = len(view.hosts)
    name = lint.dns_label(view.job.name, "job", room=len(f"-train-{nodes}"))
    return {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "schedulerName": "volcano",
            "minAvailable": nodes,
            "networkTopology": {"mode": "hard", "highestTierAllowed": 2},
            "tasks": [
                {
                    "name": "train",
                    "replicas": nodes,
                    "partitionPolicy": {
                        "totalPartitions": len(view.job.groups),
                        "partitionSize": view.group_nodes,
                        "networkTopology": {"mode": "hard", "highestTierAllowed": 1},
                    },
                    "template": {"spec": {"schedulerName": "volcano", **pod_spec(view)}},
                }
            ],
        },
    }


def volcano(view: View) -> Emitted:
    """Return the HyperNodes, the ConfigMap and the Job."""
    return Emitted(
        {
            "hypernodes.yaml": f"# {view.header}\n" + stream(hyper_nodes(view)),
            "config-map.yaml": f"# {view.header}\n" + stream(config_maps(view)),
            "job.yaml": f"# {view.header}\n" + stream([job(view)]),
        },
        (
            "kubectl apply --server-side -f DIR/hypernodes.yaml",
            "kubectl apply --server-side -f DIR/config-map.yaml -f DIR/job.yaml",
        ),
        (
            "The scheduler needs the plugin network-topology-aware; put your image and program in job.yaml. A pod's "
            "rank is its node's, not its index.",
        ),
    )
