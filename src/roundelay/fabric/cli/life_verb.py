"""A placement's life on the command line: `roundelay fabric release | return | grow | shrink | log`.

Each verb feeds one event to the controller's core and writes the placement that follows, whole or not at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay.console import note, print_json, print_table
from roundelay.errors import BadInput
from roundelay.fabric.cli import options
from roundelay.files import check_free, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roundelay.fabric.control.core.actions import Action
    from roundelay.fabric.control.core.events import Event
    from roundelay.fabric.placement.placement import Placement

FILE = click.argument("file", type=click.Path(path_type=Path))
OUT = click.option("--out", type=click.Path(path_type=Path), help="write the placement that follows here")
GPUS = click.option("--job-gpus", type=int, help="GPUs that the job is to have")
BY = click.option("--by", type=int, help="GPUs more, or fewer, instead of --job-gpus")


def save(source: Path, read: str, placed: Placement, out: Path | None, in_place: bool, *, force: bool) -> None:
    """Write the placement to `out`, or back to its file unless that changed meanwhile; nothing without either."""
    if in_place:
        if source.read_text(encoding="utf-8") != read:
            raise BadInput("placement", source, "was changed by another meanwhile; nothing is written, try again")
        write_text(source, placed.dumps(), force=True)
        note(f"wrote {source}")
    elif out:
        write_text(out, placed.dumps(), force=force)
        note(f"wrote {out}")
    else:
        note("nothing is written; give --out FILE or --in-place")


def opened(file: Path, out: Path | None, in_place: bool, *, force: bool) -> tuple[Placement, str]:
    """Return the placement of a file and the file's text; raises where the answer could not be written."""
    from roundelay.fabric.placement import placement

    if in_place and out:
        raise BadInput("--in-place", file, "goes without --out; give one of the two")
    if out:
        check_free(out, force=force)
    before = placement.read(file)
    return before, file.read_text(encoding="utf-8")


def _feed(before: Placement, event: Event) -> tuple[Placement, Sequence[Action]]:
    from roundelay.fabric.control.core.controller import Controller

    controller = Controller.of(before)
    actions = controller.feed(event)
    return controller.memory.placement, actions


def _answer(before: Placement, after: Placement, actions: Sequence[Action], as_json: bool) -> None:
    """Print what the event led to."""
    from roundelay.fabric.control.core.actions import Switch

    entry = after.log[-1] if after.epoch != before.epoch else None
    changed = dict(entry.jobs) if entry else {}
    rows: list[dict[str, Any]] = [
        {
            "name": job.name,
            "tp": job.tp,
            "groups": len(job.groups),
            "gpus": len(job.groups) * job.tp,
            "changed_groups": list(changed.get(job.name) or ()),
        }
        for job in after.jobs
    ]
    value: dict[str, Any] = {
        "epoch": after.epoch,
        "event": entry.event if entry else "no group changed",
        "jobs": rows,
        "released": [name for name, groups in changed.items() if groups is None],
        "free": int(((after.group_of() < 0) & ~after.down_mask()).sum()),
        "down": len(after.down),
        "switched_bundles": sum(len(action.commands) for action in actions if isinstance(action, Switch)),
    }
    if as_json:
        print_json(value)
        return
    shown = [row | {"changed_groups": len(row["changed_groups"])} for row in rows]
    columns = {"name": "job", "tp": "TP", "groups": "groups", "gpus": "GPUs", "changed_groups": "groups changed"}
    title = f"epoch {after.epoch}: {value['event']}; {value['free']:,} nodes free, {value['down']:,} down"
    print_table(shown, columns, title)
    note(f"{value['switched_bundles']} bundles to switch")


@click.command()
@FILE
@click.argument("job")
@OUT
@options.IN_PLACE
@options.FORCE
@options.JSON
def release(file: Path, job: str, out: Path | None, in_place: bool, force: bool, as_json: bool) -> None:
    """Release a JOB of a placement: it has ended, and its nodes are free."""
    from roundelay.fabric.control.core.events import JobEnded

    before, read = opened(file, out, in_place, force=force)
    if not before.job(job).groups:
        raise BadInput("job", job, "has no groups; it holds nothing to release")
    after, actions = _feed(before, JobEnded(0.0, job))
    save(file, read, after, out, in_place, force=force)
    _answer(before, after, actions, as_json)


@click.command(name="return")
@FILE
@click.argument("nodes", nargs=-1, required=True)
@OUT
@options.IN_PLACE
@options.FORCE
@options.JSON
def return_(file: Path, nodes: tuple[str, ...], out: Path | None, in_place: bool, force: bool, as_json: bool) -> None:
    """Return NODES that were down, by number or host, to a placement; they are free, and no group changes."""
    from roundelay.fabric.control.core.events import NodeUp
    from roundelay.fabric.placement import placement

    before, read = opened(file, out, in_place, force=force)
    numbers = placement.parse_nodes(nodes, before.deployment.nodes, before.hosts)
    for node in numbers:
        if node in before.missing:
            raise BadInput("node", before.host(node), "is a slot where no host stands; place anew with the inventory")
        if node not in before.down:
            raise BadInput("node", before.host(node), "is not down; name nodes that are")
    after, actions = _feed(before, NodeUp(0.0, numbers))
    save(file, read, after, out, in_place, force=force)
    _answer(before, after, actions, as_json)


def _resize(
    file: Path, job: str, gpus: int | None, by: int | None, sign: int, out: Path | None, in_place: bool, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    from roundelay.fabric.control.core.events import JobResized

    before, read = opened(file, out, in_place, force=force)
    held = len(before.job(job).groups) * before.job(job).tp
    if (gpus is None) == (by is None):
        raise BadInput("--job-gpus", gpus, "give either --job-gpus, what the job is to have, or --by")
    wanted = held + sign * by if by is not None else gpus
    assert wanted is not None
    tp, verb = before.job(job).tp, "grow" if sign > 0 else "shrink"
    if wanted < tp or wanted % tp:
        raise BadInput("--job-gpus", wanted, f"give a multiple of TP-{tp}, {tp} or more; release ends a job")
    if (wanted - held) * sign <= 0:
        raise BadInput(
            "--job-gpus", wanted, f"job {job} has {held} GPUs; {verb} it to {'more' if sign > 0 else 'fewer'}"
        )
    after, actions = _feed(before, JobResized(0.0, job, wanted))
    got = len(after.job(job).groups) * tp
    if got != wanted:
        raise BadInput("--job-gpus", wanted, f"only {got} GPUs can be had in groups of {tp}; give at most that")
    save(file, read, after, out, in_place, force=force)
    _answer(before, after, actions, as_json)


def _resizing(name: str, sign: int, text: str) -> click.Command:
    """Return the verb that gives a job more groups (`sign` 1) or takes some (-1)."""

    @click.command(name=name, help=text)
    @FILE
    @click.argument("job")
    @GPUS
    @BY
    @OUT
    @options.IN_PLACE
    @options.FORCE
    @options.JSON
    def verb(file: Path, job: str, job_gpus: int | None, by: int | None, out: Path | None, **flags: bool) -> None:
        _resize(file, job, job_gpus, by, sign, out, flags["in_place"], flags["force"], flags["as_json"])

    return verb


grow = _resizing("grow", 1, "Give a JOB more groups: on free nodes, or else all of it anew where only that makes room.")
shrink = _resizing("shrink", -1, "Take a JOB's last groups; the others keep their nodes and ranks.")


@click.command(name="log")
@FILE
@click.option("--since", type=int, default=0, show_default=True, help="only epochs after this one")
@options.JSON
def log(file: Path, since: int, as_json: bool) -> None:
    """The latest epochs of a placement: what happened, and which groups of which jobs changed."""
    from roundelay.fabric.placement import placement

    placed = placement.read(file)
    entries = [entry for entry in placed.log if entry.epoch > since]
    if as_json:
        print_json({"epoch": placed.epoch, "log": [entry.as_dict() for entry in entries]})
        return
    rows = [
        {
            "epoch": entry.epoch,
            "event": entry.event,
            "jobs": ", ".join(
                f"{name} left" if groups is None else f"{name}: {len(groups)} groups" for name, groups in entry.jobs
            ),
        }
        for entry in entries
    ]
    print_table(rows, {"epoch": "epoch", "event": "event", "jobs": "changed"}, f"{file}: epoch {placed.epoch}")
