"""NVIDIA topograph: its instance graph written and read, and its node labels.

Source: topograph's graph engine (docs/engines/graph.md) and node labels: an instance has an id, its switches from the
leaf up, and labels; `network.topology.nvidia.com/accelerator` names its accelerated domain, which is here the TP group.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.emit import lint
from roundelay.fabric.emit.view import Emitted, View, free_cut, group_name
from roundelay.fabric.topology.deployment import Deployment

PREFIX = "network.topology.nvidia.com"
ACCELERATOR = f"{PREFIX}/accelerator"
LAYERS = ("leaf", "spine", "core")
MAX_INSTANCES = 1_000_000


@dataclass(frozen=True, slots=True)
class Racks:
    """What a topograph graph says of the DCN: ToR -> its hosts, each ToR's aggregation switch; ToRs in node order."""

    tors: tuple[tuple[str, tuple[str, ...]], ...]
    domains: tuple[str, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts in node order: ToR by ToR."""
        return tuple(host for _, hosts in self.tors for host in hosts)

    def deployment(self, gpus_per_node: int, k: int, *, closed: bool = True) -> Deployment:
        """Return the deployment of a K-hop ring over these racks; raises `BadInput` where they are uneven."""
        p = len(self.tors[0][1])
        for name, hosts in self.tors:
            if len(hosts) != p:
                raise BadInput("ToR", name, f"has {len(hosts)} hosts where others have {p}; leave the uneven ones out")
        sizes = {self.domains.count(domain) for domain in dict.fromkeys(self.domains)}
        if len(sizes) > 1:
            raise BadInput("ToRs of a spine", sorted(sizes), "are uneven; leave some out or give one spine")
        per_domain = sizes.pop()
        whole = 0 if per_domain == len(self.tors) else per_domain
        return Deployment.of(len(self.hosts), gpus_per_node, k, p, closed=closed, tors_per_domain=whole)


def read(path: Path | str) -> Racks:
    """Return the racks of a topograph graph; raises `BadInput` where hosts stand twice or lack a leaf."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput("topograph graph", path, f"cannot be read ({error.strerror}); give its JSON file") from None
    except (ValueError, RecursionError) as error:  # ValueError: no text, no JSON, thousands of digits
        raise BadInput("topograph graph", path, f"is not JSON ({error}); give the graph engine's output") from None
    instances = value.get("instances") if isinstance(value, dict) else None
    if not isinstance(instances, list) or not instances or len(instances) > MAX_INSTANCES:
        raise BadInput("topograph graph", path, "has no list of instances; give the graph engine's output")
    by_leaf: dict[str, list[str]] = {}
    spine_of: dict[str, str] = {}
    for instance in instances:
        host, layers = _instance(instance)
        leaf, spine = layers[0], layers[1] if len(layers) > 1 else ""
        by_leaf.setdefault(leaf, []).append(host)
        if spine_of.setdefault(leaf, spine) != spine:
            raise BadInput("leaf switch", leaf, f"hangs under {spine_of[leaf]!r} and {spine!r}; give a tree")
    lint.distinct((host for hosts in by_leaf.values() for host in hosts), "instance")
    # ToRs of a domain stand together, in the order of first appearance, so that equal slices are domains.
    spines = list(dict.fromkeys(spine_of.values()))
    order = sorted(by_leaf, key=lambda leaf: spines.index(spine_of[leaf]))
    return Racks(tuple((leaf, tuple(by_leaf[leaf])) for leaf in order), tuple(spine_of[leaf] for leaf in order))


def _instance(value: Any) -> tuple[str, list[str]]:
    """Return an instance's id and its switches from the leaf up."""
    host = value.get("id") if isinstance(value, dict) else None
    if not isinstance(host, str) or not host:
        raise BadInput("instance", value, "has no id; give the graph engine's output")
    layers = value.get("network_layers")
    if not isinstance(layers, list) or not layers or not all(isinstance(layer, str) and layer for layer in layers):
        raise BadInput("instance", host, "names no leaf switch in network_layers; leave it out")
    return host, layers


def switches(view: View) -> list[list[str]]:
    """Return every node's switches from the leaf up: its ToR, its domain where there are several, the core."""
    deployment = view.placement.deployment
    tors, per_domain = deployment.tors, deployment.tors_per_domain
    width = len(str(tors - 1))
    out = []
    for node in range(deployment.nodes):
        tor = node // deployment.nodes_per_tor
        domain = [f"pod{tor // per_domain:0{width}d}"] if per_domain and per_domain < tors else []
        out.append([f"tor{tor:0{width}d}", *domain, "core"])
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
    down = set(placement.down)
    instances = []
    for node, layers in enumerate(switches(view)):
        if node in down:
            continue
        instance: dict[str, Any] = {"id": placement.host(node), "network_layers": layers}
        if node in of:
            instance["labels"] = {ACCELERATOR: of[node]}
        instances.append(instance)
    return {"instances": sorted(instances, key=lambda instance: instance["id"])}


def labels_sh(view: View) -> str:
    """Return `kubectl label` lines with topograph's keys, for clusters where it does not run itself."""
    lines = ["#!/usr/bin/env bash", f"# {view.header}", "set -euo pipefail"]
    for instance in graph(view)["instances"]:
        host = lint.dns_name(instance["id"], "node")
        pairs = [f"{key}={value}" for key, value in instance.get("labels", {}).items()]
        pairs += [f"{PREFIX}/{layer}={name}" for layer, name in zip(LAYERS, instance["network_layers"], strict=False)]
        lines.append(f"kubectl label node {host} --overwrite {' '.join(pairs)}")
    return "\n".join(lines) + "\n"


def topograph(view: View) -> Emitted:
    """Return the graph and the labels."""
    lint.host_names([view.placement.host(node) for node in range(view.placement.deployment.nodes)])
    return Emitted(
        {"graph.json": json.dumps(graph(view), indent=1) + "\n", "labels.sh": labels_sh(view)},
        ("DIR/labels.sh",),
        ("graph.json is what topograph's graph engine gives; labels.sh is for clusters where topograph does not run.",),
    )
