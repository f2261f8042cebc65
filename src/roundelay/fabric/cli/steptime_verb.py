"""Verbs about training time: `roundelay fabric steptime | search`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from roundelay.console import note, print_json, print_table
from roundelay.errors import BadInput
from roundelay.fabric.cli import options
from roundelay.fabric.job import hardware as specs
from roundelay.fabric.job import workload as models
from roundelay.fabric.steptime import complete, pareto
from roundelay.fabric.steptime.grid import Scenario
from roundelay.fabric.steptime.search import search_scenario
from roundelay.fabric.steptime.steptime import StepTime, scenario_of

AXES = ("tp", "pp", "dp", "cp", "ep", "micro_batch", "interleave", "zero")
SHOWN = 20  # rows of a Pareto front a person is shown
ALL_FABRICS = ("infinitepod-k3", "nvl-72", "dgx")


def scenario_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say what is trained on what, and those that hold an axis."""
    shared = [
        click.option("--model", default="llama3-405b", show_default=True, help="preset or TOML file"),
        click.option("--gpus", required=True, help="GPUs of the job"),
        click.option(
            "--hardware",
            default="h100",
            show_default=True,
            help="a100-80g, h100, h200, h800, b200, gb200 or a TOML file",
        ),
        click.option("--software", help="what the training software does [the hardware's]"),
        click.option("--seq", type=int, help="tokens of a sequence [8192, or the model's longest]"),
        click.option("--global-batch", type=int, default=2048, show_default=True, help="sequences of a step"),
        click.option("--tp", type=int, help="tensor parallelism"),
        click.option("--pp", type=int, help="pipeline parallelism"),
        click.option("--dp", type=int, help="data parallelism"),
        click.option("--cp", type=int, help="context parallelism"),
        click.option("--ep", type=int, help="expert parallelism, over the dp x cp ranks"),
        click.option("--micro-batch", type=int, help="sequences at a time"),
        click.option("--interleave", type=int, help="model pieces of a pipeline stage"),
        click.option("--recompute", help="none, selective or full"),
        click.option("--sequence-parallel/--no-sequence-parallel", default=None, help="share out norms and residuals"),
        click.option("--zero", type=int, help="ZeRO stage 0 to 3"),
        click.option("--set", "sets", multiple=True, metavar="KEY=NUMBER", help="another number of the hardware"),
        options.JSON,
    ]
    for option in reversed(shared):
        command = option(command)
    return command


@click.command()
@scenario_options
@click.option("--fabric", default="dgx", show_default=True, help="fabric by name, as in fabric waste")
def steptime(fabric: str, as_json: bool, **flags: Any) -> None:
    """How long a training step takes, part by part; what you leave out is chosen for the shortest step that fits."""
    scenario, axes = _scenario(fabric, flags), _axes(flags)
    (gpus,) = _counts(flags["gpus"], many=False)
    step = complete.fastest(scenario, gpus, axes)
    shown = as_dict(step)
    if as_json:
        print_json(shown)
        return
    _print_step(step, f"{flags['model']} on {gpus:,} {flags['hardware']}, {fabric}")


@click.command()
@scenario_options
@click.option("--fabric", default=",".join(ALL_FABRICS), show_default=True, help="fabrics by name, comma-separated")
@click.option("--top", type=int, default=1, show_default=True, help="how many of the fastest to show")
@click.option("--pareto", "all_round", is_flag=True, help="what nothing beats in time, memory, GPUs and GPU-seconds")
@click.option("--usd-per-gpu-hour", type=float, help="also print what a step costs at this price")
def search(fabric: str, top: int, all_round: bool, usd_per_gpu_hour: float | None, as_json: bool, **flags: Any) -> None:
    """The best parallelism of a model on a fabric; --gpus takes a list, flags hold an axis at a value."""
    if usd_per_gpu_hour is not None and not 0 <= usd_per_gpu_hour < float("inf"):
        raise BadInput("--usd-per-gpu-hour", usd_per_gpu_hour, "give a price from 0 on")
    fixed = _axes(flags)
    rows: list[tuple[str, StepTime]] = []
    searched: list[dict[str, Any]] = []
    counts = _counts(flags["gpus"], many=True)
    cannot: list[dict[str, Any]] = []
    refused: BadInput | None = None
    for name in [each.strip() for each in fabric.split(",")]:
        scenario = _scenario(name, flags)
        if all_round:
            try:
                rows += [(name, step) for step in pareto.front(scenario, counts, fixed)]
            except BadInput as error:
                refused = refused or error
                cannot.append({"fabric": name, "gpus": counts[0], "note": str(error)})
            continue
        for gpus in counts:
            try:
                found = search_scenario(scenario, gpus, fixed, top)
            except BadInput as error:
                refused = refused or error
                cannot.append({"fabric": name, "gpus": gpus, "note": str(error)})
                continue
            rows += [(name, step) for step in found.best]
            searched.append({"fabric": name, "gpus": gpus, "outer": found.outer, "timed": found.timed,
                             "fitting": found.fitting})  # fmt: skip
    if refused and not rows:
        raise refused
    shown = [{"fabric": name, **as_dict(step)} for name, step in rows]
    mark_ties(shown)
    if usd_per_gpu_hour is not None:
        for row in shown:
            row["usd_per_step"] = row["gpus"] * row["step_s"] / 3600 * usd_per_gpu_hour
    if as_json:
        fastest = min(shown, key=lambda row: row["step_s"])
        print_json({"best": fastest, "rows": [*shown, *cannot], "searched": searched})
        return
    columns = {"fabric": "fabric", "gpus": "GPUs", "cut": "tp·pp·dp·cp·ep", "batches": "micro·pieces", "kept": "kept",
               "step_s": "step, s", "error": "±", "mfu": "MFU", "memory_total_gb": "GB",
               "usd_per_step": "USD"}  # fmt: skip
    if usd_per_gpu_hour is None:
        del columns["usd_per_step"]
    for row, (_, step) in zip(shown, rows, strict=True):
        job = step.job
        row["cut"] = step.parallelism.cut()
        row["error"] = f"{step.accuracy.ratio:.0%}{' =' if row['tie'] else ''}"
        row["batches"] = f"{job.micro_batch}·{job.interleave}"
        row["kept"] = f"{job.recompute}{', sp' if job.sequence_parallel else ''}, zero {job.zero}"
    if all_round and len(shown) > SHOWN:
        note(f"the {SHOWN} fastest of {len(shown)}; all of them with --json")
        shown = sorted(shown, key=lambda row: row["step_s"])[:SHOWN]
    print_table([*shown, *cannot], columns, f"{flags['model']}, batch {flags['global_batch']:,}, {flags['hardware']}")
    for row in cannot:
        note(f"{row['fabric']}, {row['gpus']:,} GPUs: {row['note']}")
    if searched:
        timed, outer = sum(int(each["timed"]) for each in searched), sum(int(each["outer"]) for each in searched)
        note(f"{outer:,} cuts bounded, {timed:,} configurations timed; none that is faster was left out")
    for sentence in dict.fromkeys(str(step.accuracy) for _, step in rows):
        note(f"step times are good to {sentence}")
    if any(row["tie"] for row in shown):
        note("= a tie: the model cannot tell it from the fastest on as many GPUs")


def mark_ties(rows: list[dict[str, Any]]) -> None:
    """Set `tie` on rows that the fastest of as many GPUs beats by no more than the error, and on that one."""
    for row in rows:
        row["tie"] = False
    for gpus in {row["gpus"] for row in rows}:
        of_size = [row for row in rows if row["gpus"] == gpus]
        best = min(of_size, key=lambda row: row["step_s"])
        close = [row for row in of_size if row["step_s"] <= best["step_s"] * (1 + row["error_ratio"])]
        for row in close if len(close) > 1 else []:
            row["tie"] = True


def as_dict(step: StepTime) -> dict[str, Any]:
    """Return a step as what `--json` prints."""
    p, job = step.parallelism, step.job
    return {
        "step_s": step.step_s, "step_low_s": step.low_s, "step_high_s": step.high_s,
        "error_ratio": step.accuracy.ratio, "error_class": step.accuracy.kind, "error_checked": step.accuracy.checked,
        "mfu": step.mfu, "mfu_causal": step.mfu_causal, "hfu": step.hfu,
        "tflops_per_gpu": step.tflops_per_gpu, "tokens_per_s": step.tokens_per_s, "parts": step.parts,
        "hidden": step.hidden, "memory_gb": step.memory_gb, "memory_total_gb": step.memory_total_gb,
        "gpus": step.gpus, "tp": p.tp, "pp": p.pp, "dp": p.dp, "cp": p.cp, "ep": p.ep, "seq": job.seq,
        "global_batch": job.global_batch, "micro_batch": job.micro_batch, "interleave": job.interleave,
        "recompute": job.recompute, "sequence_parallel": job.sequence_parallel, "zero": job.zero,
    }  # fmt: skip


def _scenario(fabric: str, flags: dict[str, Any]) -> Scenario:
    model = models.read(flags["model"])
    gpu = specs.with_settings(specs.hardware(flags["hardware"]), _numbers(flags["sets"]))
    seq = min(8192, model.shape.max_length) if flags["seq"] is None else flags["seq"]
    return scenario_of(model, seq, flags["global_batch"], gpu, fabric, flags["software"])


def _numbers(sets: tuple[str, ...]) -> dict[str, float]:
    out = {}
    for text in sets:
        key, equals, value = text.partition("=")
        try:
            out[key.strip().replace("-", "_")] = float(value)
        except ValueError:
            raise BadInput("--set", text, "give KEY=NUMBER" if equals else "give key=number") from None
    return out


def _counts(text: str, *, many: bool) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInput("--gpus", text, "give a whole number, or several with commas") from None
    if len(counts) > 1 and not many:
        raise BadInput("--gpus", text, "give one number")
    if min(counts) < 1 or max(counts) > 10_000_000:
        raise BadInput("--gpus", text, "give 1 to 10,000,000")
    return counts


def _axes(flags: dict[str, Any]) -> dict[str, int]:
    """Return the axes that were given, checked one by one."""
    return complete.checked_axes({name: flags[name] for name in (*AXES, "recompute", "sequence_parallel")})


def _print_step(step: StepTime, title: str) -> None:
    print_table(step.seconds_table(), {"what": title, "s": "seconds", "share": "share"})
    print_table(step.memory_table(), {"what": "memory of a GPU", "gb": "GB"})
    note(step.summary())
