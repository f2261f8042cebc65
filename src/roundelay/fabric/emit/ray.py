"""Ray: node labels for `ray start`, and a placement group whose i-th bundle is the node of rank i.

Source: Ray's labels and bundle_label_selector (2.49 or later). A label has Kubernetes' syntax.
"""

from __future__ import annotations

import json
from typing import Any

from roundelay.fabric.emit import lint
from roundelay.fabric.emit.kubernetes import GROUP, JOB, RING_INDEX
from roundelay.fabric.emit.view import Emitted, View, group_name

PORT = 6379

PLACE_PY = '''"""Make the placement group of placement_group.json beside this file; bundle i is the node of rank i."""

import json
from pathlib import Path

import ray
from ray.util.placement_group import placement_group

TIMEOUT_S = 600


def place():
    """Return the placement group, ready; raises ray's GetTimeoutError where nodes with these labels are missing."""
    group = placement_group(**json.loads(Path(__file__).with_name("placement_group.json").read_text()))
    ray.get(group.ready(), timeout=TIMEOUT_S)
    return group


if __name__ == "__main__":
    ray.init(address="auto")
    print(place().id.hex())
'''


def selectors(view: View) -> list[dict[str, str]]:
    """Return the label selector of every node, in rank order; each fits just one node."""
    lint.label_value(group_name(view.job.name, 0), "group of job")
    return [
        {JOB: view.job.name, GROUP: group_name(view.job.name, index), RING_INDEX: str(place)}
        for index, group in enumerate(view.job.groups)
        for place in range(len(group))
    ]


def placement_group(view: View) -> dict[str, Any]:
    """Return the arguments of ray.util.placement_group."""
    return {
        "bundles": [{"GPU": view.gpus_per_node} for _ in view.hosts],
        "strategy": "STRICT_SPREAD",
        "name": view.job.name,
        "bundle_label_selector": selectors(view),
    }


def ray(view: View) -> Emitted:
    """Return the placement group's arguments, a program that makes it, and each host's `ray start` with its labels."""
    lint.host_names(view.hosts)
    head = view.hosts[0]
    lines = []
    for host, own in zip(view.hosts, selectors(view), strict=True):
        where = f"--head --port={PORT}" if host == head else f"--address={head}:{PORT}"
        text = ",".join(f"{key}={value}" for key, value in own.items())
        lines.append(f"{host}\tray start {where} --num-gpus={view.gpus_per_node} --labels={text}\n")
    return Emitted(
        {
            "placement_group.json": json.dumps(placement_group(view), indent=1) + "\n",
            "place.py": PLACE_PY,
            "start.tsv": "".join(lines),
        },
        (
            'while IFS=$\'\\t\' read -r host line; do ssh -n "$host" "$line"; done < DIR/start.tsv',
            "python DIR/place.py",
        ),
        ("start.tsv begins with the head. In your program: from place import place; bundle i is node rank i.",),
    )
