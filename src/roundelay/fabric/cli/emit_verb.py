"""`roundelay fabric emit`: a placement in the words of a scheduler."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from roundelay.console import note, print_json
from roundelay.errors import BadInput
from roundelay.fabric.cli import options
from roundelay.fabric.emit import folder
from roundelay.fabric.emit.targets import TARGETS
from roundelay.fabric.emit.targets import emit as emitted
from roundelay.fabric.placement.placement import read


@click.command()
@click.argument("placement", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Choice(list(TARGETS)), help="whose words")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="folder to write")
@click.option("--job", help="job of the placement [the only one]")
@click.option("--pp", type=int, default=1, show_default=True, help="pipeline stages, for megatron")
@click.option("--force", is_flag=True, help="replace a folder that this verb did not make")
@options.JSON
def emit(placement: Path, target: str, out: Path, job: str | None, pp: int, force: bool, as_json: bool) -> None:
    """Write a job's PLACEMENT as files for a scheduler or launcher, and print what to type to use them."""
    if pp != 1 and target != "megatron":
        raise BadInput("--pp", pp, "is read by --to megatron alone; leave it out")
    folder.check_free(out, force=force)
    value = read(placement)
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
    if as_json:
        files = [str(path) for path in paths]
        print_json({**about, "out": str(out), "files": files, "commands": commands})
        return
    for sentence in result.notes:
        note(sentence)
    note(f"wrote {len(paths)} files to {out}")
    for command in commands:
        click.echo(command)
