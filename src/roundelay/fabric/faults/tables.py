"""Tables of faults: a line a fault, a line an event, or samples in which a server that is down has no value.

Source: `sacctmgr show event` (sacctmgr(1)); Philly's cluster_cpu_util, cluster_mem_util and cluster_gpu_util (README of
msr-fiddle/philly-traces: NA while a server or GPU is offline); Acme's utilization files (README of InternLM/AcmeTrace:
a column a node). All are read by what their headings mean.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from roundelay.fabric.faults.records import Records, few
from roundelay.fabric.faults.times import Times
from roundelay.fabric.reading import clock, table
from roundelay.fabric.reading.hostlist import expand
from roundelay.fabric.reading.source import Source

COLUMNS = {
    "node": table.HOSTS,
    "start": ("start", "starttime", "timestart", "begin", "begintime", "from", "down", "downat", "downtime", "failedat",
              "faultstart", "failtime", "startdate", "startsat", "startedat", "outagestart", "begins",
              "starts", "since", "downsince", "failurestart", "faultstarttime", "opened",
              "openedat", "createdat", "failuretime"),
    "end": ("end", "endtime", "timeend", "to", "until", "up", "upat", "uptime", "recovered", "recoveredat", "faultend",
            "repaired", "repairedat", "enddate", "endsat", "endedat", "resolved", "resolvedat", "stop", "stoptime",
            "outageend", "ends", "repairtime", "upsince", "failureend", "faultendtime", "repairend", "recoverytime",
            "restored", "restoredat", "fixed", "fixedat", "closed", "closedat"),
    "time": ("time", "timestamp", "eventtime", "date", "datetime", "at", "when", "ts"),
    "event": ("event", "eventtype", "state", "status", "newstate", "action", "type", "kind", "up"),
    "length": ("duration", "length", "lasted", "outage"),
    "why": ("reason", "cause", "description", "message", "error"),
}  # fmt: skip
# words of a state, in a column of states; a log's words are logs.py's
DOWN = re.compile(
    r"(?i)\b(down|fault[_ ]?start|fault|fail\w*|error|offline|drain\w*|unhealthy|lost|not[_ -]?ready|not responding|"
    r"unreachable|critical|firing|dead|start|crash\w*|outage)\b"
)
UP = re.compile(
    r"(?i)\b(up|fault[_ ]?end|recover\w*|repaired|online|healthy|ready|ok|resolved|end|idle|resume\w*|undrain|"
    r"returned to service|alive|allocated|mixed|completing|reachable|cleared|normal)\b"
)
Lines = Iterator[tuple[int | None, list[str]]]
NO_VALUE = frozenset(("", "na", "nan", "none", "null", "n/a", "-"))
GPU_COLUMN = re.compile(r"(.+?)[-_:/](?:gpu)?(\d{1,2})$")
LENGTH = re.compile(r"(?:(\d+)-)?(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?")
NEED = "give headings such as `node,start,end`"


def is_table(headings: list[str], first: list[str]) -> bool:
    """Return whether the headings, or the cells below them, are those of a table that `read` takes."""
    at = table.meanings(headings, COLUMNS)
    if "node" in at and ("start" in at or "time" in at):
        return True
    return positional(headings) is not None or ("time" in at and len(headings) > 2 and _samples(first, at["time"]))


def _samples(cells: list[str], time: int) -> bool:
    """Return whether a line is a time and numbers."""
    rest = [cell for i, cell in enumerate(cells) if i != time]
    return bool(rest) and all(cell.lower() in NO_VALUE or clock.number(cell) is not None for cell in rest)


def _is_time(text: str) -> bool:
    return clock.number(text) is not None or clock.epoch_s(text) is not None


def positional(cells: list[str]) -> dict[str, int] | None:
    """Return the columns of a table without headings: a name and two times beside each other; None if it is none."""
    for i in range(1, len(cells) - 1):
        ends = _is_time(cells[i + 1]) or clock.is_open(cells[i + 1])
        if not _is_time(cells[i - 1]) and _is_time(cells[i]) and ends:
            return {"node": i - 1, "start": i, "end": i + 1}
    return None


def read(source: Source) -> Records:
    """Return the faults of a table; raises `BadInput` naming the line that is wrong."""
    lines = table.rows(source)
    line, headings = next(lines)
    at = table.meanings(headings, COLUMNS)
    records = Records(source, "a table of faults")
    times = Times(records)
    if "node" not in at and (found := positional(headings)):
        records.notes.append(f"{source.name} has no headings: its columns are taken as node, start, end")
        rows = _chained(line, headings, lines)
        return _intervals(rows, found, headings, records, times)
    for key in ("start", "time", "end"):
        if key in at and times.heading_unit_s is None:
            times.heading_unit_s = clock.unit_of(headings[at[key]])
    if "node" in at and "start" in at:
        if "end" not in at and "length" not in at:
            raise source.bad(f"has no column of ends among {few(headings, 6)}; {NEED}", line)
        return _intervals(lines, at, headings, records, times)
    if "node" in at and "time" in at and "event" in at:
        return _events(lines, at, records, times)
    if {"node", "time", "end"} <= set(at) and table.plain(headings[at["end"]]) == "up":
        return _events(lines, {**at, "event": at["end"]}, records, times)
    if "time" not in at:
        raise source.bad(f"has no column of nodes and times among {few(headings, 6)}; {NEED}", line)
    records.whole = True
    if "node" in at:
        return _long_samples(lines, at, len(headings), records, times)
    return _wide_samples(lines, at["time"], headings, records, times)


def _chained(line: int, first: list[str], rest: Iterable[tuple[int, list[str]]]) -> Lines:
    yield line, first
    yield from rest


def _intervals(
    lines: Lines,
    at: Mapping[str, int],
    headings: list[str],
    records: Records,
    times: Times,
) -> Records:
    """Take a fault a line; a line without a node is one of the whole cluster (sacctmgr) and is passed."""
    source, without = records.source, 0
    length_s = clock.unit_of(headings[at["length"]]) if "length" in at else None
    for line, cells in lines:
        name = cells[at["node"]]
        if not name:
            without += 1
            continue
        if name.endswith("+"):
            raise source.bad(f"cuts the name {name} off; write the table with sacctmgr -p", line)
        start = times.day(cells[at["start"]], line)
        if "end" in at:
            text = cells[at["end"]]
            end = None if clock.is_open(text) else times.day(text, line)
        else:
            end = start + _length_s(cells[at["length"]], length_s, source, line) / clock.DAY_S
        why = cells[at["why"]] if "why" in at else cells[at["event"]] if "event" in at else ""
        for one in _names(name):
            records.fault(one, start, end, line, why)
    if without:
        records.notes.append(f"{source.name}: {without:,} lines name no node and are left out")
    return records


def _names(text: str) -> list[str]:
    """Return the servers of a cell: a host list, or one name, the port of a Prometheus instance left out."""
    return expand(text) if set(text) & set("[,") else [re.sub(r"^([^:]+):\d{2,5}$", r"\1", text)]


def _length_s(text: str, unit_s: float | None, source: Source, line: int | None) -> float:
    """Return a length of time in seconds: a number in the heading's unit, or Slurm's [days-]hours:minutes:seconds."""
    if found := LENGTH.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return days * clock.DAY_S + hours * 3600 + minutes * 60 + seconds
    value = clock.number(text)
    if value is None or value < 0:
        raise source.bad(f"{text!r} is no length of time; give a number from 0 on, or hours:minutes:seconds", line)
    if unit_s is None:
        raise source.bad(f"does not say the unit of {text}; name the column duration_hours or the like", line)
    return value * unit_s


@dataclass(slots=True)
class Pairing:
    """Joins the falls and returns of servers, told in the order of time."""

    records: Records
    open: dict[str, int] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=lambda: defaultdict(lambda: float("-inf")))
    alone: int = 0

    def event(self, name: str, day: float, down: bool, line: int | None, why: str = "") -> None:
        """Take one event; a second fall or return in a row changes nothing, and time that runs back is refused."""
        if day < self.last[name]:
            raise self.records.source.bad(f"{name} is told of in no order of time; sort the file by time", line)
        self.last[name] = day
        self.records.id(name)
        self.records.seen(day)
        if down and name not in self.open:
            self.open[name] = self.records.fault(name, day, None, line, why)
        elif not down and name in self.open:
            self.records.close(self.open.pop(name), day)
        elif not down and name not in self.records.failed:
            self.alone += 1

    def done(self) -> Records:
        """Return the faults, having noted what stood alone."""
        if self.alone and not self.records.whole:
            said = f"{self.records.source.name}: {self.alone:,} returns come without a fault before them; left out"
            self.records.notes.append(said)
        return self.records


def is_down(text: str) -> bool | None:
    """Return whether words of a state mean down; None where they mean neither."""
    plain = text.replace("_", " ")
    if plain in ("0", "1"):
        return plain == "0"
    if DOWN.search(plain):
        return True
    return False if UP.search(plain) else None


def of_objects(rows: Iterable[Mapping[str, str]], source: Source) -> Records:
    """Return the faults of objects whose keys mean what a table's headings mean; 0 is no end, as Slurm writes it."""
    records = Records(source, "objects of faults")
    times = Times(records)
    rest = iter(rows)
    first = next(rest)
    headings = list(first)
    at = table.meanings(headings, COLUMNS)

    def cells() -> Lines:
        for row in chain([first], rest):
            if at.keys() & {"start"} and not row.get(headings[at["start"]]):
                raise source.bad(f"holds {str(dict(row))[:60]}, without {headings[at['start']]}; give node, start, end")
            values = [row.get(heading, "") for heading in headings]
            if "end" in at and values[at["end"]] == "0":
                values[at["end"]] = ""
            yield None, values

    for key in ("start", "time", "end"):
        if key in at and times.heading_unit_s is None:
            times.heading_unit_s = clock.unit_of(headings[at[key]])
    if "start" not in at:
        return _events(cells(), at, records, times)
    if "end" not in at and "length" not in at:
        raise source.bad(f"has objects without an end among {few(headings, 6)}; give node, start, end")
    return _intervals(cells(), at, headings, records, times)


def _events(lines: Lines, at: Mapping[str, int], records: Records, times: Times) -> Records:
    pairing = Pairing(records)
    records.read_as = "a table of events"
    for line, cells in lines:
        down = is_down(cells[at["event"]])
        if down is None:
            raise records.source.bad(f"{cells[at['event']]!r} is no state that is known; write down or up", line)
        name = cells[at["node"]]
        why = cells[at["why"]] if "why" in at else ""
        for one in _names(name):
            pairing.event(one, times.day(cells[at["time"]], line), down, line, why)
    return pairing.done()


def _long_samples(lines: Lines, at: Mapping[str, int], width: int, records: Records, times: Times) -> Records:
    """Take samples, a server a line: down while no value is there, or none of a GPU that has reported before."""
    pairing = Pairing(records)
    records.read_as = "samples of servers"
    values = [i for i in range(width) if i not in (at["node"], at["time"])]
    reported: dict[str, int] = defaultdict(int)  # bits of the columns that ever had a value
    for line, cells in lines:
        name = cells[at["node"]]
        here = sum(1 << i for i in values if cells[i].lower() not in NO_VALUE)
        reported[name] |= here
        pairing.event(name, times.day(cells[at["time"]], line), not here or here != reported[name], line)
    records.notes.append(f"{records.source.name}: a server is taken as down while a value of it is NA or empty")
    return pairing.done()


def _wide_samples(lines: Lines, time: int, headings: list[str], records: Records, times: Times) -> Records:
    """Take samples, a server or GPU a column: down while all columns of a server are empty."""
    pairing = Pairing(records)
    records.read_as = "samples, a column a server"
    names = {i: heading for i, heading in enumerate(headings) if i != time and heading}
    gpus = [GPU_COLUMN.match(heading) for heading in names.values()]
    if all(gpus) and len({match[1] for match in gpus if match}) < len(names):
        names = {i: match[1] for (i, _), match in zip(names.items(), gpus, strict=True) if match}
    was: dict[str, bool] = {}
    none = NO_VALUE
    for line, cells in lines:
        told = {cells[i].removesuffix(".0") for i in names}
        if not was and "1" in told and told <= {"0", "1", ""}:
            none = NO_VALUE | {"0", "0.0"}
        day = times.day(cells[time], line)
        records.seen(day)
        up: dict[str, bool] = {}
        for i, name in names.items():
            up[name] = up.get(name, False) or cells[i].lower() not in none
        for name, there in up.items():
            if was.get(name) != there:
                pairing.event(name, day, not there, line)
        was = up
    how = "empty" if none is NO_VALUE else "0 or empty, as Prometheus' up"
    records.notes.append(f"{records.source.name}: a server is taken as down while its cell is {how}")
    return pairing.done()
