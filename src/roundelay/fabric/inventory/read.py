"""Hosts and racks read from any of the forms they come in, told by the first lines. Method: ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.inventory import kubernetes, slurm, tables, topograph
from roundelay.fabric.inventory.inventory import FORMAT, MAX_HOSTS, VERSION, Host, Inventory, check, in_order
from roundelay.fabric.reading import json_stream, table
from roundelay.fabric.reading.hostlist import expand
from roundelay.fabric.reading.source import Source, opened

GIVE = (
    "give scontrol show nodes or topology, topology.conf or .yaml, kubectl get nodes -o json, a topograph graph, "
    "a table with headings `host,tor`, or host lists"
)
FORMATS = ("slurm", "slurm-yaml", "json", "kubernetes", "topograph", "csv", "hostlist")
TOR_LINE = re.compile(r"\s*([\w.-]+)\s*:\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Options:
    """How to read: the form (None: told by the file), labels of Kubernetes nodes, and where names tell the ToR."""

    form: str | None = None
    labels: Sequence[str] = ()
    tor_from: str | None = None
    nodes_per_tor: int | None = None


def read(paths: Sequence[Path | str], options: Options | None = None, what: str = "inventory") -> Inventory:
    """Return the inventory of one file, or of several that speak of the same hosts (`-` is standard input).

    Of several files each adds what the ones before it do not say; a host that the first list of nodes lacks is an
    error. Raises `BadInput` for a form that is not known, and whatever `check` refuses.
    """
    how = options or Options()
    parts: list[Inventory] = []
    for path in paths:
        with opened(path, what, GIVE) as source:
            parts.append(_one(source, how))
    whole = parts[0] if len(parts) == 1 else _merged(parts, [str(path) for path in paths])
    hosts = _with_tors(whole.hosts, how)
    if not hosts:
        raise BadInput(what, ", ".join(map(str, paths)), f"names no host; {GIVE}")
    return replace(whole, hosts=check(hosts, what))


def form_of(head: str) -> str | None:
    """Return the form that a file's first lines are of; None for one that is not known."""
    lines = [line for line in head.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return None
    first = lines[0].strip()
    if first[0] in "{[" and not first.startswith("[[") and re.match(r'[{\[]\s*(["{\[\]}]|$)', first):
        return "json"
    if any(slurm.RECORD.match(line) for line in lines[:2000]):
        return "slurm"
    if re.match(r"(---|-\s+topology\s*:|topology\s*:|switches\s*:\s*$)", first):
        return "slurm-yaml"
    heading = next((line for line in lines[:3] if not table.RULE.fullmatch(line.strip())), "")
    rule = lines[1] if len(lines) > 1 and table.RULE.fullmatch(lines[1].strip()) else None
    below = next((line for line in lines[1:4] if not table.RULE.fullmatch(line.strip())), "")
    headings = table.splitter(heading, rule, below)(heading)
    at = {} if re.search(r"\[\d", heading) else tables.columns_of(headings)  # node[001-016] is no heading
    if "name" in at and (len(at) > 1 or len(headings) == 1):
        return "csv"
    return "hostlist" if _is_hostlist(lines) else None


def _is_hostlist(lines: Sequence[str]) -> bool:
    """Return whether the lines are host lists, each perhaps behind a ToR and a colon."""
    if all(re.fullmatch(r"[A-Za-z0-9][\w.-]*", line.strip()) for line in lines):
        return True  # a name a line
    for line in lines[:100]:
        found = TOR_LINE.fullmatch(line)
        text = found[2] if found else line
        if re.search(r"[^\w.\-\[\],/ \t]", text) or text.count(" ") > 4000:
            return False
    words = " ".join(lines[:100]).split()
    # prose has no digits; hosts nearly always do
    return sum(any(c.isdigit() for c in word) for word in words) * 2 >= len(words)


def _one(source: Source, how: Options) -> Inventory:
    form = how.form or form_of(source.head())
    notes: list[str] = []
    if form in ("json", "kubernetes", "topograph"):
        return _json(source, how, notes)
    readers: dict[str, Callable[[Source, list[str]], Iterable[Host]]] = {
        "slurm": slurm.read, "slurm-yaml": slurm.read_yaml, "csv": tables.read, "hostlist": _hostlists,
    }  # fmt: skip
    if form is None and ("\ufffd" in source.head() or "\0" in source.head()):
        raise source.bad(f"is not text; {GIVE}")
    if form is None:
        raise source.bad(f"is of no form that is known; {GIVE}", 1)
    return Inventory(_held(readers[form](source, notes), source), form, tuple(notes))


def _held(hosts: Iterable[Host], source: Source) -> tuple[Host, ...]:
    """Return the hosts of a reader; raises `BadInput` where there are too many to be those of one fabric."""
    held = tuple(islice(hosts, MAX_HOSTS + 1))
    if len(held) > MAX_HOSTS:
        raise source.bad(f"names more than {MAX_HOSTS:,} hosts; give those of one fabric")
    return held


def _hostlists(source: Source, notes: list[str]) -> Iterator[Host]:
    """Yield the hosts of host lists, a line perhaps beginning with its ToR: `tor3: node[001-004]`."""
    for number, line in source.lines():
        plain = line.split("#")[0].strip()
        if not plain:
            continue
        found = TOR_LINE.fullmatch(plain)
        try:
            names = expand(found[2] if found else plain)
        except BadInput as error:
            raise source.bad(f"host list {error.value}: {error.do}"[:300], number) from None
        yield from (Host(name, found[1] if found else "", line=number) for name in names)


def _json(source: Source, how: Options, notes: list[str]) -> Inventory:
    """Return the inventory of a JSON document, by the list that it holds."""
    stream = json_stream.elements(source)
    labels = kubernetes.parse_labels(how.labels)
    for key, value in stream:
        rest = _listed(key, value, stream)
        if key == "items" or (key == "" and isinstance(value, dict) and "metadata" in value):
            return Inventory(tuple(kubernetes.read(rest, source, labels, notes)), "kubernetes", tuple(notes))
        if key == "metadata" and isinstance(value, dict) and "name" in value:  # one node by itself
            row = {"metadata": value, **{name: part for name, part in stream if name in ("spec", "status", "kind")}}
            return Inventory(tuple(kubernetes.read([row], source, labels, notes)), "kubernetes", tuple(notes))
        if key == "instances" or (key == "" and isinstance(value, dict) and "id" in value):
            return Inventory(_held(topograph.read(rest, source), source), "topograph", tuple(notes))
        if key == "nodes":
            return Inventory(_held(slurm.of_json(rest, source), source), "slurm", tuple(notes))
        if key == "hosts" or (key == "" and isinstance(value, dict)):
            hosts = _held(_own(rest, source), source)
            if not any(host.tor for host in hosts) and any(host.rack for host in hosts):
                notes.append(f"{source.name} names no ToR: each rack is taken as one ToR")
                hosts = tuple(replace(host, tor=host.rack) for host in hosts)
            return Inventory(hosts, FORMAT, tuple(notes))
        if key == "version" and isinstance(value, int) and value != VERSION:
            raise source.bad(f"is of version {value}; this program reads version {VERSION}")
    raise source.bad("has no list of instances, nodes, items or hosts; " + GIVE)


def _listed(key: str, value: Any, stream: Iterator[tuple[str, Any]]) -> Iterator[Any]:
    """Yield the elements of this list; the rest of the document is read to its end, so that a fault in it is seen."""
    yield value
    for other, element in stream:
        if other == key:
            yield element


def _own(rows: Iterable[Any], source: Source) -> Iterator[Host]:
    """Yield the hosts of our own form, or of any list of objects whose keys mean what a table's headings mean."""
    known = {field.name for field in fields(Host)} - {"line"}
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise source.bad(f"host {index} is {str(row)[:40]!r}; give an object with a name")
        if row.keys() & {"event_time", "event_type"}:
            raise source.bad("is a fault history, which --trace reads; give hosts and racks")
        at = tables.columns_of(list(map(str, row))) if not set(row) <= known else {}
        keys = list(row)
        value = {meaning: row[keys[i]] for meaning, i in at.items()} if at else row
        name = value.get("name")
        whole = all(
            value.get(key) is None or (isinstance(value[key], int) and value[key] >= 0) for key in ("slot", "gpus")
        )
        texts = all(isinstance(value.get(key, ""), str) for key in ("tor", "rack", "domain", "down"))
        if not isinstance(name, str) or not whole or not texts:
            raise source.bad(f"host {index} lacks a name or garbles a field; give what fabric inventory wrote")
        host = Host(**{key: value[key] for key in known if value.get(key) is not None})
        yield host


def _merged(parts: Sequence[Inventory], names: Sequence[str]) -> Inventory:
    """Return one inventory of several: the first list of nodes says which hosts there are."""
    # what says nothing of ToRs is the list of nodes; a topology says ToRs and nothing of states and GPUs
    first = next((i for i, part in enumerate(parts) if not part.has_tors()), 0)
    by_name = {host.name: host for host in parts[first].hosts}
    order: list[str] = []
    for part, name in zip(parts, names, strict=True):
        if part is parts[first]:
            continue
        for host in part.hosts:
            have = by_name.get(host.name)
            if have is None:
                near = get_close_matches(host.name, by_name, n=1) if len(by_name) < 20_000 else []
                do = f"is no host of {names[first]}" + (
                    f"; did you mean {near[0]}?" if near else "; correct one of them"
                )
                at = f" in line {host.line}" if host.line else ""
                raise BadInput(f"host of {Path(name).name}", f"{host.name}{at}", do)
            by_name[host.name] = Host(
                host.name, have.tor or host.tor, have.rack or host.rack, have.domain or host.domain,
                host.slot if have.slot is None else have.slot, host.gpus if have.gpus is None else have.gpus,
                have.down or host.down,
            )  # fmt: skip
            order.append(host.name)
    ordered = dict.fromkeys(chain(order, by_name))
    notes = tuple(note for part in parts for note in part.notes)
    return Inventory(tuple(by_name[name] for name in ordered), " + ".join(part.read_as for part in parts), notes)


def _with_tors(hosts: tuple[Host, ...], how: Options) -> tuple[Host, ...]:
    """Return the hosts with the ToRs that their names or their order tell, where that was asked for."""
    if how.tor_from:
        try:
            pattern = re.compile(how.tor_from)
        except re.error as error:
            raise BadInput("--tor-from", how.tor_from, f"is no pattern ({error}); give a regular expression") from None
        found = [(host, pattern.search(host.name)) for host in hosts]
        if not any(match and match[0] for _, match in found):
            raise BadInput("--tor-from", how.tor_from, f"fits no host name, {hosts[0].name} for one; correct it")
        return tuple(
            replace(host, tor=(match[1] if match.re.groups and match[1] else match[0]) if match else "")
            for host, match in found
        )
    if how.nodes_per_tor is not None:
        if how.nodes_per_tor < 1:
            raise BadInput("--nodes-per-tor", how.nodes_per_tor, "give at least 1")
        if any(host.tor for host in hosts):
            raise BadInput("--nodes-per-tor", how.nodes_per_tor, "the inventory names ToRs; leave the flag out")
        return in_order(hosts, how.nodes_per_tor)
    return hosts


def dumps(inventory: Inventory) -> str:
    """Return the inventory in our own form: a host a line, the same inventory gives the same bytes."""
    rows = ",\n".join(json.dumps(host.as_dict(), ensure_ascii=False) for host in inventory.hosts)
    return f'{{"format":"{FORMAT}","version":{VERSION},"hosts":[\n{rows}\n]}}\n'
