"""`roundelay voice`: its verbs; heavy modules are imported by the verb that needs them."""

from __future__ import annotations

from pathlib import Path

import click

from roundelay.voice.cli.codec import decode, encode, resynth
from roundelay.voice.cli.engines import models
from roundelay.voice.cli.evaluate import evaluate
from roundelay.voice.cli.fetch import fetch
from roundelay.voice.cli.speech import ask, say, transcribe


@click.group()
def group() -> None:
    """Hear, answer and speak; speech to tokens and back; the data to learn it from."""


for verb in (say, transcribe, ask, models, fetch, encode, decode, resynth, evaluate):
    group.add_command(verb)


@group.group()
def data() -> None:
    """The data engine: speech with text, alignments, licences and seeds."""


@data.command("build")
@click.option("--config", "config_path", type=click.Path(path_type=Path), required=True, help="A data-*.toml file.")
@click.option("--hours", type=float, required=True, help="Hours of training speech, over all sources.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The corpus folder, made or resumed.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one per core.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Change a value of the config.")
@click.option("--ray", metavar="ADDRESS", help='A Ray cluster that sees the folder, or "local".')
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def build_data(
    config_path: Path,
    hours: float,
    out: Path,
    workers: int | None,
    changes: tuple[str, ...],
    ray: str | None,
    as_json: bool,
) -> None:
    """Build a corpus, or finish one that was interrupted."""
    from roundelay.console import print_json, print_table
    from roundelay.voice.data.build import build
    from roundelay.voice.data.config import load

    report = build(load(config_path, changes), hours, out, workers=workers, ray=ray).as_dict()
    if as_json:
        print_json(report)
        return
    rows = [
        {"what": "utterances", "value": report["utterances"]},
        {"what": "speakers", "value": report["speakers"]},
    ]
    rows += [{"what": f"minutes of {k}", "value": v / 60} for k, v in report["seconds_by_split"].items()]
    rows += [{"what": f"minutes by {k}", "value": v / 60} for k, v in report["seconds_by_engine"].items()]
    rows += [{"what": f"rejected: {k}", "value": v} for k, v in report["rejects"].items()]
    print_table(rows, {"what": "corpus", "value": str(out)})
