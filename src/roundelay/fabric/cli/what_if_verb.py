"""`roundelay fabric what-if`: which node, ToR or row hurts most, maintenance of a rack, the largest aligned job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from roundelay.console import note, print_json, print_table, progress
from roundelay.errors import BadInput
from roundelay.fabric.cli import options

COLUMNS = {
    "kind": "lost",
    "unit": "which",
    "nodes": "nodes",
    "lost_gpus": "GPUs lost",
    "jobs_lost": "jobs without a place",
    "jobs_placed_anew": "jobs placed anew",
    "moved_groups": "groups moved",
    "cross_tor": "cross ToR",
}


@click.command(name="what-if")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--each", help="what fails, comma-separated: node, tor, row (sub-line), domain [all that there are]")
@click.option("--maintain", multiple=True, metavar="KIND:NAME", help="take this down instead, e.g. tor:12; repeatable")
@click.option("--tp", type=int, help="TP of the largest job that stays aligned [the largest placed, or 32]")
@click.option("--top", type=int, default=3, show_default=True, help="worst units shown of each kind")
@click.option("--most", type=int, default=400, show_default=True, help="units tried of each kind, evenly spread")
@options.PROGRESS
@options.JSON
def what_if(
    file: Path, each: str | None, maintain: tuple[str, ...], tp: int | None, top: int, most: int,
    show_progress: bool | None, as_json: bool,
) -> None:  # fmt: skip
    """What a loss would do to a placement, worst first; what a rack's maintenance does; the largest aligned job."""
    from roundelay.fabric.control import what_if as losses
    from roundelay.fabric.control.core.controller import Controller
    from roundelay.fabric.placement import placement

    if top < 1 or most < 1:
        raise BadInput("--top" if top < 1 else "--most", min(top, most), "give at least 1")
    placed = placement.read(file)
    if maintain:
        chosen = [losses.unit(placed, text) for text in maintain]
        nodes = tuple(dict.fromkeys(node for one in chosen for node in one.nodes))
        done = losses.loss(Controller.of(placed), losses.Unit("maintenance", " ".join(maintain), nodes))
        _print_maintenance(placed, done, as_json)
        return
    kinds = _kinds(each, placed.deployment.tors_per_domain > 0, losses.KINDS)
    size = tp or max((job.tp for job in placed.jobs), default=min(32, placed.deployment.ring.fabric.gpus))
    placed.deployment.ring.fabric.nodes_per_group(size)
    counts = {kind: len(losses.units(placed, kind)) for kind in kinds}
    total = sum(min(most, count) for count in counts.values())
    found = list(progress(losses.losses(placed, kinds, most), "losing", total, show_progress=show_progress))
    worst = [
        one.as_dict()
        for kind in kinds
        for one in sorted((o for o in found if o.kind == kind), key=losses.hurts, reverse=True)[:top]
    ]
    largest = losses.largest_aligned(placed, size)
    tried = {kind: min(most, count) for kind, count in counts.items()}
    if as_json:
        print_json({"worst": worst, "units": counts, "tried": tried, "largest_aligned": {"tp": size, "gpus": largest}})
        return
    print_table(_shown(worst), COLUMNS, f"{file}: what a loss would do, worst first")
    for kind, count in counts.items():
        if count > most:
            note(f"{most} of {count} units of kind {kind} were tried; --most tries more")
    note(f"the largest job of TP-{size} on the free nodes that stays aligned has {largest:,} GPUs")


def _kinds(each: str | None, domains: bool, known: tuple[str, ...]) -> list[str]:
    kinds = [kind for kind in known if kind != "domain" or domains] if each is None else each.split(",")
    for kind in kinds:
        if kind not in known:
            raise BadInput("--each", kind, f"choose from {', '.join(known)}")
    return kinds


def _shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: ", ".join(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows]


def _print_maintenance(placed: Any, done: Any, as_json: bool) -> None:
    moves = [{"job": m.job, "group": m.group, "before": list(m.before), "after": list(m.after)} for m in done.moves]
    if as_json:
        print_json({"maintenance": {**done.as_dict(), "moves": moves}})
        return
    print_table(_shown([done.as_dict()]), COLUMNS, "maintenance")
    rows = [
        {
            "group": f"{m.job}/{m.group}",
            "leaves": " ".join(placed.host(n) for n in m.before if n not in m.after),
            "joins": " ".join(placed.host(n) for n in m.after if n not in m.before),
        }
        for m in done.moves
    ]
    if rows:
        print_table(rows, {"group": "group", "leaves": "leaves", "joins": "joins"})
