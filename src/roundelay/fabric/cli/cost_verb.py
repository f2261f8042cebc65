"""`roundelay fabric cost`: what an interconnect costs, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay import config
from roundelay.console import note, print_json, print_table
from roundelay.fabric.cli import options, output
from roundelay.files import check_free

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from roundelay.fabric.cost.cost import CostStudy

BILLS = {
    "arch": "architecture",
    "usd_per_gpu": "USD/GPU",
    "w_per_gpu": "W/GPU",
    "gbytes_per_s_per_gpu": "GB/s",
    "usd_per_gbps": "USD per GB/s",
    "kwh_per_gpu_year": "kWh/GPU/year",
    "energy_usd_per_gpu_year": "USD/GPU/year",
    "dearest": "dearest item",
}
AGGREGATE = {
    "fault_ratio": "faults",
    "arch": "architecture",
    "waste": "waste",
    "interconnect_usd_per_gpu": "interconnect",
    "wasted_usd_per_gpu": "wasted GPUs",
    "aggregate_usd_per_gpu": "together",
    "usd_per_usable_gpu": "USD per usable GPU",
}
SENSITIVITY = {
    "arch": "architecture",
    "item": "price of",
    "price_usd": "now, USD",
    "ratio": "cost ratio",
    "ratio_halved": "at half",
    "ratio_doubled": "at twice",
    "elasticity": "elasticity",
    "break_even_usd": "breaks even at, USD",
    "decides": "decides",
}
FIBRES = {
    "arch": "ring",
    "fibres": "fibres",
    "km": "km",
    "mean_m": "mean, m",
    "longest_m": "longest, m",
    "racks": "racks",
}


@click.command()
@click.option("--arch", help="architectures that have a bill, comma-separated, or all [all]")
@click.option("--prices", type=click.Path(), help="TOML file of your own prices or bills; what it leaves out stays")
@click.option("--gpus", type=int, help="GPUs of the fabric, for totals, waste and fibres [2880]")
@options.GPUS_PER_NODE
@click.option("--tp", type=int, help="GPUs of a tensor-parallel group, for waste [32]")
@click.option("--ratios", help="also: interconnect and wasted GPUs at these fault ratios: from:to:step, or a,b,c")
@click.option("--against", help="also: which price decides whether the others cost less than this architecture")
@click.option("--per", help="compare USD per gpu, or per gbps: a GB/s of a GPU [gbps]")
@click.option("--fault-ratio", type=float, help="with --against: count the GPUs wasted at this ratio too")
@click.option("--floor", help="also: fibres on the floor of a TOML floor plan, or default")
@options.OUT
@options.FORCE
@options.CONFIG
@options.SETS
@options.JSON
def cost(ratios: str | None, floor: str | None, out: Path | None, force: bool, as_json: bool, **flags: Any) -> None:
    """USD and W per GPU and per GB/s, with wasted GPUs, energy, fibres, and which price decides."""
    from roundelay.fabric.cost import fibres
    from roundelay.fabric.cost.cost import CostStudy
    from roundelay.fabric.waste.sweeps import parse_ratios

    study = config.fill(CostStudy, flags.pop("config_file"), flags.pop("sets"), flags)
    if out:
        output.check_suffix(out)
        check_free(out, force=force)
    found: dict[str, Any] = {"rows": study.rows()}
    if ratios is not None:
        found["aggregate"] = study.aggregate(parse_ratios(ratios))
    if study.against is not None:
        found["sensitivity"] = study.sensitivity()
    if floor is not None:
        found["fibres"] = study.fibres(fibres.read(floor))
    if out:
        output.write(out, found, list(found.values())[-1], lambda: _figure(found, study), force=force)
        note(f"wrote {out}")
    if as_json:
        print_json(found)
        return
    _print(found, study)


def _print(found: dict[str, Any], study: CostStudy) -> None:
    rows = [{**_cents(row), "dearest": _dearest(row["usd_share"])} for row in found["rows"]]
    print_table(rows, BILLS, "interconnect; GB/s are gigabytes; energy with cooling, always on")
    if "aggregate" in found:
        title = (
            f"USD per installed GPU, {study.gpus:,} GPUs, TP-{study.tp}, a GPU at {study.catalogue.gpu.price_usd:,.0f}"
        )
        print_table(found["aggregate"], AGGREGATE, title)
        output.print_notes(found["aggregate"])
    if "sensitivity" in found:
        shown = [{**row, "decides": "yes" if row.get("decides") else ""} for row in found["sensitivity"]]
        print_table(shown, SENSITIVITY, f"cost over {study.against}'s, per {'GB/s' if study.per == 'gbps' else 'GPU'}")
        output.print_notes(shown)
    if "fibres" in found:
        print_table(found["fibres"], FIBRES, f"fibres of {study.gpus:,} GPUs on the floor")
        lengths = [{"arch": row["arch"], **part} for row in found["fibres"] for part in row["histogram"]]
        print_table(lengths, {"arch": "ring", "up_to_m": "length, m", "fibres": "fibres"})


def _cents(row: dict[str, Any]) -> dict[str, Any]:
    """Return a bill's row with its numbers as text of two decimals, flush right."""
    shown = [key for key in BILLS if isinstance(row.get(key), float)]
    return {**row, **{key: f"{row[key]:>10,.2f}" for key in shown}}


def _dearest(share: dict[str, float]) -> str:
    name = max(share, key=lambda key: share[key], default="")
    return f"{name} {share[name]:.0%}" if name else ""


def _figure(found: dict[str, Any], study: CostStudy) -> Figure:
    """Return one panel for the bills and one for each further table."""
    from roundelay.fabric.pages import cost_pictures

    panels: list[tuple[str, Any]] = [("bills", study.bills())]
    further = [key for key in ("aggregate", "sensitivity", "fibres") if key in found]
    panels += [(key, [row for row in found[key] if not row.get("note")]) for key in further]
    return cost_pictures.figure(panels)
