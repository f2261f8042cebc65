"""`kubectl get nodes -o json`: racks by the nodes' labels, GPUs by what the kubelet says.

Source: the Kubernetes API's NodeList; labels as in topograph's "Node Labels and Annotations", Kubernetes' well-known
labels, and those of AWS, Google Cloud and Oracle Cloud. Which label is which can be set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.inventory.inventory import MAX_HOSTS, Host
from roundelay.fabric.reading.source import Source

# the first key that any node has counts
LABELS: dict[str, tuple[str, ...]] = {
    "tor": (
        "fabric.topograph.run/tier-0", "network.topology.nvidia.com/leaf", "network.topology.nvidia.com/block",
        "topology.kubernetes.io/tor", "topology.k8s.aws/network-node-layer-3", "cloud.google.com/gce-topology-subblock",
        "oci.oraclecloud.com/host.network_block_id", "tor", "topology.kubernetes.io/leaf",
    ),
    "rack": ("topology.kubernetes.io/rack", "failure-domain.beta.kubernetes.io/rack", "topology.rook.io/rack", "rack",
             "cloud.google.com/gce-topology-block", "oci.oraclecloud.com/host.rack_id", "oci.oraclecloud.com/rack"),
    "domain": (
        "fabric.topograph.run/tier-1", "network.topology.nvidia.com/spine", "topology.k8s.aws/network-node-layer-2",
        "cloud.google.com/gce-topology-block", "oci.oraclecloud.com/host.hpc_island_id", "topology.kubernetes.io/block",
        "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone",
    ),
    "slot": ("topology.kubernetes.io/slot", "slot"),
}  # fmt: skip
GPU_RESOURCES = ("nvidia.com/gpu", "amd.com/gpu", "habana.ai/gaudi", "gpu.intel.com/i915")


def parse_labels(settings: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return which label says what: `tor=KEY` and the like over the defaults."""
    labels = dict(LABELS)
    for setting in settings:
        meaning, equals, key = setting.partition("=")
        if meaning not in LABELS or not equals or not key:
            raise BadInput("--label", setting, f"give {'=KEY, '.join(LABELS)}=KEY")
        labels[meaning] = (key,)
    return labels


def read(rows: Iterable[Any], source: Source, labels: Mapping[str, tuple[str, ...]], notes: list[str]) -> list[Host]:
    """Return the hosts of a NodeList's items, by the labels that they have; control-plane nodes are unusable.

    Raises `BadInput` for an item that is no node and for a chosen label that no node has.
    """
    wanted = {key for keys in labels.values() for key in keys}
    seen: Counter[str] = Counter()
    found: list[tuple[Host, dict[str, str]]] = []
    for index, row in enumerate(rows):
        if index >= MAX_HOSTS:
            raise source.bad(f"names more than {MAX_HOSTS:,} hosts; give those of one fabric")
        host, own = _host(row, index, source)
        found.append((host, {key: value for key, value in own.items() if key in wanted}))
        seen.update(found[-1][1].keys())
    keys = {meaning: next((key for key in names if seen[key]), "") for meaning, names in labels.items()}
    for meaning, names in labels.items():
        if names != LABELS[meaning] and not keys[meaning]:
            raise source.bad(f"no node has the label {names[0]} (--label {meaning}=…); name one that they have")
    if not keys["tor"] and keys["rack"]:
        notes.append(f"{source.name} has no label of ToRs: each rack ({keys['rack']}) is taken as one ToR")
        keys["tor"] = keys["rack"]
    if keys["domain"] in (keys["tor"], keys["rack"]):
        keys["domain"] = ""
    if keys["tor"]:
        said = ", ".join(f"{meaning} {key}" for meaning, key in keys.items() if key)
        notes.append(f"{source.name}: labels read are {said}")
    hosts = [_placed(host, own, keys, source) for host, own in found]
    return _qualified(hosts, notes, source)


def _placed(host: Host, own: Mapping[str, str], keys: Mapping[str, str], source: Source) -> Host:
    slot = own.get(keys["slot"], "")
    if slot and not slot.isdecimal():
        raise source.bad(f"node {host.name} has the slot {slot!r}; give whole numbers")
    tor, rack, domain = (own.get(keys[meaning], "") for meaning in ("tor", "rack", "domain"))
    return replace(host, tor=tor, rack=rack, domain=domain, slot=int(slot) if slot else None)


def _qualified(hosts: list[Host], notes: list[str], source: Source) -> list[Host]:
    """Return the hosts with ToR names that are unique: a zone's name before them where two zones use one name."""
    domains: dict[str, set[str]] = {}
    for host in hosts:
        if host.tor:
            domains.setdefault(host.tor, set()).add(host.domain)
    twice = [tor for tor, names in domains.items() if len(names) > 1]
    if not twice:
        return hosts
    notes.append(f"{source.name}: {twice[0]} stands in {len(domains[twice[0]])} domains; each is a ToR of its own")
    return [replace(host, tor=f"{host.domain or 'none'}-{host.tor}") if host.tor in twice else host for host in hosts]


def _host(row: Any, index: int, source: Source) -> tuple[Host, dict[str, str]]:
    """Return an item's host without its place, and its labels."""
    try:
        if row.get("kind", "Node") != "Node":
            raise source.bad(f"item {index} is a {row['kind']}; give what kubectl get nodes -o json prints")
        name, labels = row["metadata"]["name"], row["metadata"].get("labels") or {}
        status, spec = row.get("status") or {}, row.get("spec") or {}
        labels = {str(key): str(value) for key, value in labels.items()}
        counts = [int(have[key]) for have in (status.get("capacity") or {},) for key in GPU_RESOURCES if key in have]
        gpus = sum(counts) if counts else (0 if status.get("capacity") else None)
        return Host(str(name), gpus=gpus, down=_reason(spec, status)), labels
    except (AttributeError, KeyError, TypeError, ValueError):
        raise source.bad(f"item {index} is no node; give what kubectl get nodes -o json prints") from None


def _reason(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """Return why the node takes no pods now; "" where it does."""
    if spec.get("unschedulable"):
        return "cordoned"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Ready" and condition.get("status") != "True":
            return f"not ready: {condition.get('reason') or condition.get('status')}"
    taints = [taint.get("key", "") for taint in spec.get("taints") or () if taint.get("effect") == "NoExecute"]
    return f"taint {taints[0]}" if taints else ""
