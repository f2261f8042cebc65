"""Kubernetes node labels that say where a node stands in the current cut, and the pieces that Kueue and Volcano share.

Only the asked job's nodes and free nodes are labelled: a node of another job's group keeps the labels it runs under.
"""

from __future__ import annotations

from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.emit import lint
from roundelay.fabric.emit.torchrun import ranks_tsv, run_sh
from roundelay.fabric.emit.view import Emitted, View, free_cut, group_name, segment_index

PREFIX = "fabric.roundelay.dev"
HBD, SEGMENT, GROUP, RING_INDEX, JOB = (f"{PREFIX}/{key}" for key in ("hbd", "segment", "group", "ring-index", "job"))
# One K-hop ring is one high-bandwidth domain.
HBD_VALUE = "hbd-0"


def node_labels(view: View) -> dict[str, dict[str, str]]:
    """Return host -> labels, in node order, for every node but those of other jobs' groups.

    A free node left over has no group, a dead one no segment either. Raises `BadInput` for a host or a name that
    Kubernetes would reject.
    """
    placement = view.placement
    segment_N = segment_index(placement)
    free, rest = free_cut(placement, view.group_nodes)
    lint.label_value(group_name(view.job.name, 0), "group of job")
    by_node: dict[int, dict[str, str]] = {}
    for owner, groups in ((view.job.name, view.job.groups), ("", tuple(map(tuple, free)))):
        for index, group in enumerate(groups):
            for place, node in enumerate(group):
                by_node[node] = {
                    HBD: HBD_VALUE,
                    SEGMENT: f"segment-{segment_N[node]:05d}",
                    GROUP: group_name(owner or "free", index),
                    RING_INDEX: str(place),
                    **({JOB: owner} if owner else {}),
                }
    for node in [*(node for run in rest for node in run), *placement.down]:
        live = {SEGMENT: f"segment-{segment_N[node]:05d}"} if segment_N[node] >= 0 else {}
        by_node[node] = {HBD: HBD_VALUE, **live}
    if view.job.name == "free":
        raise BadInput("job", "free", "is the name of the free nodes' groups; rename the job")
    labels = {placement.host(node): by_node[node] for node in sorted(by_node)}
    lint.distinct(labels, "host")
    for host, pairs in labels.items():
        lint.dns_name(host, "node")
        for key, value in pairs.items():
            lint.label_value(value, key)
    return labels


def labels_sh(view: View) -> str:
    """Return a script of one `kubectl label` a node; a node loses what an older cut may have left on it.

    A dead node may be gone from the cluster, so failing on it stops nothing.
    """
    lines = ["#!/usr/bin/env bash", f"# {view.header}", "set -euo pipefail"]
    for host, pairs in node_labels(view).items():
        words = [f"{key}={value}" for key, value in pairs.items()]
        words += [f"{key}-" for key in (SEGMENT, GROUP, RING_INDEX, JOB) if key not in pairs]
        gone = "" if SEGMENT in pairs else " || true"
        lines.append(f"kubectl label node {host} --overwrite {' '.join(words)}{gone}")
    return "\n".join(lines) + "\n"


def labels(view: View) -> Emitted:
    """Return the labels as a script and, for other programs, as lines of host, key and value."""
    pairs = [f"{host}\t{key}\t{value}" for host, own in node_labels(view).items() for key, value in own.items()]
    others = sum(len(job.groups) for job in view.placement.jobs if job is not view.job)
    return Emitted(
        {"labels.sh": labels_sh(view), "labels.tsv": "\n".join(pairs) + "\n"},
        ("DIR/labels.sh",),
        (f"{others} groups of other jobs keep their labels.",) if others else (),
    )


def config_map(view: View) -> dict[str, Any]:
    """Return the ConfigMap with the rank file and run.sh, which every pod mounts; raises `BadInput` above 1 MiB."""
    data = {"ranks.tsv": ranks_tsv(view), "run.sh": run_sh(view)}
    size = sum(len(text.encode()) for text in data.values())
    if size > lint.CONFIG_MAP_BYTES:
        raise BadInput(
            "job of", f"{len(view.hosts)} nodes", f"makes a ConfigMap of {size} bytes, over 1 MiB; use --to torchrun"
        )
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"roundelay-{view.job.name}"}, "data": data}


def pod_spec(view: View) -> dict[str, Any]:
    """Return the pod: a whole node, the host's network, run.sh, which knows its rank by the node it landed on."""
    return {
        "restartPolicy": "Never",
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "containers": [
            {
                "name": "train",
                "image": "train:latest",
                "command": ["bash", "/roundelay/run.sh", "train.py"],
                "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                "resources": {"limits": {"nvidia.com/gpu": view.gpus_per_node}},
                "volumeMounts": [{"name": "roundelay", "mountPath": "/roundelay", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "roundelay", "configMap": {"name": f"roundelay-{view.job.name}"}}],
    }
