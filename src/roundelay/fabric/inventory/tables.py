"""A table of hosts (CSV, or any delimiter): columns by the meaning of their headings. Method: ours."""

from __future__ import annotations

from collections.abc import Iterator

from roundelay.fabric.inventory.inventory import Host
from roundelay.fabric.reading import table
from roundelay.fabric.reading.hostlist import expand
from roundelay.fabric.reading.source import Source

# the names of each column, small letters and digits alone; the earlier is the better
COLUMNS = {
    "name": table.HOSTS,
    "tor": ("tor", "torswitch", "leaf", "leafswitch", "topofrack", "torname", "leafname", "switch", "switchname",
            "accessswitch", "rackswitch", "leafname", "leafsw", "sw", "edgeswitch", "networkblock"),
    "rack": ("rack", "rackname", "rackid", "cabinet", "enclosure", "chassis"),
    "domain": ("domain", "pod", "spine", "spineswitch", "aggregation", "aggregationswitch", "agg", "aggswitch", "su",
               "scalableunit", "superblock", "superpod"),
    "slot": ("slot", "slotnumber", "position", "rackunit", "unit", "u", "index"),
    "gpus": ("gpus", "gpucount", "numgpus", "ngpus", "gpu", "numberofgpus", "gpuspernode"),
    "down": ("down", "state", "status", "health", "reason", "unusable"),
}  # fmt: skip
WORKS = frozenset(("", "up", "ok", "idle", "alloc", "allocated", "mix", "mixed", "comp", "completing", "resv",
                   "reserved", "ready", "healthy", "active", "online", "0", "no", "false", "none", "running", "free",
                   "planned",
                   "in service", "available", "enabled", "-"))  # fmt: skip
FORMS = "give a heading line such as `host,tor,rack`"


def columns_of(headings: list[str]) -> dict[str, int]:
    """Return which column has which meaning."""
    return table.meanings(headings, COLUMNS)


def read(source: Source, notes: list[str]) -> Iterator[Host]:
    """Yield the hosts of a table; `host` and one of `tor` and `rack` are needed, or the host's name alone.

    A rack without a ToR column stands for the ToR, which is added to `notes`. A cell may be a host list.
    """
    lines = table.rows(source)
    line, headings = next(lines)
    at = columns_of(headings)
    if "name" not in at:
        raise source.bad(f"names no column of hosts in {', '.join(headings)[:60]!r}; {FORMS}", line)
    if "tor" not in at and "rack" in at:
        notes.append(f"{source.name} has no ToR column: each rack is taken as one ToR ({headings[at['rack']]})")
    unread = [heading for i, heading in enumerate(headings) if heading and i not in at.values()]
    if unread:
        notes.append(f"{source.name}: not read are the columns {', '.join(unread)}"[:200])
    # sinfo --Node has a line for every partition of a node
    by_partition = "partition" in map(table.plain, headings)
    seen: set[str] = set()
    for number, cells in lines:
        if by_partition and cells[at["name"]] in seen:
            continue
        seen.update([cells[at["name"]]] if by_partition else ())
        yield from _hosts(table.Row(number, {key: cells[i] for key, i in at.items()}), at, source)


def _hosts(row: table.Row, at: dict[str, int], source: Source) -> Iterator[Host]:
    if not row["name"]:
        raise source.bad("names no host; correct the line", row.line)
    state = row["down"]
    names = expand(row["name"]) if set(row["name"]) & set("[],") else [row["name"]]
    for name in names:
        yield Host(
            name,
            row["tor"] if "tor" in at else row["rack"],
            row["rack"],
            row["domain"],
            _whole(row, "slot", source),
            _whole(row, "gpus", source),
            "" if state.lower().rstrip("~#!%$@^-+") in WORKS else state,
            row.line,
        )


def _whole(row: table.Row, key: str, source: Source) -> int | None:
    text = row[key].removeprefix("U").removeprefix("u")
    if not text or text == "-":
        return None
    if not text.isdecimal() or len(text) > 9:
        raise source.bad(f"has {text!r} where a whole number ({key}) is expected; correct it", row.line)
    return int(text)
