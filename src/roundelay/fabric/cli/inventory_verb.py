"""`roundelay fabric inventory`: an operator's own hosts and racks, as they were read; and the flags that take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay.console import note, print_json, print_table
from roundelay.errors import BadInput
from roundelay.fabric.cli import options, output
from roundelay.files import check_free, write_csv, write_text

if TYPE_CHECKING:
    from roundelay.fabric.inventory.inventory import Inventory
    from roundelay.fabric.inventory.read import Options
    from roundelay.fabric.placement.placement import Placement

FORMATS = ("slurm", "slurm-yaml", "kubernetes", "topograph", "csv", "hostlist")
FILES = click.option(
    "--inventory", "inventories", multiple=True, type=click.Path(path_type=Path),
    help="file of hosts and racks, as fabric inventory reads it; repeatable",
)  # fmt: skip


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the flags that say how an inventory is read."""
    for option in (
        click.option("--tor-from", help="pattern of host names whose match names the ToR: 'rack[0-9]+'"),
        click.option("--label", "labels", multiple=True, metavar="MEANING=KEY",
                     help="Kubernetes label of tor, rack, domain or slot; repeatable"),
    ):  # fmt: skip
        command = option(command)
    return command


def how(flags: dict[str, Any], form: str | None = None) -> Options:
    """Return how to read an inventory after the flags of `reading`."""
    from roundelay.fabric.inventory.read import Options

    return Options(form, flags["labels"], flags["tor_from"], flags["nodes_per_tor"])


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|-...")
@click.option("--format", "form", type=click.Choice(FORMATS), help="form of the files [told by them]")
@reading
@click.option("--nodes-per-tor", type=int, help="hosts of a ToR, where the file names no ToRs: so many in turn")
@click.option("--gpus-per-node", type=int, help="GPUs a host must have [what most have]")
@click.option("--out", type=click.Path(path_type=Path), help="write it in our own form: .json or .csv")
@options.FORCE
@options.JSON
def inventory(
    files: tuple[Path, ...], form: str | None, gpus_per_node: int | None, out: Path | None, force: bool, as_json: bool,
    **flags: Any,
) -> None:  # fmt: skip
    """Read hosts and racks from what Slurm, Kubernetes, topograph or a table says, and show them.

    Several files speak of the same hosts: nodes with their states and GPUs, and the topology with their ToRs.
    """
    from roundelay.fabric.inventory import read

    if out:
        output.check_suffix(out, (".json", ".csv"))
        check_free(out, force=force)
    value = read.read(files, how(flags, form))
    if out and out.suffix == ".json":
        write_text(out, read.dumps(value), force=force)
    elif out:
        keys = ("name", "tor", "rack", "domain", "slot", "gpus", "down")
        rows = [{"host" if key == "name" else key: getattr(host, key) for key in keys} for host in value.hosts]
        write_csv(out, rows, force=force)
    say(value, gpus_per_node)
    if out:
        note(f"wrote {out}")
    if as_json:
        print_json({**value.as_dict(), "summary": summary(value, gpus_per_node)})
        return
    _print(value, gpus_per_node)


def say(value: Inventory, gpus_per_node: int | None) -> None:
    """Say on stderr what was assumed in reading, and which hosts will never be chosen, and why."""
    for sentence in value.notes:
        note(sentence)
    reasons: dict[str, list[str]] = {}
    for host, why in value.unusable(gpus_per_node).items():
        reasons.setdefault(why, []).append(host)
    for why, hosts in reasons.items():
        some = ", ".join(hosts[:5]) + (", …" if len(hosts) > 5 else "")
        note(f"never chosen: {len(hosts):,} host{'s' * (len(hosts) > 1)} that {_have(why, len(hosts))}: {some}")
    down = [host for host in value.hosts if host.down]
    if down:
        some = ", ".join(f"{host.name} ({host.down})" for host in down[:5]) + (", …" if len(down) > 5 else "")
        note(f"down: {len(down):,} host{'s' * (len(down) > 1)}: {some}")
    if not value.has_tors():
        note("no host names its ToR: each counts as one by itself; give --tor-from or --nodes-per-tor")
    domains = Counter(hosts[0].domain for hosts in value.by_tor(gpus_per_node).values())
    if len(set(domains.values())) > 1:
        sizes = sorted(set(domains.values()))
        note(f"domains are uneven ({sizes[0]} to {sizes[-1]} ToRs): all ToRs are taken as one domain")


def _have(why: str, count: int) -> str:
    return why.replace("has ", "have ", 1) if count > 1 else why


def summary(value: Inventory, gpus_per_node: int | None) -> dict[str, Any]:
    """Return what was read in numbers, with the ToRs that are uneven and the hosts that cannot be used."""
    tors = value.by_tor(gpus_per_node)
    usual = _usual(tors)
    named = value.has_tors()
    unusable = value.unusable(gpus_per_node)
    down = {host.name: host.down for host in value.hosts if host.down and host.name not in unusable}
    return {
        "read_as": value.read_as,
        "hosts": len(value.hosts),
        "usable": len(value.hosts) - len(unusable) - len(down),
        "gpus_per_node": gpus_per_node or value.gpus_per_node(),
        "tors": len(tors) if named else 0,
        "racks": len({host.rack for host in value.hosts if host.rack}),
        "domains": len({host.domain for host in value.hosts if host.domain}),
        "nodes_per_tor": usual if named else None,
        "uneven_tors": {tor: len(hosts) for tor, hosts in tors.items() if len(hosts) != usual},
        "never_chosen": unusable,
        "down": down,
        "notes": list(value.notes),
    }


def _usual(tors: dict[str, list[Any]]) -> int:
    """Return how many hosts most ToRs have; the more of two that are as common."""
    counts = Counter(map(len, tors.values()))
    return max(counts, key=lambda size: (counts[size], size), default=0)


def _print(value: Inventory, gpus_per_node: int | None) -> None:
    from roundelay.fabric.reading.hostlist import compress

    tors = value.by_tor(gpus_per_node)
    usual = _usual(tors)
    facts = summary(value, gpus_per_node)
    shown = list(tors.items()) if value.has_tors() else []
    rows = [
        {
            "tor": tor,
            "rack": ", ".join(dict.fromkeys(host.rack for host in hosts if host.rack)) or None,
            "domain": hosts[0].domain or None,
            "hosts": len(hosts),
            "down": sum(bool(host.down) for host in hosts),
            "names": compress([host.name for host in hosts])[:60],
            "note": "" if len(hosts) == usual else f"uneven: {len(hosts)} where most have {usual}",
        }
        for tor, hosts in sorted(shown, key=lambda pair: len(pair[1]) == usual)[:200]
    ]
    columns = {"tor": "ToR", "rack": "rack", "domain": "domain", "hosts": "hosts", "down": "down", "names": "names"}
    if any(row["note"] for row in rows):
        columns["note"] = ""
    gpus = f" of {facts['gpus_per_node']} GPUs" if facts["gpus_per_node"] else ""
    title = f"{facts['hosts']:,} hosts{gpus} under {facts['tors']:,} ToRs, {facts['usable']:,} usable ({value.read_as})"
    if rows:
        print_table(rows, {key: head for key, head in columns.items() if any(row[key] for row in rows)}, title)
    else:
        click.echo(title)
    if len(shown) > len(rows):
        note(f"… and {len(shown) - len(rows):,} more ToRs; --json shows all")


def placement(flags: dict[str, Any]) -> tuple[Placement, set[str]]:
    """Return the empty placement over the racks of --inventory and the hosts it leaves out, having said which.

    Raises `BadInput` for a flag beside it that says the same.
    """
    from roundelay.fabric.inventory import read
    from roundelay.fabric.placement.placement import Placement

    for key in ("nodes", "hosts", "tors_per_domain"):
        if flags[key]:
            flag = f"--{key.replace('_', '-')}"
            raise BadInput(flag, flags[key], "goes without --inventory, which says it; leave one out")
    value = read.read(flags["inventories"], how(flags), "--inventory")
    gpus = flags["gpus_per_node"] or value.gpus_per_node()
    if gpus is None:
        gpus = options.GPUS_OF_A_NODE
        note(f"no host of the inventory says its GPUs: taken are {gpus} (--gpus-per-node)")
    say(value, gpus)
    slots = value.slots(gpus, flags["k"])
    if slots.missing:
        note(f"{len(slots.missing):,} of {len(slots.names):,} slots are without a host; the ring passes them over")
    return Placement.on(slots), set(value.unusable(gpus))
