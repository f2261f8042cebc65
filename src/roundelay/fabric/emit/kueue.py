"""Kueue, topology-aware scheduling: a Topology over our labels, a ResourceFlavor of the job's nodes, a Job in slices.

Source: Kueue's API kueue.x-k8s.io/v1beta2 (v0.15 or later) and its podset annotations.
"""

from __future__ import annotations

from typing import Any

from roundelay.fabric.emit import lint
from roundelay.fabric.emit.kubernetes import (
    GROUP,
    HBD,
    HBD_VALUE,
    JOB,
    PREFIX,
    SEGMENT,
    config_maps,
    labels_sh,
    labels_yaml,
    pod_spec,
)
from roundelay.fabric.emit.view import Emitted, View
from roundelay.fabric.emit.yaml_text import stream

API = "kueue.x-k8s.io/v1beta2"
TOPOLOGY = "roundelay"
QUEUE = "roundelay"


def objects(view: View) -> list[list[dict[str, Any]]]:
    """Return the Topology, the ResourceFlavor, the ConfigMaps and the Job, in the order in which they are applied.

    A slice is a TP group: m pods in one domain of the group label, which holds just m nodes. Raises `BadInput` for a
    name that Kubernetes would reject.
    """
    nodes, name = len(view.hosts), lint.dns_label(view.job.name, "job", room=len(str(len(view.hosts))) + 1)
    levels = [{"nodeLabel": key} for key in (HBD, SEGMENT, GROUP, "kubernetes.io/hostname")]
    return [
        [{"apiVersion": API, "kind": "Topology", "metadata": {"name": TOPOLOGY}, "spec": {"levels": levels}}],
        [
            {
                "apiVersion": API,
                "kind": "ResourceFlavor",
                "metadata": {"name": lint.dns_name(f"roundelay-{name}", "flavor")},
                "spec": {"nodeLabels": {HBD: HBD_VALUE, JOB: name}, "topologyName": TOPOLOGY},
            }
        ],
        config_maps(view),
        [_job(view, name, nodes)],
    ]


def _job(view: View, name: str, nodes: int) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {"kueue.x-k8s.io/queue-name": QUEUE}},
        "spec": {
            "completions": nodes,
            "parallelism": nodes,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "suspend": True,
            "template": {
                "metadata": {
                    "annotations": {
                        "kueue.x-k8s.io/podset-required-topology": HBD,
                        "kueue.x-k8s.io/podset-slice-required-topology": GROUP,
                        "kueue.x-k8s.io/podset-slice-size": str(view.group_nodes),
                    }
                },
                "spec": pod_spec(view),
            },
        },
    }


def kueue(view: View) -> Emitted:
    """Return the node labels' script and the objects, one file each."""
    names = ("topology.yaml", "resource-flavor.yaml", "config-map.yaml", "job.yaml")
    files = {name: f"# {view.header}\n" + stream(values) for name, values in zip(names, objects(view), strict=True)}
    return Emitted(
        {"labels.sh": labels_sh(view), "labels.yaml": labels_yaml(view), **files},
        (
            "DIR/labels.sh",
            "kubectl apply --server-side -f DIR/topology.yaml -f DIR/resource-flavor.yaml",
            "kubectl apply --server-side -f DIR/config-map.yaml -f DIR/job.yaml",
        ),
        (
            f"The flavor roundelay-{view.job.name} must stand in the ClusterQueue behind the LocalQueue {QUEUE!r} "
            "(or set your queue's name in job.yaml); put your image and program in job.yaml.",
            f"The labels are {PREFIX}/…; a pod's rank is its node's, not its index.",
        ),
    )
