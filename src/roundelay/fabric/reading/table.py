"""Tables in text: the delimiter found, columns known by what their headings mean. Method: ours."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from roundelay.fabric.reading.source import Source

DELIMITERS = ",;\t|"
# a unit at a heading's end, which is no part of its meaning: start_s, end_hours
UNIT_END = re.compile(r"(?i)[_ .-](ns|us|ms|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|d|days?|epoch|unix|utc)$")
RULE = re.compile(r"[-+=| :]*[-=]{2,}[-+=| :]*")
# the headings of a column of hosts, small letters and digits alone; the earlier is the better
HOSTS = ("host", "hostname", "nodename", "node", "name", "nodelist", "hosts", "nodes", "machineid", "machine", "server",
         "servername", "instance", "instanceid", "fqdn", "nodeid", "hostid", "serverid", "machinename")  # fmt: skip
Splitter = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number, and its cells by heading or by meaning."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, meaning: str) -> str:
        return self.cells.get(meaning, "")


def plain(heading: str) -> str:
    """Return a heading in small letters and digits alone, units and bracketed notes left out."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"[(\[].*?[)\]]", "", heading).lower())


def delimiter_of(line: str) -> str | None:
    """Return the delimiter of a line; None for blanks."""
    counts = {mark: line.count(mark) for mark in DELIMITERS}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else None


def splitter(heading: str, rule: str | None, first: str = "") -> Splitter:
    """Return what cuts a line into cells, told by the headings, the dashes below them and the first line of data."""
    delimiter = delimiter_of(heading)
    if delimiter:
        bars = (heading.lstrip().startswith("|"), heading.rstrip().endswith("|"))  # of a drawn or parsable table
        return lambda line: _split(line, delimiter, bars)
    if rule is not None and " " in rule.strip():
        spans = [match.span() for match in re.finditer(r"\S+", rule)]
        spans[-1] = (spans[-1][0], 1 << 30)
        return lambda line: [line[a:b].strip() for a, b in spans]
    even = len(heading.split()) == len(first.split())  # blanks stand between cells alone, not in them
    if re.search(r"\S {2,}\S", heading) and not even:
        return lambda line: re.split(r"\s{2,}|\t", line.strip())
    return str.split


def _split(line: str, delimiter: str, bars: tuple[bool, bool]) -> list[str]:
    """Return the cells of a delimited line; outer bars, where the headings have them, are no cells."""
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    if bars[1] and cells and not cells[-1]:
        cells = cells[:-1]
    return cells[1:] if bars[0] else cells


def meanings(headings: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the column of each meaning: a heading that is one of its names, the earlier names first."""
    flat = [plain(re.sub(UNIT_END, "", heading)) or plain(heading) for heading in headings]
    found: dict[str, int] = {}
    for meaning, names in known.items():
        for name in names:
            if name in flat and flat.index(name) not in found.values():
                found[meaning] = flat.index(name)
                break
    return found


def rows(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells), the headings first; blank lines, comments and drawn rules are passed.

    Raises `BadInput` for a line of another number of cells than the headings.
    """
    lines = ((number, line) for number, line in source.lines() if line.strip() and not line.startswith("#"))
    number, heading = next(lines, (0, ""))
    while heading and RULE.fullmatch(heading.strip()):
        number, heading = next(lines, (0, ""))
    if not heading:
        raise source.bad("is empty; give a table with headings")
    second = next(lines, None)
    rule = second[1] if second and RULE.fullmatch(second[1].strip()) else None
    third = next(lines, None) if rule else None
    data = third if rule else second
    cut = splitter(heading, rule, data[1] if data else "")

    def split(line: str, number: int) -> list[str]:
        try:
            return cut(line)
        except csv.Error as error:
            raise source.bad(f"is no line of a table ({error}); correct it", number) from None

    headings = split(heading, number)
    yield number, headings
    if data and not RULE.fullmatch(data[1].strip()):
        yield data[0], _checked(split(data[1], data[0]), headings, source, data[0])
    for number, line in lines:
        if not RULE.fullmatch(line.strip()):
            yield number, _checked(split(line, number), headings, source, number)


def _checked(cells: list[str], headings: Sequence[str], source: Source, number: int) -> list[str]:
    while len(cells) > len(headings) and not cells[-1]:
        cells.pop()
    while len(cells) < len(headings) and not headings[len(cells)]:
        cells.append("")
    if len(cells) != len(headings):
        raise source.bad(f"has {len(cells)} columns where line 1 has {len(headings)}; correct the line", number)
    return cells
