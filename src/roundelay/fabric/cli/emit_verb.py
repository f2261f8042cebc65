"""`roundelay fabric emit`: a placement in the words of a scheduler."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from roundelay.console import note, print_json
from roundelay.errors import BadInput
from roundelay.fabric.cli import options
from roundelay.fabric.emit import folder, lint
from roundelay.fabric.emit.targets import TARGETS
from roundelay.fabric.emit.targets import emit as emitted
from roundelay.fabric.placement import epochs
from roundelay.fabric.placement.placement import Placement, read


@click.command()
@click.argument("placement", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Choice(list(TARGETS)), help="whose words")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="folder to write")
@click.option("--job", help="job of the placement [the only one]")
@click.option("--pp", type=int, default=1, show_default=True, help="pipeline stages, for megatron")
@click.option("--changed-since", type=int, metavar="EPOCH",
              help="only jobs that changed after this epoch; without --job each in a folder of its name")  # fmt: skip
@click.option("--force", is_flag=True, help="replace a folder that this verb did not make")
@options.JSON
def emit(
    placement: Path, target: str, out: Path, job: str | None, pp: int, changed_since: int | None, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Write a job's PLACEMENT as files for a scheduler or launcher, and print what to type to use them."""
    if pp != 1 and target != "megatron":
        raise BadInput("--pp", pp, "is read by --to megatron alone; leave it out")
    if changed_since is None:
        folder.check_free(out, force=force)
        written = _write(read(placement), target, out, job, pp, force=force)
        if as_json:
            print_json(written)
        else:
            _say(written)
        return
    value = read(placement)
    changes = epochs.since(changed_since, value.epoch, value.log, value.groups())
    names = [job] if job else list(changes.jobs)
    folders = {value.job(name).name: out if job else out / name for name in names if name in changes.jobs}
    for name, path in folders.items():  # all can be written before the first is
        lint.job_name(name)
        folder.check_free(path, force=force)
        emitted(value, target, name, pp)
    all_written = [
        {**_write(value, target, path, name, pp, force=force), "changed_groups": list(changes.jobs[name])}
        for name, path in folders.items()
    ]
    if as_json:
        about = {"epoch": value.epoch, "changed_since": changed_since, "released": list(changes.released)}
        print_json({**about, "jobs": all_written})
        return
    for one in all_written:
        _say(one)
    if not all_written:
        note(f"{f'job {job}' if job else 'no job'} has {'not ' if job else ''}changed since epoch {changed_since}")
    for name in changes.released:
        note(f"job {name} was released")


def _write(value: Placement, target: str, out: Path, job: str | None, pp: int, *, force: bool) -> dict[str, Any]:
    """Write the folder of one job; return what was written, as it is printed."""
    result = emitted(value, target, job, pp)
    about = {
        "target": target,
        "job": value.job(job).name,
        "epoch": value.epoch,
        "commands": list(result.commands),
        "notes": list(result.notes),
    }
    paths = folder.write(out, result.files, about, force=force)
    commands = [command.replace("DIR", shlex.quote(str(out))) for command in result.commands]
    return {**about, "out": str(out), "files": [str(path) for path in paths], "commands": commands}


def _say(written: dict[str, Any]) -> None:
    for sentence in written["notes"]:
        note(sentence)
    note(f"wrote {len(written['files'])} files to {written['out']}")
    for command in written["commands"]:
        click.echo(command)
