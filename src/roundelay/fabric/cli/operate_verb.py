"""`roundelay fabric operate`: a fault history and jobs against the controller's core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from roundelay.console import note, print_json, print_table, progress
from roundelay.errors import BadInput
from roundelay.fabric.cli import options, output
from roundelay.files import check_free, write_csv, write_text

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
@click.option("--nodes", type=int, default=720, show_default=True)
@click.option("--gpus-per-node", type=int, default=4, show_default=True)
@click.option("--k", type=int, default=3, show_default=True, help="hops a fibre spans at most")
@click.option("--nodes-per-tor", type=int, default=1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="node order of the history, or generated history")
@click.option("--out", type=click.Path(path_type=Path),
              help="also write every decision (.json) or the table of jobs (.csv)")  # fmt: skip
@options.FORCE
@options.PROGRESS
@options.JSON
def operate(
    jobs_file: Path, trace: str | None, nodes: int, gpus_per_node: int, k: int, nodes_per_tor: int, seed: int,
    servers: int | None, out: Path | None, force: bool, show_progress: bool | None, as_json: bool,
) -> None:  # fmt: skip
    """Run jobs through a fault history: what the controller places, moves, queues and refuses."""
    from roundelay.fabric.control import jobs_file as jobs
    from roundelay.fabric.control.operate import Operation
    from roundelay.fabric.faults import generator
    from roundelay.fabric.faults import trace as traces
    from roundelay.fabric.topology.deployment import Deployment

    if out:
        output.check_suffix(out, (".json", ".csv"))
        check_free(out, force=force)
    if seed < 0:
        raise BadInput("--seed", seed, "give 0 or more")
    deployment = Deployment.of(nodes, gpus_per_node, k, nodes_per_tor)
    submissions = jobs.read(jobs_file, deployment)
    fabric = deployment.ring.fabric
    if trace:
        history = traces.read(trace, servers)
    else:
        history = generator.generate(generator.read_model(), -(-fabric.gpus // traces.GPUS_PER_SERVER), seed)
    operation = Operation(deployment, traces.on_fabric(history, fabric, seed), submissions)
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
    title = f"{nodes:,} nodes of {gpus_per_node} GPUs, K={k}, {summary['days']:,.0f} days"
    print_table(rows, COLUMNS, title)
    for key, value in summary.items():
        if key not in ("days", "gpus"):
            note(f"{key.replace('_', ' ')}: {value:,}")


def _write(out: Path, answer: dict[str, Any], rows: list[dict[str, Any]], *, force: bool) -> None:
    if out.suffix == ".csv":
        write_csv(out, rows, force=force)
    else:
        write_text(out, json.dumps(answer, indent=1, allow_nan=False) + "\n", force=force)
    note(f"wrote {out}")
