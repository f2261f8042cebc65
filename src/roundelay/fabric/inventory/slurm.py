"""Slurm's own words: `scontrol show nodes` and `show topology`, slurm.conf and topology.conf, topology.yaml.

Source: scontrol(1), slurm.conf(5), topology.conf(5), topology.yaml(5). All but the last are records KEY=VALUE; a record
begins with NodeName=, SwitchName= or BlockName= and may go on in indented lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from roundelay.errors import BadInput
from roundelay.fabric.inventory.inventory import MAX_HOSTS, Host
from roundelay.fabric.reading.hostlist import expand
from roundelay.fabric.reading.source import Source

KEY = re.compile(r"(?:^|\s)([A-Za-z][\w:]*)=")
RECORD = re.compile(r"\s*(NodeName|SwitchName|BlockName)=", re.IGNORECASE)
GPUS = re.compile(r"(?:^|,)(?:gres/)?gpu(?::[\w.-]*?)?[:=](\d+)(?=$|[,(])", re.IGNORECASE)
# of a node's state, words between plus signs; powered down nodes wake when a job asks, UNKNOWN is slurm.conf's default
BAD_STATES = frozenset((
    "DOWN", "DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING", "ERROR", "NOT_RESPONDING", "NO_RESPOND", "INVAL",
    "INVALID_REG", "FUTURE", "REBOOT_ISSUED", "MAINT", "MAINTENANCE",
))  # fmt: skip
MAX_YAML_CHARS = 1 << 25


@dataclass(slots=True)
class Switches:
    """The switches of a topology: the nodes of each leaf, and the switch above each switch."""

    leaves: dict[str, list[str]] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int | None] = field(default_factory=dict)
    blocks: bool = False
    hosts: int = 0

    def add(self, name: str, nodes: str, children: str, line: int | None, what: str) -> None:
        """Take one switch: its own nodes, its child switches; raises `BadInput` for one twice or under two others."""
        if name in self.lines:
            raise BadInput(f"switch of {what}", f"{name}{_at(line)}", "stands twice; give it once")
        self.lines[name] = line
        if children and children != "(null)":
            for child in expand(children):
                if (other := self.above.setdefault(child, name)) != name:
                    raise BadInput("switch", f"{child}{_at(line)}", f"hangs under {other!r} and {name!r}; give a tree")
        if nodes and nodes != "(null)":
            self.leaves[name] = expand(nodes)
            self.hosts += len(self.leaves[name])
            if self.hosts > MAX_HOSTS:
                raise BadInput(f"topology of {what}", f"with over {MAX_HOSTS:,} hosts{_at(line)}", "is too large")


def _at(line: int | None) -> str:
    return f" in line {line}" if line else ""


def records(source: Source) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, keys and values) of every record; other lines of a configuration file are passed.

    Comments and blank lines are none; a line that ends in a backslash goes on in the next one.
    """
    begun, text = 0, ""
    joined = False
    for number, line in source.lines():
        plain = line.split(" #")[0].rstrip() if not line.startswith("#") else ""
        goes_on = plain.endswith("\\")
        plain = plain.removesuffix("\\")
        if RECORD.match(plain) and not joined:
            if begun:
                yield begun, _pairs(text)
            begun, text = number, plain.strip()
        elif begun and plain and (joined or plain[0] in " \t"):
            text += "\n" + plain.strip()
        elif begun:
            yield begun, _pairs(text)
            begun = 0
        joined = goes_on
    if begun:
        yield begun, _pairs(text)


def _pairs(text: str) -> dict[str, str]:
    """Return the keys, in small letters, and values of a record; a value goes on to the next key."""
    found = list(KEY.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {m[1].lower(): text[m.end() : end].split("\n")[0].strip() for m, end in zip(found, ends, strict=True)}


def read(source: Source, notes: list[str]) -> Iterator[Host]:
    """Yield the hosts of KEY=VALUE records: nodes, switches or blocks, or both in one stream.

    Where nodes and a topology are given, a host of the topology that is no node is an error.
    """
    nodes: dict[str, Host] = {}
    switches, blocks = Switches(), Switches(blocks=True)
    for line, pairs in records(source):
        if "nodename" in pairs:
            for host in _nodes(pairs, line):
                if len(nodes) >= MAX_HOSTS:
                    raise source.bad(f"names more than {MAX_HOSTS:,} hosts; give those of one fabric", line)
                if host.name in nodes:
                    do = f"stands twice (first in line {nodes[host.name].line}); give it once"
                    raise source.bad(f"the host {host.name} {do}", line)
                nodes[host.name] = host
        elif "switchname" in pairs:
            children = pairs.get("switches", "")
            # scontrol repeats at every level (Level=) all nodes below; topology.conf says a switch's own
            own = "" if children and pairs.get("level", "0") != "0" else pairs.get("nodes", "")
            switches.add(pairs["switchname"], own, children, line, source.name)
        else:
            blocks.add(pairs["blockname"], pairs.get("nodes", ""), "", line, source.name)
    if not nodes and not switches.lines and not blocks.lines:
        raise source.bad("has no NodeName=, SwitchName= or BlockName=; give what scontrol show nodes prints")
    yield from joined(nodes, switches if switches.lines else blocks, source, notes)


def joined(nodes: Mapping[str, Host], switches: Switches, source: Source, notes: list[str]) -> Iterator[Host]:
    """Yield the nodes with the ToR and domain that the switches say; the topology's own order is kept."""
    if not switches.lines:
        yield from nodes.values()
        return
    if not switches.leaves:
        raise source.bad("has no switch with Nodes=; give the whole topology")
    if switches.blocks:
        notes.append(f"{source.name} has blocks and no switches: each block is taken as one ToR")
    seen: dict[str, str] = {}
    for tor, names in switches.leaves.items():
        line = switches.lines[tor]
        for name in names:
            if name in seen:
                raise source.bad(f"the host {name} stands under {seen[name]} and {tor}; give it one ToR", line)
            seen[name] = tor
            if nodes and name not in nodes:
                raise source.bad(f"{tor} names {name}, which is no node of the file; correct one of them", line)
            host = nodes.get(name) or Host(name, line=line)
            yield replace(host, tor=tor, domain=switches.above.get(tor, ""))
    yield from (host for name, host in nodes.items() if name not in seen)


def _nodes(pairs: Mapping[str, str], line: int) -> Iterator[Host]:
    """Yield the hosts of a node's record; slurm.conf's DEFAULT is none."""
    names = [] if pairs["nodename"].upper() == "DEFAULT" else expand(pairs["nodename"])
    gpus = None
    for key in ("gres", "cfgtres"):
        if key in pairs and (found := GPUS.findall(pairs[key])):
            gpus = sum(map(int, found)) if key == "gres" else int(found[0])
            break
    else:
        if pairs.get("gres") == "(null)" and "cfgtres" in pairs:
            gpus = 0
    state, reason = pairs.get("state", "").upper(), pairs.get("reason", "")
    down = _down(state.split("+"), reason)
    # 25.11 prints a node's place as Topology=NAME:SWITCH[:SWITCH…], from the root down
    place = pairs.get("topology", "").split(",")[0].split(":")[1:]
    tor, domain = (place[-1], place[-2] if len(place) > 1 else "") if place else ("", "")
    for name in names:
        yield Host(name, tor, "", domain, None, gpus, down, line)


def _down(words: Iterable[str], reason: str) -> str:
    """Return why a node of that state cannot be used, "" where it can; a star says that it does not respond."""
    state = list(words)
    bad = any(word.rstrip("*~#!%$@^-") in BAD_STATES or word.endswith("*") for word in state)
    return "+".join(state) + (f": {reason}" if reason else "") if bad else ""


def read_yaml(source: Source, notes: list[str]) -> Iterator[Host]:
    """Yield the hosts of a topology.yaml: of its default tree, or of its first tree, else of its first blocks."""
    text = "".join(source.blocks())
    if len(text) > MAX_YAML_CHARS:
        raise source.bad(f"is longer than {MAX_YAML_CHARS:,} characters; use host lists in it")
    try:
        value = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        raise source.bad(
            f"is not YAML ({getattr(error, 'problem', error)}); correct it", mark.line + 1 if mark else None
        ) from None
    if isinstance(value, dict) and isinstance(value.get("switches"), dict):
        yield from joined({}, _model(value, source), source, notes)
        return
    many = value if isinstance(value, list) else [value]
    trees = [one for one in many if isinstance(one, dict) and isinstance(one.get("tree"), dict)]
    blocks = [one for one in many if isinstance(one, dict) and isinstance(one.get("block"), dict)]
    if not trees and not blocks:
        raise source.bad("has no tree or block; give Slurm's topology.yaml")
    among = trees or blocks
    chosen = next((one for one in among if one.get("cluster_default") is True), among[0])
    if len(many) > 1:
        notes.append(f"{source.name} has {len(many)} topologies: read is {chosen.get('topology')}")
    kind, many_key, key = ("tree", "switches", "switch") if trees else ("block", "blocks", "block")
    rows = chosen[kind].get(many_key)
    switches = Switches(blocks=not trees)
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or not row.get(key):
            raise source.bad(f"{many_key} holds {str(row)[:40]!r}; give {key} and nodes or children")
        switches.add(str(row[key]), _text(row.get("nodes")), _text(row.get("children")), None, source.name)
    if not switches.lines:
        raise source.bad(f"{kind} has no {many_key}; give Slurm's topology.yaml")
    yield from joined({}, switches, source, notes)


def _model(value: Mapping[str, Any], source: Source) -> Switches:
    """Return the switches of a topograph model file: name -> switches or nodes (its tests/models)."""
    switches = Switches()
    for name, row in value["switches"].items():
        if not isinstance(row, dict):
            raise source.bad(f"the switch {name} has neither switches nor nodes; correct it")
        switches.add(str(name), _text(row.get("nodes")), _text(row.get("switches")), None, source.name)
    return switches


def _text(value: Any) -> str:
    """Return a host list, or a list of them, as one."""
    return ",".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else str(value or "")


def of_json(rows: Iterable[Any], source: Source) -> Iterator[Host]:
    """Yield the hosts of `scontrol show nodes --json`: elements of its list `nodes`."""
    for index, row in enumerate(rows):
        name = (row.get("name") or row.get("hostname")) if isinstance(row, dict) else None
        if not isinstance(name, str):
            raise source.bad(f"node {index} has no name; give what scontrol show nodes --json prints")
        states = row.get("state") or []
        flags = row.get("state_flags") or []
        words = [str(w).upper() for w in [*([states] if isinstance(states, str) else states), *flags]]
        down = _down(words, str(row.get("reason") or ""))
        found = GPUS.findall(str(row.get("gres") or ""))
        yield Host(name, gpus=sum(map(int, found)) if found else (0 if "gres" in row else None), down=down)
