"""A fault history: read in many forms, written in the published one, and turned into events on the nodes of a fabric.

The published format is that of the InfinitePOD authors' public trace: a JSON list of
`{"node_id", "event_time" (days), "event_type": "fault_start" | "fault_end", "fault_type": {"Level", "Class", "Desc"}}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numba import njit

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.fabric.faults import forms
from roundelay.fabric.faults.records import Say, servers_of
from roundelay.fabric.reading.source import opened
from roundelay.fabric.topology.topology import Fabric

SERVERS, GPUS_PER_SERVER = 400, 8  # the published trace's cluster, which the file itself does not state


@dataclass(frozen=True, slots=True)
class Trace:
    """Faults of servers: `server` int32 [F], `start_days` and `end_days` float64 [F], sorted by start."""

    server: np.ndarray
    start_days: np.ndarray
    end_days: np.ndarray
    servers: int
    horizon_days: float
    gpus_per_server: int = GPUS_PER_SERVER
    kinds: list[dict[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return len(self.server)

    def merged(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (server, start, end) with overlapping faults of one server joined and empty ones dropped."""
        return _merge(*_by_unit(self.server, self.start_days, self.end_days))

    def down_ratio(self) -> float:
        """Return the time-weighted share of servers that are down."""
        _, start, end = self.merged()
        return float((end - start).sum() / (self.servers * self.horizon_days))


@dataclass(frozen=True, slots=True)
class Events:
    """Changes of node state in time order: `node` int32 [E], `delta` int8 [E] (+1 down), `time_days` float64 [E]."""

    node: np.ndarray
    delta: np.ndarray
    time_days: np.ndarray
    horizon_days: float

    def durations(self) -> np.ndarray:
        """Return how long each state lasts, days [E+1]: before the first event, then after each."""
        return np.diff(self.time_days, prepend=0.0, append=self.horizon_days)

    def healthy(self, nodes: int) -> np.ndarray:
        """Return healthy nodes [E+1]."""
        return nodes - np.concatenate([[0], np.cumsum(self.delta, dtype=np.int64)])

    def down_ratio(self, nodes: int) -> float:
        """Return the time-weighted share of nodes that are down."""
        return 1 - float(self.healthy(nodes) @ self.durations()) / (nodes * self.horizon_days)


def read(
    path: Path | str, servers: int | None = None, gpus_per_server: int = GPUS_PER_SERVER, say: Say = note
) -> Trace:
    """Return the trace in the file, of any form of `faults.forms`; a fault without an end lasts to the last event.

    Without `servers` their number is what the file tells, and `say` says which was taken. Raises `BadInput` for a file
    of no known form, for what is wrong in a line, and for more faulty servers than `servers`.
    """
    with opened(path, "trace", "give the path of a fault history") as source:
        records = forms.read(source)
        published = records.read_as == "the published format"
        for sentence in records.notes:
            say(sentence)
        count = servers_of(records, servers, gpus_per_server, SERVERS if published else None, say)
        server, start, end, horizon = records.columns(say)
    if records.unnamed:
        server = np.random.default_rng(0).integers(count, size=len(server)).astype(np.int32)
    order = np.argsort(start, kind="stable")
    kinds = [{} if not text else json.loads(text) if published else {"Desc": text} for text in records.kinds]
    return Trace(
        server[order],
        start[order],
        end[order],
        count,
        horizon,
        gpus_per_server,
        [kinds[records.kind[i]] for i in order.tolist()],
        [] if records.unnamed else list(records.ids),
    )


def dumps(trace: Trace) -> str:
    """Return the trace as text in the published format, events in time order."""
    rows = []
    for i in range(trace.faults):
        name = trace.names[trace.server[i]] if trace.names else f"server-{trace.server[i]:07d}"
        kind = trace.kinds[i] if trace.kinds else {}
        for order, what, time in (
            (0, "fault_start", trace.start_days[i]),
            (1, "fault_end", trace.end_days[i]),
        ):
            rows.append(
                (
                    float(time),
                    order,
                    i,
                    {
                        "node_id": name,
                        "event_time": round(float(time), 4),
                        "event_type": what,
                        "fault_type": kind,
                    },
                )
            )
    rows.sort(key=lambda row: row[:3])
    return json.dumps([row[3] for row in rows], indent=1) + "\n"


def _by_unit(unit: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the three arrays ordered by unit, then start."""
    order = np.lexsort((start, unit))
    return unit[order], start[order], end[order]


@njit(cache=True)
def _merge(unit: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the faults with those of one unit that overlap or touch joined, and those of no duration dropped.

    Input and output are ordered by unit, then start.
    """
    out_unit, out_start, out_end = np.empty_like(unit), np.empty_like(start), np.empty_like(end)
    n = 0
    for i in range(unit.size):
        if end[i] <= start[i]:
            continue
        if n > 0 and out_unit[n - 1] == unit[i] and start[i] <= out_end[n - 1]:
            out_end[n - 1] = max(out_end[n - 1], end[i])
            continue
        out_unit[n], out_start[n], out_end[n] = unit[i], start[i], end[i]
        n += 1
    return out_unit[:n], out_start[:n], out_end[:n]


def on_fabric(trace: Trace, fabric: Fabric, seed: int, *, together: bool = False) -> Events:
    """Return the trace's events on the nodes of `fabric`, its servers in an order drawn from `seed`.

    A server of 8 GPUs becomes 8/R nodes of R GPUs. Which of them a fault takes is drawn by Bayes' rule: with nodes
    failing independently and the server's mean down ratio P, a given half is down with 1/(1+q), q = sqrt(1-P). The
    nodes are then spread at random. `together` is the pessimist's case: every fault takes the whole server, and its
    nodes are neighbours. Raises `BadInput` where the trace has too few servers or R does not divide a server.
    """
    if trace.gpus_per_server % fabric.gpus_per_node:
        raise BadInput(
            "--gpus-per-node",
            fabric.gpus_per_node,
            f"does not divide a server of {trace.gpus_per_server} GPUs",
        )
    parts = trace.gpus_per_server // fabric.gpus_per_node
    if fabric.nodes > trace.servers * parts:
        raise BadInput(
            "--gpus",
            fabric.gpus,
            f"the history covers {trace.servers * trace.gpus_per_server} GPUs ({trace.servers} servers); give fewer, "
            "more --servers if it is of more, or no --trace",
        )
    rng = np.random.default_rng(seed)
    server, start, end = trace.merged()
    if together:
        place = rng.permutation(trace.servers).astype(np.int32)
        unit = (place[server][:, None] * parts + np.arange(parts, dtype=np.int32)).ravel()
        start, end = np.repeat(start, parts), np.repeat(end, parts)
    else:
        fault, part = _parts_down(rng, len(server), parts, trace.down_ratio())
        place = rng.permutation(trace.servers * parts).astype(np.int32)
        unit, start, end = place[server[fault] * parts + part], start[fault], end[fault]
    inside = unit < fabric.nodes
    return _events(unit[inside], start[inside], end[inside], trace.horizon_days)


def on_hosts(trace: Trace, hosts: Sequence[str], say: Say = note) -> Events:
    """Return the trace's events on the hosts of its own names, each one node; `hosts` are those of the nodes in order.

    Servers that are no hosts are left out, and said. Raises `BadInput` where none is.
    """
    node_of = {host: node for node, host in enumerate(hosts)}
    nodes = np.array([node_of.get(name, -1) for name in trace.names], dtype=np.int32)
    failed = np.unique(trace.server)
    if trace.names and (nodes[failed] < 0).any():
        other = [trace.names[i] for i in failed if nodes[i] < 0]
        some = ", ".join(other[:3]) + (", …" if len(other) > 3 else "")
        say(f"{len(other):,} servers of the history are no hosts of the fabric and are left out: {some}")
    server, start, end = trace.merged()
    inside = nodes[server] >= 0 if trace.names else np.zeros(len(server), dtype=bool)
    if not inside.any():
        do = f"names none of the fabric's hosts, {hosts[0]} for one; name servers as the inventory does"
        raise BadInput("--trace", ", ".join(trace.names[:3]) or "without names", do)
    return _events(nodes[server[inside]], start[inside], end[inside], trace.horizon_days)


def without(events: Events, nodes: Sequence[int]) -> Events:
    """Return the events of all nodes but these."""
    kept = ~np.isin(events.node, np.array(nodes, dtype=np.int64))
    return Events(events.node[kept], events.delta[kept], events.time_days[kept], events.horizon_days)


def whole_servers(trace: Trace) -> Events:
    """Return the trace's events on its servers as they are, each one node."""
    server, start, end = trace.merged()
    return _events(server, start, end, trace.horizon_days)


def _parts_down(rng: np.random.Generator, faults: int, parts: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (fault, part) of every node a fault takes: at least one part, each by Bayes' rule."""
    if parts == 1:
        return np.arange(faults), np.zeros(faults, dtype=np.int32)
    q = (1 - p) ** (1 / parts)
    if q >= 1:  # no fault lasts any time: the limit is the same chance for each part
        return np.arange(faults), rng.integers(parts, size=faults).astype(np.int32)
    # Of the parts in order, the first that is down is j with q^j (1-q) / (1-q^parts); later ones are free.
    first = np.searchsorted(np.cumsum(q ** np.arange(parts)) * (1 - q) / (1 - q**parts), rng.random(faults))
    part = np.arange(parts)
    down = (part == first[:, None]) | ((part > first[:, None]) & (rng.random((faults, parts)) < 1 - q))
    fault, which = np.nonzero(down)
    return fault, which.astype(np.int32)


def _events(unit: np.ndarray, start: np.ndarray, end: np.ndarray, horizon: float) -> Events:
    """Return the events of disjoint faults, in time order."""
    time = np.concatenate([start, end])
    order = np.argsort(time, kind="stable")
    node = np.concatenate([unit, unit])[order].astype(np.int32)
    delta = np.where(order < len(start), 1, -1).astype(np.int8)
    return Events(node, delta, time[order], horizon)
