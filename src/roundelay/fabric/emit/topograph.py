"""NVIDIA topograph: its instance graph, and its node labels; `fabric.inventory` reads the graph.

Source: topograph's graph engine (docs/engines/graph.md) and node labels: an instance has an id, its switches from the
leaf up, and labels; `network.topology.nvidia.com/accelerator` names its accelerated domain, which is here the TP group.
"""

from __future__ import annotations

import json
from typing import Any

from roundelay.fabric.emit import lint
from roundelay.fabric.emit.view import Emitted, View, free_cut, group_name
from roundelay.fabric.emit.yaml_text import stream

PREFIX = "network.topology.nvidia.com"
MANAGER = "roundelay-topograph"  # owner of these labels, apart from those of `labels`
ACCELERATOR = f"{PREFIX}/accelerator"
LAYERS = ("leaf", "spine", "core")


def switches(view: View) -> list[list[str]]:
    """Return every node's switches from the leaf up: its ToR, its domain where there are several, the core."""
    deployment = view.placement.deployment
    tors, per_domain = deployment.tors, deployment.tors_per_domain
    width, names, domains = len(str(tors - 1)), view.tor_names(), view.placement.domains
    out = []
    for node in range(deployment.nodes):
        tor = node // deployment.nodes_per_tor
        pod = domains[tor] if domains else f"pod{tor // per_domain:0{width}d}" if per_domain else ""
        out.append([names[tor], *([pod] if per_domain and per_domain < tors else []), "core"])
    return out


def domains(view: View) -> dict[int, str]:
    """Return the accelerated domain of every node in a group: all jobs' groups, and those the free nodes could form."""
    placement = view.placement
    free, _ = free_cut(placement, view.group_nodes)
    named = [(group_name(job.name, i), group) for job in placement.jobs for i, group in enumerate(job.groups)]
    named += [(group_name("free", i), tuple(group)) for i, group in enumerate(free)]
    lint.distinct((name for name, _ in named), "group")
    return {node: lint.label_value(name, "group") for name, group in named for node in group}


def graph(view: View) -> dict[str, Any]:
    """Return the instance graph, sorted by id as topograph's is; nodes that are down are left out."""
    placement, of = view.placement, domains(view)
    down = {*placement.down, *placement.missing}
    instances = []
    for node, layers in enumerate(switches(view)):
        if node in down:
            continue
        instance: dict[str, Any] = {"id": placement.host(node), "network_layers": layers}
        if node in of:
            instance["labels"] = {ACCELERATOR: of[node]}
        instances.append(instance)
    return {"instances": sorted(instances, key=lambda instance: instance["id"])}


def labels_yaml(view: View) -> str:
    """Return the nodes with topograph's labels, for clusters where it does not run itself."""
    nodes = []
    for instance in graph(view)["instances"]:
        layers = zip(LAYERS, instance["network_layers"], strict=False)
        labels = {**instance.get("labels", {}), **{f"{PREFIX}/{layer}": name for layer, name in layers}}
        metadata = {"name": lint.dns_name(instance["id"], "node"), "labels": labels}
        nodes.append({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    return f"# {view.header}\n" + stream(nodes)


def topograph(view: View) -> Emitted:
    """Return the graph and the labels."""
    lint.host_names([view.placement.host(node) for node in view.nodes()])
    return Emitted(
        {"graph.json": json.dumps(graph(view), indent=1) + "\n", "labels.yaml": labels_yaml(view)},
        (f"kubectl apply --server-side --field-manager={MANAGER} --force-conflicts -f DIR/labels.yaml",),
        ("graph.json is what topograph's graph engine gives; labels.yaml is for clusters without it.",),
    )
