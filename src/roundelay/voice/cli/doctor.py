"""`roundelay doctor`: what is here to hear and speak with, what will be used, and what to install for better."""

from __future__ import annotations

from typing import Any

import click

from roundelay.voice.cli.engines import AS_JSON


@click.command()
@click.option(
    "--measure",
    is_flag=True,
    help="Time each engine on a sentence, and tell how many conversations at once are carried; a minute or so.",
)
@AS_JSON
def doctor(measure: bool, as_json: bool) -> None:
    """Say what is here, what serve will use and why, and what to install for better."""
    from roundelay.console import print_json, print_table
    from roundelay.voice import capacity, inventory

    found: dict[str, Any] = {
        "machine": inventory.machine(),
        "engines": inventory.engines(),
        "weights": inventory.weights(),
        "defaults": inventory.defaults(),
    }
    if measure:
        found["measured"] = inventory.measure()
        found["capacity"] = capacity.of_defaults()
    if as_json:
        print_json(found)
        return
    machine = found["machine"]
    rows = [{"what": name, "value": value} for name, value in machine.items() if name != "extras"]
    rows.append({"what": "extras", "value": " ".join(name for name, here in machine["extras"].items() if here)})
    missing = " ".join(name for name, here in machine["extras"].items() if not here)
    rows.append({"what": "extras not installed", "value": missing})
    print_table(rows, {"what": "machine", "value": ""})
    engines = [row | {"roles": " ".join(row["roles"]), "do": row["install"] or row["why"]} for row in found["engines"]]
    print_table(
        engines, {"engine": "engine", "roles": "roles", "state": "state", "do": "to have it", "summary": "summary"}
    )
    weights = [row | {"bytes": round(row["bytes"] / 1e6)} for row in found["weights"]]
    columns = {"name": "weights", "version": "version", "bytes": "MB", "licence": "licence", "state": "state",
               "packed_by": "packed by", "install": "install"}  # fmt: skip
    print_table(weights, columns)
    print_table(found["defaults"], {"role": "role", "engine": "default of serve", "why": "why"})
    if measure:
        columns = {name: name.replace("_", " ") for name in ("engine", "role", "load_s", "real_time_factor", "why")}
        print_table(found["measured"], columns)
        print_table([found["capacity"]], {name: name.replace("_", " ") for name in found["capacity"]})
