"""Verbs that place jobs on the ring: `roundelay fabric place | repair | spares | explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay.console import note, print_json, print_table, progress
from roundelay.errors import BadInput
from roundelay.fabric.cli import inventory_verb, life_verb, options, output
from roundelay.files import check_free

if TYPE_CHECKING:
    from roundelay.fabric.placement.placement import Placement

OUT = click.option("--out", type=click.Path(path_type=Path), help="write placement.json here")


@click.command()
@click.option("--nodes", type=int, help="nodes of the fabric")
@inventory_verb.FILES
@inventory_verb.reading
@click.option("--gpus-per-node", type=int, help="GPUs of a node [4, or what the inventory says]")
@click.option("--k", type=int, default=3, show_default=True, help="hops a fibre spans at most")
@click.option("--nodes-per-tor", type=int, help="nodes of a ToR [1, or what the inventory says]")
@click.option("--tors-per-domain", type=int, default=0, help="ToRs of an aggregation domain [all in one]")
@click.option("--tp", type=int, default=32, show_default=True)
@click.option("--job-gpus", type=int, required=True)
@click.option("--name", default="job", show_default=True, help="name of the job")
@click.option("--down", type=click.Path(path_type=Path), help="file of nodes that are down: numbers, hosts, host lists")
@click.option("--fault-ratio", type=float, help="draw the nodes that are down at this ratio instead")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--hosts", type=click.Path(path_type=Path), help="file of the nodes' host names or host lists, in order")
@click.option(
    "--into", type=click.Path(path_type=Path), help="placement.json to add the job to, instead of an empty fabric"
)
@click.option("--rings", help="parallelism between the groups, innermost first: cp=2:0.7,dp=108:0.3")
@click.option("--spare-every", type=int, default=0, help="keep one spare per so many groups")
@click.option("--picture", type=click.Path(path_type=Path), help="also draw it: .svg or .png")
@OUT
@click.option("--in-place", is_flag=True, help="write it back to the file of --into")
@options.FORCE
@options.JSON
def place(out: Path | None, in_place: bool, force: bool, as_json: bool, picture: Path | None, **flags: Any) -> None:
    """Place a job: aligned under its ToRs where that is possible, realisable on the transceivers always."""
    from roundelay.fabric.placement import orchestrate

    for path in (out, picture):
        if path:
            check_free(path, force=force)
    if picture:
        output.check_suffix(picture, output.DRAWN, "--picture")
    if flags["spare_every"] < 0:
        raise BadInput("--spare-every", flags["spare_every"], "give 0 or more")
    if flags["into"] and flags["inventories"]:
        raise BadInput("--inventory", flags["inventories"][0], "goes without --into, whose racks are in the placement")
    if in_place and not flags["into"]:
        raise BadInput("--in-place", out, "writes back to the file of --into; give it, or --out")
    read = ""
    if flags["into"]:
        base, read = life_verb.opened(flags["into"], out, in_place, force=force)
    else:
        base = _empty(flags)
    placed, score = orchestrate.place(
        base, flags["tp"], flags["job_gpus"], flags["name"], rings=flags["rings"], spare_every=flags["spare_every"]
    )
    if out or in_place:
        life_verb.save(flags["into"], read, placed, out, in_place, force=force)
    if picture:
        _draw(placed, picture, force=force)
    if as_json:
        print_json(score.as_dict())
        return
    _print_score(score.as_dict(), f"{flags['name']}: TP-{flags['tp']} on {placed.deployment.nodes:,} nodes")


def _empty(flags: dict[str, Any]) -> Placement:
    """Return the fabric of the flags, or of the operator's racks, with its down nodes and no job."""
    from dataclasses import replace

    empty, others = inventory_verb.placement(flags) if flags["inventories"] else (_in_numbers(flags), set[str]())
    down = {*empty.down, *_down(flags, empty, others)} - set(empty.missing)
    return replace(empty, down=tuple(sorted(down)))


def _in_numbers(flags: dict[str, Any]) -> Placement:
    """Return the fabric that flags alone say."""
    from roundelay.fabric.placement import placement
    from roundelay.fabric.topology.deployment import Deployment

    hosts = _hosts(flags["hosts"]) if flags["hosts"] else ()
    nodes = len(hosts) if flags["nodes"] is None and hosts else flags["nodes"]
    if nodes is None:
        raise BadInput("--nodes", None, "give the number of nodes, an --inventory of them, or --into a placement")
    deployment = Deployment.of(
        nodes,
        options.GPUS_OF_A_NODE if flags["gpus_per_node"] is None else flags["gpus_per_node"],
        flags["k"],
        1 if flags["nodes_per_tor"] is None else flags["nodes_per_tor"],
        tors_per_domain=flags["tors_per_domain"],
    )
    if hosts and len(hosts) != deployment.nodes:
        raise BadInput("--hosts", flags["hosts"], f"names {len(hosts)} hosts; give {deployment.nodes}, one a node")
    return placement.Placement(deployment, (), (), hosts)


def _down(flags: dict[str, Any], empty: Placement, others: set[str]) -> tuple[int, ...]:
    """Return the nodes that the flags say are down, or draw them."""
    import numpy as np

    from roundelay.fabric.placement import placement
    from roundelay.fabric.waste import closed_form

    nodes = empty.deployment.nodes
    if flags["down"] and flags["fault_ratio"] is not None:
        raise BadInput("--fault-ratio", flags["fault_ratio"], "goes without --down; give one of the two")
    if flags["down"]:
        return placement.down_nodes(flags["down"], nodes, empty.hosts, others)
    if flags["fault_ratio"] is None:
        return ()
    closed_form.check_probability(flags["fault_ratio"])
    drawn = np.random.default_rng(flags["seed"]).random(nodes) < flags["fault_ratio"]
    return tuple(int(node) for node in np.flatnonzero(drawn))


def _hosts(path: Path) -> tuple[str, ...]:
    """Return the names of a file of host lists, in order; raises `BadInput` for a name twice."""
    from roundelay.fabric.inventory import read

    return tuple(host.name for host in read.read([path], read.Options("hostlist"), "--hosts").hosts)


def _print_score(values: dict[str, Any], title: str) -> None:
    rows = [{"what": key.replace("_", " "), "value": value} for key, value in values.items()]
    print_table(rows, {"what": title, "value": ""})


def _draw(placed: Placement, path: Path, *, force: bool) -> None:
    from roundelay.fabric.pages import place_picture

    output.draw(path, place_picture.picture(placed), force=force)
    note(f"wrote {path}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--fail", "failed", multiple=True, required=True, help="node that failed, by number or host; repeatable")
@click.argument("more", nargs=-1)
@OUT
@options.IN_PLACE
@options.FORCE
@options.JSON
def repair(
    file: Path, failed: tuple[str, ...], more: tuple[str, ...], out: Path | None, in_place: bool, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Repair a placement after nodes have failed, disturbing the fewest groups; --fail takes several nodes."""
    from roundelay.fabric.placement import dcn, orchestrate, placement
    from roundelay.fabric.placement.repair import repair as rebuild

    before, read = life_verb.opened(file, out, in_place, force=force)
    nodes = placement.parse_nodes([*failed, *more], before.deployment.nodes, before.hosts)
    done = rebuild(before, nodes)
    if out or in_place:
        life_verb.save(file, read, done.placement, out, in_place, force=force)
    moves = [{"job": m.job, "group": m.group, "before": list(m.before), "after": list(m.after)} for m in done.moves]
    commands = len(before.circuits().diff(done.placement.circuits()))
    values: dict[str, Any] = {"disturbed_groups": done.disturbed, "moves": moves, "switched_bundles": commands}
    if len(done.placement.jobs) == 1:
        job = done.placement.job()
        rings = dcn.parse_rings(None, len(job.groups), done.placement.deployment.nodes_per_tor)
        values = {**orchestrate.score(done.placement, job, rings, 0.0).as_dict(), **values}
    if as_json:
        print_json(values)
        return
    note(f"{done.disturbed} groups disturbed, {commands} bundles to switch")
    host = done.placement.host
    rows = [
        {
            "group": f"{m.job}/{m.group}",
            "leaves": " ".join(host(n) for n in m.before if n not in m.after),
            "joins": " ".join(host(n) for n in m.after if n not in m.before),
        }
        for m in done.moves
    ]
    print_table(rows, {"group": "group", "leaves": "leaves", "joins": "joins"})


@click.command()
@click.option("--nodes", type=int, default=720, show_default=True)
@click.option("--gpus-per-node", type=int, default=4, show_default=True)
@click.option("--k", type=int, default=3, show_default=True)
@click.option("--nodes-per-tor", type=int, default=1, show_default=True)
@click.option("--tp", type=int, default=32, show_default=True)
@click.option("--trace", help="replay this fault history; silent: every node fails once, alone")
@click.option("--servers", type=int, help="servers that --trace is of [what it tells]")
@click.option("--seeds", type=int, default=1, show_default=True, help="node orders of the history")
@click.option("--running", is_flag=True, help="never place the job anew between faults")
@options.JSON
def spares(
    nodes: int, gpus_per_node: int, k: int, nodes_per_tor: int, tp: int, trace: str | None, servers: int | None,
    seeds: int, running: bool, as_json: bool,
) -> None:  # fmt: skip
    """How many spare nodes, and where: what single faults disturb, for each density of spares."""
    from roundelay.fabric.control import spares as density
    from roundelay.fabric.faults import trace as traces
    from roundelay.fabric.topology.deployment import Deployment

    deployment = Deployment.of(nodes, gpus_per_node, k, nodes_per_tor)
    deployment.ring.fabric.nodes_per_group(tp)
    if seeds < 1:
        raise BadInput("--seeds", seeds, "give at least 1")
    histories = [density.each_node_once(deployment)]
    if trace:
        read = traces.read(trace, servers)
        histories = [traces.on_fabric(read, deployment.ring.fabric, seed) for seed in range(seeds)]
    every = (0, 8, 4, 2, 1)
    found = density.table(deployment, histories, tp, replace=not running, every=every)
    rows = [row.as_dict() for row in progress(found, "replaying", len(every))]
    if as_json:
        print_json({"rows": rows})
        return
    columns = {key: key.replace("_", " ") for key in rows[0]}
    print_table(rows, columns, f"{nodes} nodes, K={k}, TP-{tp}: single faults against spares")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--node", help="explain this node: its group, rank, neighbours, paths, and what its fault would disturb")
@click.option("--picture", type=click.Path(path_type=Path), help="draw the placement over ToRs and rings: .svg or .png")
@options.FORCE
@options.JSON
def explain(file: Path, node: str | None, picture: Path | None, force: bool, as_json: bool) -> None:
    """What a placement says: its jobs and scores, or one node's part in it."""
    from roundelay.fabric.placement import explain, placement

    placed = placement.read(file)
    if picture:
        check_free(picture, force=force)
        output.check_suffix(picture, output.DRAWN, "--picture")
        _draw(placed, picture, force=force)
    if node is None:
        value = explain.of_placement(placed)
    else:
        (number,) = placement.parse_nodes([node], placed.deployment.nodes, placed.hosts)
        value = explain.of_node(placed, number)
    if as_json:
        print_json(value)
        return
    _print_score({key: str(v) if isinstance(v, list | dict) else v for key, v in value.items()}, str(file))
