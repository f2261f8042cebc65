"""An operator's own hosts: which stand under which ToR, and which cannot be used and why. Method: ours.

A fabric has T ToRs of p slots. An uneven rack leaves slots without a host; they are nodes that are missing for good,
and the ring passes them over as it passes a fault. A host without a ToR has no place on the ring and is never chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.topology.topology import MAX_NODES

FORMAT, VERSION = "roundelay-inventory", 1
MAX_HOSTS = 1_000_000
NO_TOR = "has no ToR"


@dataclass(frozen=True, slots=True)
class Host:
    """One host; "" and None are what is not known. `down` says why it cannot be used now, "" that it can.

    `domain` is the aggregation switch above the ToR, `slot` the host's place under its ToR, `line` where it was read.
    """

    name: str
    tor: str = ""
    rack: str = ""
    domain: str = ""
    slot: int | None = None
    gpus: int | None = None
    down: str = ""
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is known of the host, as it stands in our own form."""
        keys = ("name", "tor", "rack", "domain", "slot", "gpus", "down")
        return {key: value for key in keys if (value := getattr(self, key)) not in ("", None)}


@dataclass(frozen=True, slots=True)
class Slots:
    """Where the hosts of an inventory stand: `names` [nodes] in node order, "" for a slot without a host."""

    deployment: Deployment
    names: tuple[str, ...]
    down: tuple[int, ...]
    tors: tuple[str, ...]
    domains: tuple[str, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """The nodes without a host."""
        return tuple(node for node, name in enumerate(self.names) if not name)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The hosts in the order of their file, what it was read as, and what has to be said about it."""

    hosts: tuple[Host, ...]
    read_as: str = FORMAT
    notes: tuple[str, ...] = ()

    def gpus_per_node(self) -> int | None:
        """Return the GPUs of most hosts; None where no host says it."""
        counts = Counter(host.gpus for host in self.hosts if host.gpus)
        return counts.most_common(1)[0][0] if counts else None

    def has_tors(self) -> bool:
        """Return whether any host names its ToR."""
        return any(host.tor for host in self.hosts)

    def unusable(self, gpus_per_node: int | None = None) -> dict[str, str]:
        """Return host -> why it can never be chosen: no ToR where others have one, or another number of GPUs."""
        told = self.gpus_per_node()
        gpus = None if told is None else gpus_per_node or told  # Slurm without Gres counts no GPUs anywhere
        out: dict[str, str] = {}
        for host in self.hosts:
            if not host.tor and self.has_tors():
                out[host.name] = NO_TOR
            elif gpus is not None and host.gpus is not None and host.gpus != gpus:
                out[host.name] = f"has {host.gpus or 'no'} GPUs, not {gpus}"
        return out

    def by_tor(self, gpus_per_node: int | None = None) -> dict[str, list[Host]]:
        """Return ToR -> its usable hosts, ToRs of a domain together, in the order of first appearance.

        Without any ToR each host is one by itself.
        """
        left_out, named = self.unusable(gpus_per_node), self.has_tors()
        groups: dict[str, dict[str, list[Host]]] = {}
        for host in self.hosts:
            if host.name not in left_out:
                tor = host.tor if named else host.name
                groups.setdefault(host.domain, {}).setdefault(tor, []).append(host)
        return {tor: hosts for domain in groups.values() for tor, hosts in domain.items()}

    def slots(self, gpus_per_node: int, k: int, *, closed: bool = True) -> Slots:
        """Return the deployment of a K-hop ring over these racks and where each host stands in it.

        Raises `BadInput` where no host can be used, and where one rack is so large that almost all slots are empty.
        """
        tors = self.by_tor(gpus_per_node)
        if not tors:
            raise BadInput("inventory", f"of {len(self.hosts)} hosts", f"has none of {gpus_per_node} GPUs under a ToR")
        places = self._places(tors)
        p = max(max(where.values()) for where in places.values()) + 1
        count = sum(map(len, tors.values()))
        if len(tors) * p > min(MAX_NODES, 64 * count + 4096):
            widest = max(tors, key=lambda tor: len(tors[tor]))
            do = f"has {len(tors[widest])} hosts, and {len(tors)} ToRs of {p} slots would be almost empty; correct it"
            raise BadInput("ToR", widest, do)
        names = [""] * (len(tors) * p)
        down = []
        for t, (tor, hosts) in enumerate(tors.items()):
            for host in hosts:
                node = t * p + places[tor][host.name]
                names[node] = host.name
                if host.down:
                    down.append(node)
        domains = tuple(hosts[0].domain for hosts in tors.values())
        sizes = set(Counter(domains).values())
        even = sizes.pop() if len(sizes) == 1 and all(domains) else 0
        deployment = Deployment.of(
            len(names), gpus_per_node, k, p, closed=closed, tors_per_domain=0 if even == len(tors) else even
        )
        return Slots(deployment, tuple(names), tuple(sorted(down)), tuple(tors) if self.has_tors() else (), domains)

    @staticmethod
    def _places(tors: Mapping[str, list[Host]]) -> dict[str, dict[str, int]]:
        """Return ToR -> host -> its slot from 0: as the file numbers slots, where all hosts have one."""
        if not all(host.slot is not None for hosts in tors.values() for host in hosts):
            return {tor: {host.name: i for i, host in enumerate(hosts)} for tor, hosts in tors.items()}
        numbers = sorted({host.slot for hosts in tors.values() for host in hosts if host.slot is not None})
        index = {number: i for i, number in enumerate(numbers)}
        return {
            tor: {host.name: index[host.slot] for host in hosts if host.slot is not None} for tor, hosts in tors.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the inventory in our own form, which `read` takes."""
        return {"format": FORMAT, "version": VERSION, "hosts": [host.as_dict() for host in self.hosts]}


def check(hosts: Iterable[Host], what: str) -> tuple[Host, ...]:
    """Return the hosts; raises `BadInput` for a name or slot twice, a ToR under two domains, and too many."""
    seen: dict[str, Host] = {}
    above: dict[str, Host] = {}
    slots: dict[tuple[str, int], Host] = {}
    for host in hosts:
        if len(seen) >= MAX_HOSTS:
            raise BadInput(what, f"of over {MAX_HOSTS:,} hosts", "is too large; give the hosts of one fabric")
        if not host.name or not host.name.isprintable() or set(host.name) & set(" ,\"'\\"):
            raise BadInput(f"host of {what}", f"{host.name!r}{_at(host)}", "is no host name; correct it")
        if (first := seen.setdefault(host.name, host)) is not host:
            raise BadInput(f"host of {what}", f"{host.name}{_at(host)}", f"stands twice{_first(first)}; give it once")
        if not host.tor:
            continue
        first = above.setdefault(host.tor, host)
        if host.domain != first.domain:
            do = f"hangs under {first.domain!r}{_first(first)} and under {host.domain!r}; give a tree"
            raise BadInput("ToR", f"{host.tor}{_at(host)}", do)
        if host.slot is not None and (first := slots.setdefault((host.tor, host.slot), host)) is not host:
            do = f"stands in slot {host.slot} of {host.tor}, as {first.name} does{_first(first)}; give each its own"
            raise BadInput(f"host of {what}", f"{host.name}{_at(host)}", do)
    return tuple(seen.values())


def _at(host: Host) -> str:
    return f" in line {host.line}" if host.line else ""


def _first(host: Host) -> str:
    return f" (first in line {host.line})" if host.line else ""


def in_order(hosts: Iterable[Host], per_tor: int) -> tuple[Host, ...]:
    """Return hosts without ToRs as ToRs of `per_tor` each, in their order: tor0, tor1 ..."""
    listed = list(hosts)
    width = len(str((len(listed) - 1) // per_tor))
    return tuple(replace(host, tor=f"tor{i // per_tor:0{width}d}") for i, host in enumerate(listed))
