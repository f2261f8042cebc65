"""Which engines to hear and to speak with on two cores: first sound, memory and processor time of each set-up.

    python benchmarks/setups.py --people CORPUS [--turns 20] [--dry] [--only HEAR,SPEAK ...]

Each set-up is a server in a process of its own, talked to by flite's questions and by sentences of people (CORPUS, see
recordings.py), first by one person, then by two at once. It writes setups.md beside itself. Words wrong on people are in
results/people.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import conversation
import numpy as np
from conversation import BY_PEOPLE, TOGETHER, WITH, SetUp
from recordings import of_people

from roundelay.server.bench import latency
from roundelay.server.bench.caller import ask, call

HERE = Path(__file__).parent
SET_UPS = (
    SetUp("nano", "nano"),
    SetUp("two_pass", "nano"),
    SetUp("whisper", "nano"),
    SetUp("two_pass", "kokoro"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A set-up's latencies, and what its server held and used."""

    engines: SetUp
    figures: latency.Figures
    loaded_mib: float
    end_mib: float
    busy: float  # cores, while one person talked to it


def measure(engines: SetUp, corpus: Path, turns: int, show: latency.Progress) -> Row:
    """One set-up: flite's questions, people's sentences, then two at once."""
    out = latency.Figures()
    with conversation.outside(True, engines) as port:
        robots, persons = latency.questions(port), of_people(corpus, turns)
        loaded, used, began = _memory(port), _used(port), time.monotonic()
        with call(port) as caller:
            latency.converse(caller, robots, turns, out, WITH, show)
            latency.converse(caller, persons, turns, out, BY_PEOPLE, show)
        busy = (_used(port) - used) / (time.monotonic() - began)
        with conversation.kept("two at once", show):
            conversation.together(port, [*robots, *persons], max(2, turns // 2), out, show)
        return Row(engines, out, loaded, _memory(port), busy)


def _memory(port: int) -> float:
    return float(ask(port, "/v1/x/live")["roundelay_resident_bytes"]) / 2**20


def _used(port: int) -> float:
    """Seconds of processor time that the server used so far."""
    return float(ask(port, "/v1/x/live")["roundelay_cpu_seconds"])


def table(rows: Sequence[Row]) -> list[str]:
    """A row for each set-up."""
    lines = [
        "| hears | speaks | first sound, questions, p50 / p95 | people | two at once | ran dry, two at once | loaded | after | cores, one person |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row.engines.hear or "default", row.engines.speak or "default"]
        for how in (WITH, BY_PEOPLE, TOGETHER):
            values = row.figures.values.get(f"first sound, {how}", [])
            cells.append(f"{np.percentile(values, 50):.0f} / {np.percentile(values, 95):.0f} ms" if values else "–")
        some, whole = row.figures.shares.get(f"answers with a gap, {TOGETHER}", (0, 0))
        cells += [f"{some} of {whole}", f"{row.loaded_mib:.0f} MiB", f"{row.end_mib:.0f} MiB", f"{row.busy:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, required=True, help="a corpus of people's recordings")
    parser.add_argument("--turns", type=int, default=20, help="how often each figure is measured")
    parser.add_argument("--only", action="append", metavar="HEAR,SPEAK", help="these set-ups instead")
    parser.add_argument("--dry", action="store_true", help="print the report instead of writing it")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # children inherit it
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: conversation.CORES]))
    began = time.monotonic()

    def show(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", file=sys.stderr, flush=True)

    chosen = [SetUp(*each.split(",")) for each in given.only or ()] or SET_UPS
    head = f"`python benchmarks/setups.py --people CORPUS --turns {given.turns}`, {date.today()}: {conversation.hardware()}."
    rows = []
    for engines in chosen:
        with conversation.kept(engines.shown, show):
            rows.append(measure(engines, given.people, given.turns, show))
            print("\n".join(table(rows)), file=sys.stderr)
    broken = ["", *(f"- {each}" for each in conversation.BROKEN)] if conversation.BROKEN else []
    report = "\n".join(["# Engines that hear and speak, compared", "", head, "", *table(rows), *broken, ""])
    if given.dry:
        print(report)
    else:
        (HERE / "setups.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
