"""A fault history: read and written in the published format, and turned into events on the nodes of a fabric.

The format is that of the InfinitePOD authors' public trace: a JSON list of
`{"node_id", "event_time" (days), "event_type": "fault_start" | "fault_end", "fault_type": {"Level", "Class", "Desc"}}`.
It is read as it is: unsorted, with overlapping faults of one server, and with faults of zero duration.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numba import njit

from roundelay.errors import BadInput
from roundelay.fabric.topology.topology import Fabric

SERVERS, GPUS_PER_SERVER = 400, 8  # the published trace's cluster, which the file itself does not state
MAX_EVENTS = 50_000_000
MAX_DAYS = 10**7


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


def read(path: Path | str, servers: int = SERVERS, gpus_per_server: int = GPUS_PER_SERVER) -> Trace:
    """Return the trace in the file; a fault without an end lasts to the last event.

    Raises `BadInput` for what is not JSON or not the format, an end without a start, a time that is negative or not
    finite, and more faulty servers than `servers`.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput("trace", path, f"cannot be read ({error.strerror}); give the path of a fault trace") from None
    except UnicodeDecodeError:
        raise BadInput("trace", path, "is not text; give a JSON fault trace") from None
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        raise BadInput("trace", path, f"is not JSON ({error}); give a JSON fault trace") from None
    if not isinstance(records, list) or not records:
        raise BadInput("trace", path, "holds no list of events; give a JSON fault trace")
    if len(records) > MAX_EVENTS:
        raise BadInput("trace", path, f"has more than {MAX_EVENTS:,} events; split it")
    ordered = sorted((_event(r, i, path) for i, r in enumerate(records)), key=lambda e: (e[0], e[2]))
    horizon = ordered[-1][0]
    if horizon <= 0:
        raise BadInput("trace", path, "ends at time 0; give one that lasts")
    return _pair(ordered, path, servers, gpus_per_server, horizon)


_Record = tuple[float, str, bool, dict[str, str]]


def _event(record: object, index: int, path: Path) -> _Record:
    """Return (time, node, is it an end, fault type) of one record of the file."""
    where = f"event {index} of {path.name}"
    if not isinstance(record, dict):
        raise BadInput(where, record, "is no object; expected node_id, event_time, event_type")
    for key in ("node_id", "event_time", "event_type"):
        if key not in record:
            raise BadInput(
                where, ", ".join(map(str, record)), f"has no {key}; expected node_id, event_time, event_type"
            )
    time, node, kind = record["event_time"], record["node_id"], record["event_type"]
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time <= MAX_DAYS:
        raise BadInput(f"event_time of {where}", time, f"give days from 0 on, finite, at most {MAX_DAYS:,}")
    if kind not in ("fault_start", "fault_end"):
        raise BadInput(f"event_type of {where}", kind, "expected fault_start or fault_end")
    if not isinstance(node, str | int) or isinstance(node, bool):
        raise BadInput(f"node_id of {where}", node, "expected a name")
    fault_type = record.get("fault_type")
    return float(time), str(node), kind == "fault_end", fault_type if isinstance(fault_type, dict) else {}


def _pair(ordered: list[_Record], path: Path, servers: int, gpus_per_server: int, horizon: float) -> Trace:
    """Join starts with ends, first in first out for each server, from records in time order, starts before ends."""
    waiting: dict[str, deque[int]] = defaultdict(deque)
    ids: dict[str, int] = {}
    server: list[int] = []
    start: list[float] = []
    end: list[float] = []
    kinds: list[dict[str, str]] = []
    for time, node, is_end, kind in ordered:
        if is_end:
            if not waiting[node]:
                raise BadInput(
                    f"trace {path.name}",
                    node,
                    f"has a fault_end at day {time} without a fault_start; correct the file",
                )
            end[waiting[node].popleft()] = time
            continue
        waiting[node].append(len(start))
        server.append(ids.setdefault(node, len(ids)))
        start.append(time)
        end.append(horizon)
        kinds.append(kind)
    if len(ids) > servers:
        raise BadInput("servers", servers, f"{path.name} has faults on {len(ids)}; give --servers {len(ids)} or more")
    return Trace(
        np.array(server, np.int32),
        np.array(start),
        np.array(end),
        servers,
        horizon,
        gpus_per_server,
        kinds,
        list(ids),
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
            f"the history covers {trace.servers * trace.gpus_per_server} GPUs; give "
            "fewer, or leave --trace out for the built-in generator",
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


def whole_servers(trace: Trace) -> Events:
    """Return the trace's events on its servers as they are, each one node."""
    server, start, end = trace.merged()
    return _events(server, start, end, trace.horizon_days)


def _parts_down(rng: np.random.Generator, faults: int, parts: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (fault, part) of every node a fault takes: at least one part, each by Bayes' rule."""
    if parts == 1:
        return np.arange(faults), np.zeros(faults, dtype=np.int32)
    q = (1 - p) ** (1 / parts)
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
