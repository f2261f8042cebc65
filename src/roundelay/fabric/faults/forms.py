"""Any of the forms a fault history comes in, told by its first lines: the one way to read faults. Method: ours.

JSON: the published format, objects with node, start and end, Prometheus' answer to query_range, Philly's log of jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from roundelay.fabric.faults import jobs, logs, published, tables
from roundelay.fabric.faults.records import Records
from roundelay.fabric.faults.tables import Pairing
from roundelay.fabric.faults.times import Times
from roundelay.fabric.reading import json_stream, table
from roundelay.fabric.reading.source import Source

GIVE = (
    "read are a table `node,start,end`, sacctmgr show event -p, slurmctld.log, Prometheus' up, Philly's and Acme's "
    "files and the published JSON; convert to lines node,start,end with ISO dates"
)

META = ("meta", "metadata")


def read(source: Source) -> Records:
    """Return the faults of the file; raises `BadInput` for a form that is not known, saying which are."""
    head = source.head()
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith("#")]
    first = lines[0].strip() if lines else ""
    if any(logs.SAMPLE.match(line.strip()) for line in lines[:20]):
        return logs.read(source)
    several = first.startswith("{") and first.endswith("}") and len(lines) > 1 and lines[1].lstrip().startswith("{")
    if first[:1] in ("{", "[") and not several and not logs.TIME.match(first[1:]):
        return of_json(source)
    cells = _headings(lines)
    if jobs.is_acme(cells[0]):
        return jobs.read_acme(source)
    timed = any(logs.TIME.match(cell.strip("[]")) for cell in cells[0])
    if tables.is_table(*cells) and not (timed and tables.positional(cells[0]) is None):
        return tables.read(source)
    if logs.is_log(head):
        return logs.read(source)
    if table.delimiter_of(first) and len(cells[0]) > 1 and not timed:
        raise source.bad(f"has no columns of nodes and times among {', '.join(cells[0][:5])!r:.60}; {GIVE}", 1)
    if "\ufffd" in head or "\0" in head:
        raise source.bad(f"is not text; {GIVE}")
    raise source.bad(f"is not JSON, no table and no log that is known; {GIVE}")


def _headings(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the cells of the first line that is no rule, and of the line of data below it."""
    plain = [line for line in lines[:6] if not table.RULE.fullmatch(line.strip())]
    rules = [line for line in lines[1:2] if table.RULE.fullmatch(line.strip())]
    if not plain:
        return [], []
    split = table.splitter(plain[0], rules[0] if rules else None, plain[1] if len(plain) > 1 else "")
    return split(plain[0]), split(plain[1]) if len(plain) > 1 else []


def of_json(source: Source) -> Records:
    """Return the faults of a JSON document, by the objects that it holds."""
    stream = json_stream.elements(source)
    for key, value in stream:
        rows = _listed(key, value, stream)
        if key == "data" and isinstance(value, dict):
            records = _matrix(value.get("result"), source)
            for _ in stream:  # to its end, so that a fault in it is seen
                pass
            return records
        if isinstance(value, dict) and "attempts" in value:
            return jobs.read_philly(rows, source)
        if (
            isinstance(value, dict)
            and key not in ("meta", "metadata")
            and not {"event_time", "event_type"} & set(value)
        ):
            at = table.meanings(list(_flat(value)), tables.COLUMNS)
            if "node" in at and ("start" in at or {"time", "event"} <= set(at)):
                return tables.of_objects(map(_flat, rows), source)
        if key == "":
            return published.read(rows, source)
    raise source.bad(f"holds no list of events; {GIVE}")


def _listed(key: str, value: Any, stream: Iterator[tuple[str, Any]]) -> Iterator[Any]:
    """Yield the elements of the list whose first this is; the rest of the document is read to its end."""
    yield value
    for other, element in stream:
        if other == key:
            yield element


def _flat(value: Any) -> dict[str, str]:
    """Return an object's plain values as text, those of objects inside it by both keys; a Slurm number by its value."""
    out: dict[str, str] = {}
    for key, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict) and "number" in inner:
            out[key] = str(inner["number"]) if inner.get("set", True) else ""
        elif isinstance(inner, dict):
            before = "" if key in ("labels", "metric") else f"{key}_"
            out |= {f"{before}{name}": _text(part) for name, part in inner.items() if not isinstance(part, dict | list)}
        elif not isinstance(inner, list):
            out[key] = _text(inner)
    return out


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _matrix(result: Any, source: Source) -> Records:
    """Return the faults of Prometheus' series: a server is down while the value is 0, or above 0 of an alert."""
    if not isinstance(result, list) or not result:
        raise source.bad("has no series in data.result; give what Prometheus' query_range answers for `up`")
    records = Records(source, "Prometheus' samples", whole=True)
    pairing, times = Pairing(records), Times(records)
    for index, series in enumerate(result):
        try:
            labels = {str(key): str(value) for key, value in series["metric"].items()}
            samples: Iterable[Any] = series["values"]
            name = logs.name_of(labels)
            for at, value in samples:
                down = (float(value) != 0) == ("alertname" in labels)
                pairing.event(
                    name or f"series {index}", times.day(str(at), None), down, None, labels.get("alertname", "")
                )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise source.bad(f"series {index} garbles its values; give what Prometheus' query_range answers") from None
    return pairing.done()
