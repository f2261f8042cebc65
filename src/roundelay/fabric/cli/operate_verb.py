"""`roundelay fabric operate`: a fault history and jobs against the controller's core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay.console import note, print_json, print_table, progress
from roundelay.errors import BadInput
from roundelay.fabric.cli import inventory_verb, options, output
from roundelay.files import check_free, write_csv, write_text

if TYPE_CHECKING:
    from roundelay.fabric.faults.trace import Events
    from roundelay.fabric.placement.placement import Placement

MAX_NODES = 10_000_000
COLUMNS = {
    "name": "job",
    "state": "state",
    "gpus": "GPUs",
    "held_gpus": "held",
    "placed_days": "placed, day",
    "ended_days": "ended, day",
    "waited_days": "waited, days",
    "moved_groups": "groups moved",
    "placed_anew": "placed anew",
    "released": "lost its place",
    "reason": "why",
}


@click.command()
@click.option("--jobs", "jobs_file", type=click.Path(path_type=Path), required=True,
              help="jobs to run: .toml, .json or .csv; see docs/fabric-operate.md")  # fmt: skip
@options.trace
@inventory_verb.FILES
@inventory_verb.reading
@click.option("--nodes", type=int, help="nodes of the fabric [720, or those of the inventory]")
@click.option("--gpus-per-node", type=int, help="GPUs of a node [4, or what the inventory says]")
@click.option("--k", type=int, default=3, show_default=True, help="hops a fibre spans at most")
@click.option("--nodes-per-tor", type=int, help="nodes of a ToR [1, or what the inventory says]")
@click.option("--seed", type=int, default=0, show_default=True, help="node order of the history, or generated history")
@click.option("--out", type=click.Path(path_type=Path),
              help="also write every decision (.json) or the table of jobs (.csv)")  # fmt: skip
@options.FORCE
@options.PROGRESS
@options.JSON
def operate(
    jobs_file: Path, seed: int, out: Path | None, force: bool, show_progress: bool | None, as_json: bool, **flags: Any
) -> None:
    """Run jobs through a fault history: what the controller places, moves, queues and refuses."""
    from roundelay.fabric.control import jobs_file as jobs
    from roundelay.fabric.control.operate import Operation

    if out:
        output.check_suffix(out, (".json", ".csv"))
        check_free(out, force=force)
    if seed < 0:
        raise BadInput("--seed", seed, "give 0 or more")
    empty = _fabric(flags)
    submissions = jobs.read(jobs_file, empty.deployment, empty.missing)
    operation = Operation(empty.deployment, _events(flags, empty, seed), submissions, missing=empty.missing)
    decided = progress(operation.run(), "operating", len(operation.planned), show_progress=show_progress)
    decisions = [each.as_dict() for each in decided if each.actions]
    rows = [record.as_dict() for record in operation.records.values()]
    summary = operation.summary()
    answer = {"summary": summary, "jobs": rows}
    if out:
        _write(out, {**answer, "decisions": decisions}, rows, force=force)
    if as_json:
        print_json(answer)
        return
    ring, hosts = empty.deployment.ring, empty.deployment.nodes - len(empty.missing)
    title = f"{hosts:,} nodes of {ring.fabric.gpus_per_node} GPUs, K={ring.k}, {summary['days']:,.0f} days"
    print_table(rows, COLUMNS, title)
    for key, value in summary.items():
        if key not in ("days", "gpus"):
            note(f"{key.replace('_', ' ')}: {value:,}")


def _fabric(flags: dict[str, Any]) -> Placement:
    """Return the empty fabric of the flags, or of the operator's racks."""
    from roundelay.fabric.placement.placement import Placement
    from roundelay.fabric.topology.deployment import Deployment

    if flags["inventories"]:
        return inventory_verb.placement({**flags, "hosts": None, "tors_per_domain": 0})[0]
    nodes, gpus, per_tor = (
        default if flags[key] is None else flags[key]
        for key, default in (("nodes", 720), ("gpus_per_node", options.GPUS_OF_A_NODE), ("nodes_per_tor", 1))
    )
    return Placement(Deployment.of(nodes, gpus, flags["k"], per_tor), ())


def _events(flags: dict[str, Any], empty: Placement, seed: int) -> Events:
    """Return the history on the fabric: on the inventory's hosts by their names, else in an order drawn from `seed`."""
    from roundelay.fabric.faults import generator
    from roundelay.fabric.faults import trace as traces

    fabric = empty.deployment.ring.fabric
    if flags["trace"] and empty.hosts:
        history = traces.read(flags["trace"], MAX_NODES if flags["servers"] is None else flags["servers"])
        return traces.without(traces.on_hosts(history, empty.hosts), empty.missing)
    if flags["trace"]:
        history = traces.read(flags["trace"], flags["servers"])
    else:
        history = generator.generate(generator.read_model(), -(-fabric.gpus // traces.GPUS_PER_SERVER), seed)
    return traces.without(traces.on_fabric(history, fabric, seed), empty.missing)


def _write(out: Path, answer: dict[str, Any], rows: list[dict[str, Any]], *, force: bool) -> None:
    if out.suffix == ".csv":
        write_csv(out, rows, force=force)
    else:
        write_text(out, json.dumps(answer, indent=1, allow_nan=False) + "\n", force=force)
    note(f"wrote {out}")
