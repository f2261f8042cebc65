"""`roundelay fabric goodput`: what of the installed GPUs' peak becomes training progress, and where the rest goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from roundelay import config
from roundelay.console import note, print_json, print_table, progress
from roundelay.fabric.cli import options, output
from roundelay.files import check_free

SHORT = {"detection": "detect", "checkpoint": "ckpt.", "below_peak": "below peak"}  # headings that fit a line


@click.command()
@click.option("--mfu", type=float, help="model FLOPs utilisation while the job works, 0 to 1")
@click.option(
    "--model", "trains", help="or: the best MFU of this model (preset or TOML) on --job-gpus with groups of --tp"
)
@click.option("--seq", type=int, help="tokens of a sequence of the model [8192]")
@click.option("--global-batch", type=int, help="sequences of a step [2048]")
@click.option("--hardware", help="preset or TOML file of the GPU [h100]")
@options.trace
@options.GPUS
@options.GPUS_PER_NODE
@options.TP
@options.ARCH
@click.option("--job-gpus", type=int, help="a job of this fixed size, which waits where it does not fit [elastic]")
@click.option(
    "--replica-gpus", type=int, help="GPUs of one model replica, by which a job grows and shrinks [one group]"
)
@click.option("--checkpoint-s", type=float, help="seconds a checkpoint blocks the job [5]")
@click.option("--interval-s", type=float, help="seconds of work between two checkpoints [the best]")
@click.option("--detect-s", type=float, help="seconds from a fault to knowing the node [600]")
@click.option("--restart-s", type=float, help="seconds to start the job again [300]")
@options.SEEDS
@click.option("--out", type=click.Path(path_type=Path), help="also draw it: .svg or .png")
@options.FORCE
@options.CONFIG
@options.SETS
@options.PROGRESS
@options.JSON
def goodput(out: Path | None, force: bool, show_progress: bool | None, as_json: bool, **flags: Any) -> None:
    """MFU x availability over a fault history, as a sum of named terms: waste, detection, restarts, lost work …"""
    from roundelay.fabric.goodput.goodput import TERMS, GoodputStudy

    study = config.fill(GoodputStudy, flags.pop("config_file"), flags.pop("sets"), flags)
    if out:
        output.check_suffix(out, output.DRAWN)
        check_free(out, force=force)
    _, mfus, cannot = study.plan()
    rows = study.answer(progress(study.histories(), "replaying", study.seeds, show_progress=show_progress))
    if out:
        from roundelay.fabric.pages import goodput_picture

        output.draw(out, goodput_picture.figure(rows), force=force)
        note(f"wrote {out}")
    if as_json:
        answer = [row.as_dict() for row in rows] + output.note_rows(cannot)
        print_json({"rows": answer, **({"left_out": list(cannot.values())} if cannot else {})})
        return
    shown = [
        {
            "arch": row.arch,
            "mfu": _per_cent(row.mfu),
            "availability": _per_cent(row.availability),
            **{term: _per_cent(share) for term, share in row.terms.items()},
            "interruptions": f"{row.interruptions_per_day:5.2f}",
            "interval": round(row.interval_s),
        }
        for row in rows
        if not row.note
    ]
    silent = [*({"arch": row.arch, "note": row.note} for row in rows if row.note), *output.note_rows(cannot)]
    heads = {"arch": "architecture", "goodput": "goodput", "mfu": "MFU", "availability": "avail."}
    heads.update({term: SHORT.get(term, term) for term in TERMS[:-1] if any(row.terms[term] for row in rows)})
    size = f"{study.job_gpus:,} GPUs" if study.job_gpus else "all that fit"
    if study.trains is None:
        heads.pop("mfu")
    what = study.trains or f"MFU {mfus[rows[0].arch]:.1%}"
    title = f"per cent of all GPU-time, {study.gpus:,} GPUs, TP-{study.tp}, job of {size}, {what}"
    print_table([*shown, *silent], {**heads, "interruptions": "stops/day", "interval": "every, s"}, title)
    output.print_notes(silent)


def _per_cent(share: float) -> str:
    return f"{100 * share:5.2f}"
