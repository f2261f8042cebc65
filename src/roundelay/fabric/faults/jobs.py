"""Public logs of jobs, which tell when jobs failed and not when servers were down: Philly's and Acme's.

Source: cluster_job_log (README of msr-fiddle/philly-traces), trace_seren.csv and trace_kalos.csv (README of
InternLM/AcmeTrace). A failure is read as a fault of one server from the failure on; the repair is assumed, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from roundelay.fabric.faults.records import Records
from roundelay.fabric.faults.times import Times
from roundelay.fabric.reading import clock, table
from roundelay.fabric.reading.source import Source

REPAIR_DAYS = 0.85  # the median repair of the public InfinitePOD trace
ASSUMED = f"each is taken as down for {REPAIR_DAYS:g} days, the median of the public InfinitePOD trace"
ACME = frozenset(("jobid", "nodenum", "state", "endtime"))


def is_acme(headings: list[str]) -> bool:
    """Return whether the headings are those of an Acme job trace."""
    return {table.plain(heading) for heading in headings} >= ACME


def read_acme(source: Source) -> Records:
    """Return a fault for every job that ended in NODE_FAIL, or in FAILED where none did; servers are not named."""
    lines = table.rows(source)
    _, headings = next(lines)
    at = {table.plain(heading): i for i, heading in enumerate(headings)}
    records = Records(source, "Acme's log of jobs", unnamed=True)
    times = Times(records)
    ends: dict[str, list[float]] = {"NODE_FAIL": [], "FAILED": []}
    for line, cells in lines:
        told = cells[at["failtime"]] if "failtime" in at else ""
        text = told or cells[at["endtime"]]
        if clock.is_open(text):
            continue
        day = times.day(text, line)
        records.seen(day)
        if cells[at["state"]].upper() in ends:
            ends[cells[at["state"]].upper()].append(day)
    state = "NODE_FAIL" if ends["NODE_FAIL"] else "FAILED"
    for day in ends[state]:
        records.fault("", day, day + REPAIR_DAYS)
    mistakes = "" if state == "NODE_FAIL" else ", among them users' mistakes: an upper bound"
    records.notes.append(
        f"{source.name} is a log of jobs: its {len(ends[state]):,} {state} jobs{mistakes} are read as faults of "
        f"servers drawn at random; {ASSUMED}"
    )
    return records


def read_philly(rows: Iterable[Any], source: Source) -> Records:
    """Return a fault for every attempt but a job's last, and for a Failed job's last, on the first of its servers."""
    records = Records(source, "Philly's log of jobs", whole=True)
    times = Times(records)
    for index, row in enumerate(rows):
        try:
            for name, day in _failed(row, times, records):
                records.fault(name, day, day + REPAIR_DAYS)
        except (AttributeError, KeyError, TypeError, IndexError):
            raise source.bad(f"job {index} garbles its attempts; give Philly's cluster_job_log") from None
    records.notes.append(
        f"{source.name} is a log of jobs: its {len(records.server):,} failed attempts, among them users' mistakes, are "
        f"read as faults of one of their servers: an upper bound; {ASSUMED}"
    )
    return records


def _failed(row: Mapping[str, Any], times: Times, records: Records) -> Iterator[tuple[str, float]]:
    attempts = row["attempts"] or []
    for number, attempt in enumerate(attempts):
        for part in attempt["detail"] or ():
            records.id(str(part["ip"]))
        ended = attempt.get("end_time")
        if not ended or clock.is_open(str(ended)):
            continue
        day = times.day(str(ended), None)
        records.seen(day)
        if attempt["detail"] and (number + 1 < len(attempts) or row.get("status") == "Failed"):
            yield str(attempt["detail"][0]["ip"]), day
