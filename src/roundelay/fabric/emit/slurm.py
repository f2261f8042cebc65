"""Slurm's topology files: the DCN as a tree, the current cut as blocks, the groups as rings.

A topology file speaks for the whole cluster, so every job's groups stand in it, and the free nodes cut as the asked
job's are.

Source: topology.conf(5), topology.yaml(5); topology/ring as in Slurm 26.05: at most 16 nodes a ring, a job or segment
takes consecutive places on the closed list, one segment a ring, and a node in use or down is never passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from roundelay.errors import BadInput
from roundelay.fabric.emit import lint
from roundelay.fabric.emit.torchrun import ARBITRARY, ranks_tsv, run_sh
from roundelay.fabric.emit.view import Emitted, View, break_after, free_cut, group_name
from roundelay.fabric.emit.yaml_text import document
from roundelay.fabric.reading.hostlist import compress

TOPOLOGY = "roundelay"


def _all_hosts(view: View) -> list[str]:
    hosts = [view.placement.host(node) for node in view.nodes()]
    lint.slurm_names(hosts, "host")
    return hosts


def _job_files(view: View) -> dict[str, str]:
    """What a job needs beside the topology: the hosts in ring order, and each host's rank."""
    return {
        "hostfile": "".join(f"{host}\n" for host in view.hosts),
        "ranks.tsv": ranks_tsv(view),
        "run.sh": run_sh(view),
    }


def _yaml(view: View, kind: str, body: Mapping[str, Any]) -> str:
    return f"# {view.header}\n" + document([{"topology": TOPOLOGY, "cluster_default": True, kind: dict(body)}])


def move_sh(view: View, units: Iterable[tuple[str, list[str]]]) -> str:
    """Return a script that moves nodes into their unit, a leaf switch or a block, in the running cluster.

    Source: Slurm's topology guide, "dynamic topology", 25.11 or later: `Topology=NAME:UNIT`.
    """
    lines = ["#!/usr/bin/env bash", f"# {view.header}", "set -euo pipefail"]
    lines += [f"scontrol update NodeName={compress(nodes)} Topology={TOPOLOGY}:{unit}" for unit, nodes in units]
    return "\n".join(lines) + "\n"


MOVES = (
    "move.sh: Slurm 25.11 or later with topology.yaml loaded once: it moves the nodes into units of these names by "
    "Topology=, with no reconfigure."
)


def _install(*files: str) -> str:
    return " ".join(["cp", *(f"DIR/{file}" for file in files), "/etc/slurm/", "&&", "scontrol reconfigure"])


def tree(view: View) -> Emitted:
    """Return the ToRs and their aggregation domains as switches, and the host file that keeps the ring's order."""
    hosts, deployment = _all_hosts(view), view.placement.deployment
    of_tor: dict[int, list[str]] = {}
    for node, host in zip(view.nodes(), hosts, strict=True):
        of_tor.setdefault(node // deployment.nodes_per_tor, []).append(host)
    names = view.tor_names()
    leaves = [(names[t], nodes) for t, nodes in of_tor.items()]
    upper = _upper_switches(names, deployment.tors_per_domain, view.placement.domains)
    lint.slurm_names([*hosts, *(name for name, _ in leaves), *(name for name, _ in upper)], "switch or host")
    lines = [f"# {view.header}"]
    lines += [f"SwitchName={name} Nodes={compress(nodes)}" for name, nodes in leaves]
    lines += [f"SwitchName={name} Switches={compress(children)}" for name, children in upper]
    switches = [{"switch": name, "nodes": compress(nodes)} for name, nodes in leaves]
    switches += [{"switch": name, "children": compress(children)} for name, children in upper]
    n = len(view.hosts)
    launch = f"{ARBITRARY} --nodes={n} --ntasks={n} --exclusive DIR/run.sh train.py"
    return Emitted(
        {
            **_job_files(view),
            "topology.conf": "\n".join(lines) + "\n",
            "topology.yaml": _yaml(view, "tree", {"switches": switches}),
            "move.sh": move_sh(view, leaves),
        },
        (_install("topology.conf"), launch),
        (
            "topology.conf: Slurm 22.05 or later with TopologyPlugin=topology/tree in slurm.conf. topology.yaml: "
            "25.05 or later, instead of it.",
            MOVES,
        ),
    )


def _upper_switches(leaves: list[str], per_domain: int, named: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return the switches above the ToRs: one a domain where there are domains (`named`: by ToR), one over all."""
    if len(leaves) == 1:
        return []
    domains = (
        [leaves[start : start + per_domain] for start in range(0, len(leaves), per_domain)] if per_domain else [leaves]
    )
    if len(domains) == 1:
        return [("core", leaves)]
    width = len(str(len(domains) - 1))
    names = named[::per_domain] or [f"pod{index:0{width}d}" for index in range(len(domains))]
    return [*zip(names, domains, strict=True), ("core", list(names))]


def block(view: View) -> Emitted:
    """Return one block for every TP group of every job and for every group that the free nodes could form.

    Raises `BadInput` where jobs have groups of different sizes: topology/block knows one base size.
    """
    _all_hosts(view)
    m = view.group_nodes
    for job in view.placement.jobs:
        if job.groups and len(job.groups[0]) != m:
            sizes = f"{m} and {len(job.groups[0])}"
            raise BadInput(
                "groups of", f"{sizes} nodes", "topology/block has one base size; emit slurm-ring or slurm-tree"
            )
    blocks = [
        (group_name(job.name, index), view.hosts_of(group))
        for job in view.placement.jobs
        for index, group in enumerate(job.groups)
    ]
    free, rest = free_cut(view.placement, m)
    blocks += [(group_name("free", index), view.hosts_of(group)) for index, group in enumerate(free)]
    lint.slurm_names([name for name, _ in blocks], "block")
    lines = [f"# {view.header}", f"BlockSizes={m}"]
    lines += [f"BlockName={name} Nodes={compress(nodes)}" for name, nodes in blocks]
    body = {"block_sizes": [m], "blocks": [{"block": name, "nodes": compress(nodes)} for name, nodes in blocks]}
    left = sum(len(run) for run in rest)
    return Emitted(
        {
            **_job_files(view),
            "topology.conf": "\n".join(lines) + "\n",
            "topology.yaml": _yaml(view, "block", body),
            "move.sh": move_sh(view, blocks),
        },
        (_install("topology.conf"), _segment_launch(view)),
        (
            "topology.conf: Slurm 23.11 or later with TopologyPlugin=topology/block in slurm.conf. topology.yaml: "
            "25.05 or later, instead of it.",
            MOVES,
            "Slurm 23.11 does not know --segment yet: leave it out there, the node list says it all.",
            *((f"{left} free nodes fill no block and stand in none; Slurm warns of them",) if left else ()),
        ),
    )


def _segment_launch(view: View) -> str:
    """The line for block and ring: `--distribution=arbitrary` fails there, so run.sh looks its rank up instead."""
    n = len(view.hosts)
    return (
        f"srun --nodes={n} --ntasks={n} --ntasks-per-node=1 --segment={view.group_nodes} --nodelist=DIR/hostfile "
        "--exclusive DIR/run.sh train.py"
    )


def ring(view: View) -> Emitted:
    """Return one ring for every TP group of every job, for every group the free nodes could form, and for what is left.

    One group a ring, since Slurm takes one segment from a ring at a time and prefers the ring it fills. Bypassed nodes
    are left out. Where a ring ends at a true break the dead node behind it stays as a spacer: no job wraps round.
    """
    _all_hosts(view)
    placement, m = view.placement, view.group_nodes
    rings: list[tuple[str, list[int]]] = []
    for job in placement.jobs:
        for index, group in enumerate(job.groups):
            if len(group) > lint.SLURM_RING_NODES:
                most = lint.SLURM_RING_NODES
                raise BadInput(
                    "group of", f"{len(group)} nodes", f"topology/ring holds {most}; emit slurm-block or slurm-tree"
                )
            rings.append((group_name(job.name, index), list(group)))
    free, rest = free_cut(placement, m)
    rings += [(group_name("free", index), group) for index, group in enumerate(free)]
    most = lint.SLURM_RING_NODES
    short = [run[start : start + most] for run in rest for start in range(0, len(run), most)]
    rings += [(f"rest-g{index:05d}", run) for index, run in enumerate(short)]
    spacers, closed = break_after(placement), 0
    spaced: list[tuple[str, list[str]]] = []
    for name, nodes in rings:
        spacer = spacers.get(nodes[-1])
        if spacer is not None and len(nodes) < most:
            nodes = [*nodes, spacer]
        else:
            closed += 1
        spaced.append((name, view.hosts_of(nodes)))
    lint.slurm_names([name for name, _ in spaced], "ring")
    lint.distinct([host for _, nodes in spaced for host in nodes], "host in rings")
    body = {"rings": [{"ring": name, "nodes": compress(nodes)} for name, nodes in spaced]}
    return Emitted(
        {**_job_files(view), "topology.yaml": _yaml(view, "ring", body)},
        (_install("topology.yaml"), _segment_launch(view)),
        (
            "Slurm 26.05 or later; place again and reconfigure after a fault, for Slurm itself passes no node over.",
            f"{closed} of {len(spaced)} rings have no spacer and Slurm takes them as closed: ask for whole groups "
            f"(--segment={m}), since a job of fewer nodes could join a ring's last node to its first.",
        ),
    )
