"""`--engine`, which every verb that speaks or listens takes, and `roundelay voice models`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from roundelay.voice.interfaces import EngineRole
    from roundelay.voice.pipeline import Pipeline

ENGINE = click.option(
    "--engine",
    "engines",
    multiple=True,
    metavar="NAME[:VALUE|:SETTING=VALUE,...|+URL]",
    help="An engine for the roles it can take (voice models lists them); may be given several times.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def load(engines: tuple[str, ...], *roles: EngineRole) -> Pipeline:
    """The pipeline of these roles that `--engine` asks for; the default engine takes the roles no other one takes.

    Raises `BadInput` for an unknown engine or setting, and for an engine that can take none of the roles.
    """
    from roundelay.voice.engines.choice import select
    from roundelay.voice.engines.defaults import best
    from roundelay.voice.pipeline import Pipeline

    return Pipeline.of(select(engines, roles=roles, default=best))


def with_voice(engines: tuple[str, ...], voice: str | None) -> tuple[str, ...]:
    """The engines asked for, and, where none of them speaks, the one that has the voice asked for."""
    from roundelay.voice.engines.choice import parse
    from roundelay.voice.engines.registry import engine_with_voice, spec

    if voice is None or any("synthesizer" in spec(parse(each).name).roles for each in engines):
        return engines
    found = engine_with_voice(voice)
    return engines if found is None else (*engines, found)


def _installed(model: str, folder: Path) -> list[dict[str, Any]]:
    """A row for each weight file of a model; one for the manifest where that is damaged."""
    from roundelay.voice.graphs import DamagedWeightsError, manifest, verified_bytes

    try:
        table = manifest(folder)
        rows = [
            {"model": model, "file": name, "bytes": entry["bytes"], "sha256": entry["sha256"]}
            | {"licence": table["licence"], "state": "whole"}
            for name, entry in table["files"].items()
        ]
    except (DamagedWeightsError, KeyError, TypeError):
        return [{"model": model, "file": "manifest.json", "bytes": 0, "sha256": "", "licence": "", "state": "damaged"}]
    for row in rows:
        try:
            verified_bytes(row["file"], folder)
        except DamagedWeightsError:
            row["state"] = "damaged"
    return rows


@click.command()
@click.option("--engines", "engines_only", is_flag=True, help="List the engines alone: names for --engine.")
@AS_JSON
def models(engines_only: bool, as_json: bool) -> None:
    """List what is installed: each weight file with its size, sum and licence, and whether it is whole; the engines."""
    from roundelay.console import print_json, print_table
    from roundelay.voice import graphs, inventory
    from roundelay.voice.engines.nano import weights

    rows: list[dict[str, Any]] = []
    if not engines_only:
        rows = _installed("codec", graphs.PACKAGED) + _installed("language model", weights.WEIGHTS)
    if as_json:
        print_json(inventory.engines() if engines_only else rows)
        return
    if rows:
        columns = {name: name for name in ("model", "file", "bytes", "sha256", "licence", "state")}
        print_table([row | {"sha256": row["sha256"][:12]} for row in rows], columns)
    shown = ("roles", "capabilities", "settings")
    engines = [row | {name: " ".join(row[name]) for name in shown} for row in inventory.engines()]
    columns = {name: name for name in ("engine", *shown, "state", "licence", "install")}
    print_table(engines, columns)
