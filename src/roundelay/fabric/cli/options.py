"""The flags that several verbs of the fabric share, each defined once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

JSON = click.option("--json", "as_json", is_flag=True, help="print JSON")
PROGRESS = click.option(
    "--progress/--no-progress", "show_progress", default=None, help="force or forbid the progress bar"
)
CONFIG = click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file with settings")
SETS = click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="any setting; see docs/fabric-cost.md")
FORCE = click.option("--force", is_flag=True, help="replace an existing file")
IN_PLACE = click.option("--in-place", is_flag=True, help="write it back to its file")
FORCE_FOREIGN = click.option("--force", is_flag=True, help="replace a file that this verb did not make")
SEEDS = click.option("--seeds", type=int, help="node orders (or generated histories) to average over [20]")
GPUS = click.option("--gpus", type=int, help="GPUs of the fabric [2880]")
GPUS_PER_NODE = click.option("--gpus-per-node", type=int, help="GPUs of a node [4]")
GPUS_OF_A_NODE = 4  # where neither a flag nor an inventory says it
TP = click.option("--tp", type=int, help="GPUs of a tensor-parallel group [32]")
ARCH = click.option("--arch", help="architectures, comma-separated, or all [all]")

OUT = click.option("--out", type=click.Path(path_type=Path), help="also write .json, .csv, .svg or .png")


def trace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags of a fault history: its file, and the servers that it is of."""
    what = "fault history: a table, a log or JSON (docs/fabric-waste.md); silent: the built-in generator"
    servers = click.option("--servers", type=int, help="servers that --trace is of [what it tells]")
    return click.option("--trace", help=what)(servers(command))
