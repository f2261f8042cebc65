"""The InfinitePOD authors' format: a JSON list of `{"node_id", "event_time" (days), "event_type", "fault_type"}`.

It is read as it is: unsorted, with overlapping faults of one server, and with faults of zero duration.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict, deque
from collections.abc import Iterable

import numpy as np

from roundelay.errors import BadInput
from roundelay.fabric.faults.records import MAX_DAYS, MAX_FAULTS, MAX_KINDS, Records
from roundelay.fabric.reading.source import Source

NEEDED = ("node_id", "event_time", "event_type")
EXPECTED = f"expected {', '.join(NEEDED)}"


def read(rows: Iterable[object], source: Source) -> Records:
    """Return the faults of the list's events: starts joined with ends, first in first out for each server.

    A fault without an end lasts to the last event. Servers are numbered in the order of their first faults. Raises
    `BadInput` for a record that is none, an end without a start, a time that is negative or not finite.
    """
    records = Records(source, "the published format")
    time, node, is_end, kind = array("d"), array("i"), array("b"), array("i")
    names: dict[str, int] = {}
    kinds = {"": 0}
    for index, row in enumerate(rows):
        if index >= 2 * MAX_FAULTS:
            raise source.bad(f"has more than {2 * MAX_FAULTS:,} events; split it")
        day, name, end, told = _event(row, index, source)
        time.append(day)
        node.append(names.setdefault(name, len(names)))
        is_end.append(end)
        kind.append(kinds.setdefault(told, len(kinds)) if len(kinds) < MAX_KINDS else kinds.get(told, 0))
    if not time:
        raise source.bad("holds no list of events; give a JSON fault trace")
    by_number, told_by = list(names), list(kinds)
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for i in np.lexsort((np.array(is_end), np.array(time))).tolist():
        if not is_end[i]:
            waiting[node[i]].append(records.fault(by_number[node[i]], time[i], None, None, told_by[kind[i]]))
        elif waiting[node[i]]:
            records.close(waiting[node[i]].popleft(), time[i])
        else:
            do = f"has a fault_end at day {time[i]} without a fault_start; correct the file"
            raise BadInput(f"trace {source.name}", by_number[node[i]], do)
    if records.last == 0:
        raise source.bad("ends at time 0; give one that lasts")
    return records


def _event(record: object, index: int, source: Source) -> tuple[float, str, bool, str]:
    """Return (time, node, is it an end, fault type as JSON) of one record of the file."""
    where = f"event {index} of {source.name}"
    if not isinstance(record, dict):
        raise BadInput(where, record, f"is no object; {EXPECTED}")
    for key in NEEDED:
        if key not in record:
            raise BadInput(where, ", ".join(map(str, record)), f"has no {key}; {EXPECTED}")
    time, node, kind = record["event_time"], record["node_id"], record["event_type"]
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time <= MAX_DAYS:
        raise BadInput(f"event_time of {where}", time, f"give days from 0 on, finite, at most {MAX_DAYS:,}")
    if kind not in ("fault_start", "fault_end"):
        raise BadInput(f"event_type of {where}", kind, "expected fault_start or fault_end")
    if not isinstance(node, str | int) or isinstance(node, bool):
        raise BadInput(f"node_id of {where}", node, "expected a name")
    fault_type = record.get("fault_type")
    told = json.dumps(fault_type) if isinstance(fault_type, dict) and fault_type and kind == "fault_start" else ""
    return float(time), str(node), kind == "fault_end", told
