"""NVIDIA topograph's instance graph: hosts with their switches from the ToR up.

Source: topograph's graph engine (docs/engines/graph.md): `instances` with `id` and `network_layers`, the closest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from roundelay.fabric.inventory.inventory import Host
from roundelay.fabric.reading.source import Source


def read(rows: Iterable[Any], source: Source) -> Iterator[Host]:
    """Yield the hosts of the graph's instances; one without a switch has no ToR, one without an id is refused."""
    for index, row in enumerate(rows):
        host = row.get("id") if isinstance(row, dict) else None
        if not isinstance(host, str) or not host:
            raise source.bad(f"instance {index} has no id; give the graph engine's output")
        layers = row.get("network_layers") or []
        if not isinstance(layers, list) or not all(isinstance(layer, str) and layer for layer in layers):
            raise source.bad(f"instance {host} garbles its network_layers; give the graph engine's output")
        yield Host(host, layers[0] if layers else "", domain=layers[1] if len(layers) > 1 else "")
