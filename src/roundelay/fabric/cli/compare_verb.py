"""`roundelay fabric compare`: which fabric for this model, at these faults, for this money."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from roundelay import config
from roundelay.console import note, print_json, print_table, progress
from roundelay.fabric.cli import options
from roundelay.files import check_free, write_text

COLUMNS = {
    "arch": "architecture",
    "cut": "tp×pp×dp×cp×ep",
    "group_gpus": "side by side",
    "mfu": "MFU",
    "step_s": "step, s",
    "installed_gpus": "installed",
    "goodput": "goodput",
    "capex": "to buy, MUSD",
    "mw": "MW",
    "tokens": "MUSD per Ttoken",
}


@click.command()
@click.option("--model", help="preset or TOML file [llama3-405b]")
@click.option("--gpus", type=int, help="GPUs the job runs on at once [2048]")
@click.option("--seq", type=int, help="tokens of a sequence [8192]")
@click.option("--global-batch", type=int, help="sequences of a step [2048]")
@click.option("--hardware", help="preset or TOML file of the GPU [h100]")
@click.option(
    "--arch", help="architectures with a bill, comma-separated, dgx, or all [the rings, nvl-72, nvl-576, tpuv4, dgx]"
)
@click.option("--prices", type=click.Path(), help="TOML file of your own prices or bills")
@options.trace
@click.option("--wait-share", type=float, help="share of time in which the job may lack GPUs [0.01]")
@click.option("--years", type=float, help="years of use [4]")
@click.option("--seeds", type=int, help="histories (or node orders of the trace) to average over [5]")
@click.option("--out", type=click.Path(path_type=Path), help="the page [fabric-compare.html; none with --json]")
@options.FORCE_FOREIGN
@options.CONFIG
@options.SETS
@options.PROGRESS
@options.JSON
def compare(out: Path | None, force: bool, show_progress: bool | None, as_json: bool, **flags: Any) -> None:
    """The buyer's page: architectures side by side for one model: speed, GPUs to install, goodput, money."""
    from roundelay.fabric.goodput.compare import CompareStudy, offers, tied
    from roundelay.fabric.pages import compare_page

    study = config.fill(CompareStudy, flags.pop("config_file"), flags.pop("sets"), flags)
    page = out or (None if as_json else Path("fabric-compare.html"))
    if page:
        check_free(page, force=force, mark=compare_page.MARK)
    found = offers(study, partial(_progress, show_progress=show_progress))
    text = compare_page.page(study, found)
    if page:
        write_text(page, text, force=force, mark=compare_page.MARK)
    ties = tied(found)
    if as_json:
        print_json({"rows": [{**offer.as_dict(), "tie": offer.arch in ties} for offer in found]})
        return
    rows = [
        {
            **offer.as_dict(),
            "cut": offer.step.parallelism.cut("×"),
            "mfu": f"{offer.step.mfu:.1%}",
            "step_s": f"{offer.step.step_s:.2f} ± {offer.step.accuracy.ratio:.0%}",
            "goodput": f"{offer.row.goodput:.1%}",
            "capex": f"{offer.capex_usd / 1e6:,.1f}",
            "mw": f"{offer.kw / 1000:.2f}",
            "tokens": ("" if offer.priced else "≥ ")
            + f"{offer.usd_per_trillion_tokens / 1e6:.3f}"
            + (" =" if offer.arch in ties else ""),
        }
        for offer in found
        if offer.step and offer.row
    ]
    print_table(rows, COLUMNS, f"{study.model} on {study.gpus:,} {study.hardware}, {study.years:g} years")
    for sentence in dict.fromkeys(str(offer.step.accuracy) for offer in found if offer.step):
        note(f"step times are good to {sentence}")
    if ties:
        note("= a tie with the cheapest: the step times may be off by more than lies between them")
    for offer in found:
        if offer.note:
            note(f"{offer.arch}: {offer.note}")
    if page:
        click.echo(f"The page is at {page.resolve().as_uri()}")


def _progress(bills: list[Any], show_progress: bool | None) -> Any:
    return progress(bills, "comparing", len(bills), show_progress=show_progress)
