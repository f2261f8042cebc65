"""A placement: which nodes form each TP group, in which order, and the path every transceiver takes for it.

`placement.json` is the canonical form (schema in specs/placement.schema.json); every scheduler's file is a view of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.console import table_text
from roundelay.errors import BadInput
from roundelay.fabric.inventory.inventory import Slots
from roundelay.fabric.placement.epochs import KEPT, Entry
from roundelay.fabric.reading.hostlist import expand
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.topology.optics import Circuits, realise

FORMAT, VERSION = "roundelay-placement", 1


@dataclass(frozen=True, slots=True)
class JobPlace:
    """One job: its groups [G][m] of node ids, each in ring order, all in rank order (TP innermost)."""

    name: str
    tp: int
    groups: tuple[tuple[int, ...], ...]
    _array: np.ndarray | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, name: str, tp: int, nodes_Gm: np.ndarray) -> JobPlace:
        """Return the job of the groups int [G, m]."""
        return cls(name, tp, tuple(map(tuple, nodes_Gm.tolist())), nodes_Gm)

    def array(self) -> np.ndarray:
        """Return the groups as int64 [G, m], made once; raises ValueError where they differ in length."""
        if self._array is None:
            made = np.array(self.groups, dtype=np.int64) if self.groups else np.zeros((0, 0), dtype=np.int64)
            object.__setattr__(self, "_array", made)
            return made
        return self._array

    @property
    def nodes(self) -> Iterator[int]:
        """Yield the job's nodes in rank order."""
        return (node for group in self.groups for node in group)


@dataclass(frozen=True, slots=True)
class Placement:
    """Jobs on a deployment, beside the nodes that are down; `hosts` names the nodes, in node order.

    `missing` are slots where no host stands: down for good. `tors` names the ToRs, `domains` each one's upper switch.
    `log` has the latest epochs.
    """

    deployment: Deployment
    jobs: tuple[JobPlace, ...]
    down: tuple[int, ...] = ()
    hosts: tuple[str, ...] = ()
    epoch: int = 0
    missing: tuple[int, ...] = ()
    tors: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    log: tuple[Entry, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def on(cls, slots: Slots) -> Placement:
        """Return the empty placement over an operator's own racks."""
        hosts = tuple(name or f"missing-{node:06d}" for node, name in enumerate(slots.names))
        domains = slots.domains if slots.deployment.tors_per_domain else ()
        return cls(slots.deployment, (), slots.down, hosts, missing=slots.missing, tors=slots.tors, domains=domains)

    def host(self, node: int) -> str:
        """Return the node's host name."""
        return self.hosts[node] if self.hosts else f"node-{node:06d}"

    def job(self, name: str | None = None) -> JobPlace:
        """Return the job of that name, or the only one."""
        if name is None and len(self.jobs) == 1:
            return self.jobs[0]
        for job in self.jobs:
            if job.name == name:
                return job
        known = ", ".join(job.name for job in self.jobs) or "none"
        raise BadInput("job", name, f"name one of: {known}")

    def rank_order(self, name: str | None = None) -> list[int]:
        """Return the job's nodes in rank order: a TP group is consecutive ranks, in ring order."""
        return list(self.job(name).nodes)

    def group_of(self) -> np.ndarray:
        """Return each node's group, counted over all jobs, int32 [nodes]; -1 is free or down."""
        out = np.full(self.deployment.nodes, -1, dtype=np.int32)
        first = 0
        for job in self.jobs:
            nodes_Gm = job.array()
            out[nodes_Gm] = np.arange(first, first + len(nodes_Gm))[:, None]
            first += len(nodes_Gm)
        return out

    def down_mask(self) -> np.ndarray:
        """Return bool [nodes], true where a node is down or missing."""
        mask = np.zeros(self.deployment.nodes, dtype=bool)
        mask[[*self.down, *self.missing]] = True
        return mask

    def circuits(self) -> Circuits:
        """Return every transceiver's path, in ring positions; raises `BadInput` where a group is not realisable."""
        position = self.deployment.position
        groups = [group for job in self.jobs if job.groups for group in position(job.array()).tolist()]
        return realise(self.deployment.ring, groups, self.epoch)

    def check(self) -> Placement:
        """Return the placement itself; raises `BadInput` naming what a scheduler or the optics would refuse."""
        down = {*self.down, *self.missing}
        seen: set[int] = set()
        for node in (*down, *(node for job in self.jobs for node in job.nodes)):
            if not 0 <= node < self.deployment.nodes:
                raise BadInput("node", node, f"the fabric has nodes 0 to {self.deployment.nodes - 1}")
        for job in self.jobs:
            size = self.deployment.ring.fabric.nodes_per_group(job.tp)
            for group in job.groups:
                if len(group) != size:
                    raise BadInput("group", list(group), f"TP-{job.tp} takes {size} nodes; place again")
                for node in group:
                    if node in down:
                        raise BadInput("node", node, f"is down and stands in a group of {job.name}; repair it")
                    if node in seen:
                        raise BadInput("node", node, "stands in two places; a node belongs to one group")
                    seen.add(node)
        if len({job.name for job in self.jobs}) < len(self.jobs):
            raise BadInput("jobs", [job.name for job in self.jobs], "two have one name; rename one")
        if self.hosts and (len(self.hosts) != self.deployment.nodes or len(set(self.hosts)) < len(self.hosts)):
            raise BadInput("hosts", len(self.hosts), f"give {self.deployment.nodes} different names, one a node")
        if both := set(self.down) & set(self.missing):
            raise BadInput("down node", min(both), "has no host: it stands in `missing`; give it in one of the two")
        for what, names in (("tors", self.tors), ("domains", self.domains)):
            if names and len(names) != self.deployment.tors:
                raise BadInput(what, len(names), f"give {self.deployment.tors} names, one a ToR")
        if len(set(self.tors)) < len(self.tors):
            raise BadInput("tors", len(self.tors), "two have one name; give each its own")
        self.circuits()
        return self

    def groups(self) -> dict[str, tuple[int, tuple[tuple[int, ...], ...]]]:
        """Return each job's TP and groups by its name, jobs without a group left out; circuits follow from them."""
        return {job.name: (job.tp, job.groups) for job in self.jobs if job.groups}

    def changed(
        self, *, jobs: tuple[JobPlace, ...] | None = None, down: tuple[int, ...] | None = None, event: str = "changed"
    ) -> Placement:
        """Return the placement with these jobs or down nodes, after `event`."""
        new = replace(
            self, jobs=self.jobs if jobs is None else jobs, down=self.down if down is None else tuple(sorted(down))
        )
        return new.after(self, event)

    def after(self, before: Placement, event: str) -> Placement:
        """Return the placement with the epoch and the log that follow `before`; the one place where an epoch rises.

        It rises by one exactly when a group changed. Circuits follow from groups, so they change at no other time.
        """
        old, new = before.groups(), self.groups()
        if old == new:
            return replace(self, epoch=before.epoch, log=before.log)
        entry = Entry.of(before.epoch + 1, event, old, new)
        return replace(self, epoch=entry.epoch, log=(*before.log, entry)[-KEPT:])

    def with_job(self, job: JobPlace) -> Placement:
        """Return the placement with one job more, checked; at the next epoch if it has a group."""
        return self.changed(jobs=(*self.jobs, job), event=f"place {job.name}").check()

    def without_job(self, name: str) -> Placement:
        """Return the placement after the job has left; at the next epoch if it had a group."""
        gone = self.job(name)
        return self.changed(jobs=tuple(job for job in self.jobs if job is not gone), event=f"release {name}")

    def as_dict(self) -> dict[str, Any]:
        """Return the placement as it stands in placement.json, circuits included."""
        deployment, ring = self.deployment, self.deployment.ring
        paths_NB = self.circuits().paths_NB
        position = deployment.position
        return {
            "format": FORMAT,
            "version": VERSION,
            "epoch": self.epoch,
            "fabric": {
                "nodes": deployment.nodes,
                "gpus_per_node": ring.fabric.gpus_per_node,
                "k": ring.k,
                "closed": ring.closed,
                "nodes_per_tor": deployment.nodes_per_tor,
                "tors_per_domain": deployment.tors_per_domain,
            },
            "hosts": list(self.hosts),
            "down": sorted(self.down),
            **{key: list(value) for key in ("missing", "tors", "domains") if (value := getattr(self, key))},
            "log": [entry.as_dict() for entry in self.log],
            "jobs": [
                {
                    "name": job.name,
                    "tp": job.tp,
                    "groups": [
                        {"nodes": list(group), "paths": paths_NB[position(np.array(group))].tolist()}
                        for group in job.groups
                    ],
                }
                for job in self.jobs
            ],
        }

    def __str__(self) -> str:
        """The jobs as a table; their scores are `fabric.placement.explain`'s."""
        columns = {"name": "job", "tp": "TP", "groups": "groups", "gpus": "GPUs"}
        rows = [
            {"name": job.name, "tp": job.tp, "groups": len(job.groups), "gpus": len(job.groups) * job.tp}
            for job in self.jobs
        ]
        at, free = self.deployment, int(((self.group_of() < 0) & ~self.down_mask()).sum())
        missing = f", {len(self.missing):,} slots without a host" if self.missing else ""
        ring = f"{at.nodes:,} nodes{missing}, K={at.ring.k}, {at.nodes_per_tor} per ToR, epoch {self.epoch}"
        return f"{ring}: {len(self.down):,} down, {free:,} free\n{table_text(rows, columns)}"

    def dumps(self) -> str:
        """Return the file's text: sorted keys, the same placement gives the same bytes."""
        return json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":")) + "\n"


def read(path: Path | str) -> Placement:
    """Return the placement of a file, checked; raises `BadInput` for another version or an unrealisable edit."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput("placement", path, f"cannot be read ({error.strerror}); give a file of fabric place") from None
    except (ValueError, RecursionError) as error:  # ValueError: no text, no JSON, thousands of digits
        raise BadInput("placement", path, f"is not JSON ({error}); give a file of fabric place") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise BadInput("placement", path, f"is no {FORMAT} file; give a file of fabric place")
    if value.get("version") != VERSION:
        raise BadInput("placement version", value.get("version"), f"this program reads version {VERSION}; place again")
    try:
        placement = _parse(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput("placement", path, f"lacks or garbles a field ({error!r}); place again") from None
    placement.check()
    _check_paths(placement, value)
    return placement


def _parse(value: Mapping[str, Any]) -> Placement:
    fabric = value["fabric"]
    deployment = Deployment.of(
        _whole(fabric["nodes"]),
        _whole(fabric["gpus_per_node"]),
        _whole(fabric["k"]),
        _whole(fabric["nodes_per_tor"]),
        closed=bool(fabric["closed"]),
        tors_per_domain=_whole(fabric["tors_per_domain"]),
    )
    jobs = tuple(
        JobPlace(str(job["name"]), _whole(job["tp"]), tuple(tuple(map(_whole, g["nodes"])) for g in job["groups"]))
        for job in value["jobs"]
    )
    down = tuple(map(_whole, value["down"]))
    hosts, tors, domains = (tuple(map(str, value.get(key, ()))) for key in ("hosts", "tors", "domains"))
    missing = tuple(map(_whole, value.get("missing", ())))
    log = tuple(map(Entry.parse, value.get("log", ())))
    return Placement(deployment, jobs, down, hosts, _whole(value["epoch"]), missing, tors, domains, log)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value


def _check_paths(placement: Placement, value: Mapping[str, Any]) -> None:
    """Raise `BadInput` where the file's transceiver paths are not those that its groups need."""
    true = placement.as_dict()["jobs"]
    for ours, theirs in zip(true, value["jobs"], strict=True):
        for group, stated in zip(ours["groups"], theirs["groups"], strict=True):
            if group["paths"] != stated.get("paths"):
                raise BadInput("paths of group", stated["nodes"], "are not those its nodes need; place again")


def down_nodes(
    path: Path | str, nodes: int, hosts: Sequence[str] = (), others: Collection[str] = ()
) -> tuple[int, ...]:
    """Return the nodes named in a file, by number, host name or host list; apart by blanks, commas or line ends.

    `others` are hosts that are known and stand nowhere in the fabric; they are passed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("--down", path, f"cannot be read ({error}); give a file with one node a line") from None
    lines = (line.split("#")[0] for line in text.splitlines())
    words = [word for line in lines for word in expand(line) if word not in others]
    return parse_nodes(words, nodes, hosts)


def parse_nodes(words: Sequence[str], nodes: int, hosts: Sequence[str] = ()) -> tuple[int, ...]:
    """Return node numbers for numbers, host names or host lists; raises `BadInput` for the first unknown."""
    by_name = {name: i for i, name in enumerate(hosts)}
    out = []
    for word in (name for given in words for name in ([given] if given in by_name else expand(given) or [given])):
        plain = word.removeprefix("node-") if not hosts else word
        number = by_name.get(word, int(plain) if plain.isdecimal() and len(plain) < 19 else -1)
        if not 0 <= number < nodes:
            near = get_close_matches(word, hosts, n=1) if 0 < len(hosts) < 20_000 and not word.isdecimal() else []
            meant = f" and no host of that name; did you mean {near[0]}?" if near else ""
            raise BadInput("node", word, f"the fabric has nodes 0 to {nodes - 1}{meant}")
        out.append(number)
    return tuple(dict.fromkeys(out))
