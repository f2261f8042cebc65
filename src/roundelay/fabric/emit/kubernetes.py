"""Kubernetes node labels that say where a node stands in the current cut, and the pieces that Kueue and Volcano share.

Only the asked job's nodes and free nodes are labelled: a node of another job's group keeps the labels it runs under.
"""

from __future__ import annotations

from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.emit import lint
from roundelay.fabric.emit.torchrun import ranks_tsv, run_sh
from roundelay.fabric.emit.view import Emitted, View, free_cut, group_name, segment_index
from roundelay.fabric.emit.yaml_text import stream

PREFIX = "fabric.roundelay.dev"
HBD, SEGMENT, GROUP, RING_INDEX, JOB = (f"{PREFIX}/{key}" for key in ("hbd", "segment", "group", "ring-index", "job"))
# One K-hop ring is one high-bandwidth domain.
HBD_VALUE = "hbd-0"
MANAGER = "roundelay"  # owner of the labels
NAMES = 500  # dead nodes in one command line


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


def labels_yaml(view: View) -> str:
    """Return the living nodes with their labels, for one server-side apply.

    The applier owns the labels, so what an older cut has put on a node and this one does not is taken off again. Dead
    nodes are not among them: applied, one that has left the cluster would be made anew.
    """
    found = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": host, "labels": pairs}}
        for host, pairs in node_labels(view).items()
        if SEGMENT in pairs
    ]
    return f"# {view.header}\n" + stream(found)


def labels_sh(view: View) -> str:
    """Return a script of one server-side apply of labels.yaml, and one `kubectl label` that clears the dead nodes.

    A dead node may be gone from the cluster, so failing on it stops nothing.
    """
    lines = ["#!/usr/bin/env bash", f"# {view.header}", "set -euo pipefail"]
    lines += ['here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"']
    lines += [f'kubectl apply --server-side --field-manager={MANAGER} --force-conflicts -f "$here/labels.yaml"']
    dead = [host for host, pairs in node_labels(view).items() if SEGMENT not in pairs]
    gone = " ".join(f"{key}-" for key in (SEGMENT, GROUP, RING_INDEX, JOB))
    for start in range(0, len(dead), NAMES):
        names = " ".join(dead[start : start + NAMES])
        lines.append(f"kubectl label node {names} --overwrite {HBD}={HBD_VALUE} {gone} || true")
    return "\n".join(lines) + "\n"


def labels(view: View) -> Emitted:
    """Return the labels as one apply and, for other programs, as lines of host, key and value."""
    pairs = [f"{host}\t{key}\t{value}" for host, own in node_labels(view).items() for key, value in own.items()]
    others = sum(len(job.groups) for job in view.placement.jobs if job is not view.job)
    return Emitted(
        {"labels.sh": labels_sh(view), "labels.yaml": labels_yaml(view), "labels.tsv": "\n".join(pairs) + "\n"},
        ("DIR/labels.sh",),
        (f"{others} groups of other jobs keep their labels.",) if others else (),
    )


def rank_files(view: View) -> list[dict[str, str]]:
    """Return the files that every pod mounts, in parts of at most what a ConfigMap holds: run.sh and the rank file.

    A rank file too long for one part goes on in ranks-1.tsv, ranks-2.tsv …; run.sh reads them all.
    """
    parts, room = [{"run.sh": run_sh(view)}], lint.CONFIG_MAP_BYTES
    left = room - len(parts[0]["run.sh"].encode())
    lines: list[str] = []
    for line in ranks_tsv(view).splitlines(keepends=True):
        if len(line) > left:
            parts[-1][_ranks(len(parts) - 1)] = "".join(lines)
            parts.append({})
            lines, left = [], room
        lines.append(line)
        left -= len(line)
    parts[-1][_ranks(len(parts) - 1)] = "".join(lines)
    return parts


def _ranks(part: int) -> str:
    return f"ranks-{part}.tsv" if part else "ranks.tsv"


def config_maps(view: View) -> list[dict[str, Any]]:
    """Return the ConfigMaps with run.sh and the rank file, as many as their limit of 1 MiB asks."""
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _map_name(view, part)}, "data": data}
        for part, data in enumerate(rank_files(view))
    ]


def _map_name(view: View, part: int) -> str:
    return f"roundelay-{view.job.name}" + (f"-{part}" if part else "")


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
        "volumes": [_volume(view)],
    }


def _volume(view: View) -> dict[str, Any]:
    """Return the volume of run.sh and the rank file, from one ConfigMap or from several."""
    count = len(rank_files(view))
    if count == 1:
        return {"name": "roundelay", "configMap": {"name": _map_name(view, 0)}}
    sources = [{"configMap": {"name": _map_name(view, part)}} for part in range(count)]
    return {"name": "roundelay", "projected": {"sources": sources}}
