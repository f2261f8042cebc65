"""What of the GPUs' time becomes training: python results/goodput/run.py TRACE

Writes numbers.json, goodput.svg and the tables of README.md. Theirs: the share of effective training time that Llama 3
reports, and the closed form of checkpointing under random faults.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from roundelay.fabric.goodput import goodput
from roundelay.fabric.goodput.goodput import GoodputStudy
from roundelay.fabric.goodput.renewal import simulated_availability
from roundelay.fabric.pages import goodput_picture, pictures
from roundelay.files import replace_table

HERE = Path(__file__).parent
LLAMA_DAYS, LLAMA_FAULTS, LLAMA_EFFECTIVE = 54, 419, 0.90  # arXiv 2407.21783, section 3.3.4: unplanned; "over 90 %"
SEEDS, FAULTS = 200, 419


def main(trace: str) -> None:
    study = GoodputStudy(trace=trace, mfu=1.0)
    job = study.job()
    lines = [f"| mean time between faults | interval, s | closed form | simulated, {SEEDS} histories | z | verdict |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for hours in (0.5, 1, 3, 8, 24):
        mtbf = hours * 3600
        interval = goodput.best_interval_s(job.checkpoint_s, mtbf)
        theirs = goodput.expected_availability(job, mtbf, interval)
        ours, error = simulated_availability(job, mtbf, interval, histories=SEEDS, faults=FAULTS)
        z = (ours - theirs) / error
        held = "agree" if abs(z) < 3 else "DIFFER"
        lines.append(f"| {hours:g} h | {interval:.0f} | {theirs:.4f} | {ours:.4f} ± {error:.4f} | {z:+.2f} | {held} |")
    mtbf = LLAMA_DAYS * goodput.DAY_S / LLAMA_FAULTS
    interval = goodput.best_interval_s(job.checkpoint_s, mtbf)
    ours = goodput.expected_availability(job, mtbf, interval)
    held = "met" if ours > LLAMA_EFFECTIVE else f"MISSED by {100 * (LLAMA_EFFECTIVE - ours):.1f} points"
    lines += ["", "| run | faults | theirs | ours, by the defaults | verdict |", "|---|---|---|---|---|"]
    lines.append(f"| Llama 3 405B, 16,384 GPUs | one in {mtbf / 3600:.2f} h | over 90 % | {ours:.1%} | {held} |")
    for name, size in (("elastic", {}), ("2,560 GPUs", {"job_gpus": 2560})):
        rows = GoodputStudy(trace=trace, mfu=1.0, **size).answer()
        terms = [term for term in goodput.TERMS if term != "below_peak"]
        lines += [
            "",
            f"Shares of all GPU-time over the trace in per cent, TP-32, job: {name}; goodput at an MFU of 1:",
            "",
        ]
        lines += ["| architecture | " + " | ".join(terms) + " | stops a day |", "|---" * (len(terms) + 2) + "|"]
        lines += [
            f"| {row.arch} | "
            + " | ".join(f"{100 * row.terms[term]:.2f}" for term in terms)
            + f" | {row.interruptions_per_day:.2f} |"
            for row in rows
        ]
        if not size:
            (HERE / "numbers.json").write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
            shown = [goodput.at_mfu(row, 0.4) for row in rows if not row.note]
            pictures.save(goodput_picture.figure(shown), HERE / "goodput.svg")
    replace_table(HERE / "README.md", lines)
    print("\n".join(lines))


main(sys.argv[1])
