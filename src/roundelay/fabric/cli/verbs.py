"""The fabric's verbs: `roundelay fabric waste | sweep | faults | report`, and those of `place_verbs`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay import config
from roundelay.console import note, print_json, print_table, progress
from roundelay.errors import BadInput
from roundelay.fabric.cli import life_verb, options, output, place_verb, steptime_verb
from roundelay.fabric.cli.compare_verb import compare
from roundelay.fabric.cli.cost_verb import cost
from roundelay.fabric.cli.emit_verb import emit
from roundelay.fabric.cli.goodput_verb import goodput
from roundelay.fabric.cli.inventory_verb import inventory
from roundelay.fabric.cli.operate_verb import operate
from roundelay.fabric.cli.what_if_verb import what_if
from roundelay.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from roundelay.fabric.waste.study import Study

COLUMNS = {
    "arch": "architecture",
    "waste": "waste",
    "remainder": "remainder",
    "topology": "topology",
    "p50": "p50",
    "p99": "p99",
    "max": "max",
    "largest_job_min_gpus": "job always fits",
    "wait_share": "wait",
    "closed_form": "closed form",
}


@click.group(name="fabric")
def group() -> None:
    """Plan a GPU fabric of optical-switching transceivers: waste, faults, architectures side by side."""


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say which fabric, which architectures and which faults."""
    shared = [
        options.GPUS,
        options.GPUS_PER_NODE,
        options.TP,
        options.ARCH,
        options.SEEDS,
        options.CONFIG,
        click.option(
            "--set",
            "sets",
            multiple=True,
            metavar="KEY=VALUE",
            help="any other setting; see docs/fabric-waste.md",
        ),
    ]
    for option in reversed(shared):
        command = option(command)
    return command


def _study(flags: dict[str, Any]) -> Study:
    from roundelay.fabric.waste.study import Study

    file, sets = flags.pop("config_file"), flags.pop("sets")
    return config.fill(Study, file, sets, flags)


@group.command()
@study_options
@options.trace
@click.option("--fault-ratio", type=float, help="independent draws at this ratio instead of a history")
@click.option("--job-share", type=float, help="also: share of time a job of this share of the GPUs must wait")
@options.PROGRESS
@options.JSON
def waste(as_json: bool, show_progress: bool | None, **flags: Any) -> None:
    """How many healthy GPUs each architecture cannot use."""
    study = _study(flags)
    _, cannot = study.architectures()
    if study.fault_ratio is None:
        rows = study.rows(progress(study.histories(), "replaying", study.seeds, show_progress=show_progress))
    else:
        rows = study.rows()
    shown = [row.as_dict() for row in rows] + output.note_rows(cannot)
    if as_json:
        print_json({"rows": shown, "left_out": list(cannot.values())} if cannot else {"rows": shown})
        return
    columns = {key: head for key, head in COLUMNS.items() if any(key in row for row in shown)}
    print_table(shown, columns, f"waste, share of {study.gpus:,} GPUs, TP-{study.tp}, {study.gpus_per_node}-GPU nodes")
    output.print_notes(shown)


@group.command()
@study_options
@click.option("--ratios", default="0:0.1:0.01", show_default=True, help="fault ratios: from:to:step, or a list a,b,c")
@options.OUT
@options.FORCE
@options.PROGRESS
@options.JSON
def sweep(ratios: str, out: Path | None, force: bool, show_progress: bool | None, as_json: bool, **flags: Any) -> None:
    """Waste against the fault ratio, simulated and in closed form."""
    from roundelay.fabric.waste import sweeps

    study = _study(flags)
    chosen = sweeps.parse_ratios(ratios)
    if out:
        output.check_suffix(out)
    _, cannot = study.architectures()
    rows = sweeps.sweep(study, chosen, show_progress=show_progress)
    if out:
        output.write(out, {"rows": rows}, rows, lambda: _figure(rows, study), force=force)
        note(f"wrote {out}")
    rows = rows + output.note_rows(cannot)
    if as_json:
        print_json({"rows": rows, "left_out": list(cannot.values())} if cannot else {"rows": rows})
        return
    columns = {"fault_ratio": "faults", "arch": "architecture", "waste": "waste", "standard_error": "± s.e.",
               "closed_form": "closed form", "closed_form_infinite": "infinite ring"}  # fmt: skip
    print_table(rows, columns, f"waste against fault ratio, {study.gpus:,} GPUs, TP-{study.tp}")
    output.print_notes(rows)


def _figure(rows: list[dict[str, Any]], study: Study) -> Figure:
    """Return the sweep drawn: what was drawn at random as points, closed forms as curves."""
    from roundelay.fabric.pages import pictures
    from roundelay.fabric.waste import sweeps

    return pictures.against_ratio(rows, sweeps.curves(study, [row["fault_ratio"] for row in rows]), study.tp)


@group.command()
@click.option("--trace", help="read this history instead of generating one")
@click.option("--servers", type=int, help="servers of the history [what --trace tells; else 400]")
@click.option("--days", type=float, help="length of a generated history [the model's span]")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--model", default="fitted", show_default=True, help="fitted, independent or correlated")
@click.option("--fault-model", help="TOML file of --fit instead of the built-in model")
@click.option(
    "--rack-servers",
    type=int,
    default=4,
    show_default=True,
    help="servers that fail together under correlated",
)
@click.option("--out", type=click.Path(path_type=Path), help="write the history in the published format")
@click.option("--fit", type=click.Path(path_type=Path), help="write a fault model fitted to the history")
@options.FORCE
@options.JSON
def faults(out: Path | None, fit: Path | None, force: bool, as_json: bool, seed: int, **flags: Any) -> None:
    """What a fault history looks like; generate one; fit a model to one."""
    from roundelay.fabric.faults import generator as models
    from roundelay.fabric.faults import history
    from roundelay.fabric.faults import trace as traces
    from roundelay.fabric.waste.study import Study

    study = config.fill(Study, None, (), {**flags, "seed": seed})
    servers = traces.SERVERS if study.servers is None else study.servers
    trace = traces.read(study.trace, study.servers) if study.trace else study.generate(seed, servers)
    source = Path(study.trace).name if study.trace else f"generated, {study.model}, seed {seed}"
    model = models.fit(trace).to_toml(f"{source}, {trace.faults} faults of {trace.servers} servers") if fit else ""
    if out:
        if trace.faults > 5_000_000:
            raise BadInput("--servers", servers, "makes a file of over five million faults; give fewer")
        write_text(out, traces.dumps(trace), force=force)
        note(f"wrote {out}")
    if fit:
        write_text(fit, model, force=force)
        note(f"wrote {fit}")
    summary = history.summary(trace)
    if as_json:
        print_json(summary)
        return
    rows = [{"what": key.replace("_", " "), "value": value} for key, value in summary.items()]
    print_table(rows, {"what": source, "value": "value"})


@group.command()
@study_options
@options.trace
@click.option("--out", type=click.Path(path_type=Path), default=Path("fabric-report.html"), show_default=True)
@options.FORCE_FOREIGN
@options.PROGRESS
def report(out: Path, force: bool, show_progress: bool | None, **flags: Any) -> None:
    """One self-contained HTML page: how many GPUs you can use, on which architecture, at these faults."""
    from roundelay.fabric.pages import report as reports

    study = _study(flags)
    reports.write(study, out, force=force, show_progress=show_progress)
    click.echo(f"The fabric report is at {out.resolve().as_uri()}")


for verb in (place_verb.place, place_verb.repair, place_verb.spares, place_verb.explain, emit,
             steptime_verb.steptime, steptime_verb.search):  # fmt: skip
    group.add_command(verb)
for verb in (life_verb.release, life_verb.return_, life_verb.grow, life_verb.shrink, life_verb.log, what_if):
    group.add_command(verb)
for verb in (compare, cost, goodput, inventory, operate):
    group.add_command(verb)
