"""The conversation's latencies and memory, measured on loopback with the packaged weights: every figure beside its target.

    python benchmarks/conversation.py [--turns 50] [--minutes 10] [--questions FOLDER] [--people CORPUS]
                                      [--hear ENGINE] [--speak ENGINE] [--json]

The server runs in a process of its own, so that the memory is its; it and the caller share two cores. With fifty turns it
takes about 23 minutes, and writes conversation.md beside itself; a quick look is `--turns 3 --minutes 0.5 --dry`. FOLDER holds
WAV files with questions; without it flite speaks some, and without flite the model does. CORPUS holds recordings of people
(see recordings.py), whose dev sentences are asked too. `setups.py` compares engines that hear and speak.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
from recordings import of_folder, of_people

from roundelay.server.bench import latency
from roundelay.server.bench.caller import Caller, ask, call
from roundelay.voice.engines.choice import select
from roundelay.voice.engines.defaults import best

HERE = Path(__file__).parent
CORES = 2
SAMPLE_S = 2.0  # how often the server's memory is read
SETTLED_S = 120.0  # until then caches and the microphone's minute fill
FLAT = 0.02  # of the memory may be gained between the third minute and the end
PEOPLE = 2
WITH, WITHOUT, TOGETHER = "with speculation", "without speculation", "two at once"
BY_PEOPLE = "recordings of people"


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of a figure: at most so many ms at the median and the 95th percentile."""

    figure: str
    p50: float
    p95: float


TARGETS = (
    Target(f"first sound, {WITH}", 500, 900),
    Target(f"first sound, {BY_PEOPLE}", 500, 900),
    Target("last sample after a barge-in", 120, 200),
    Target("first byte of /v1/audio/speech", 150, 300),
)
GAIN_MS = 300.0  # by which speculation brings the first sound forward, at least
TAKEOVERS = 0.10  # of the pauses inside a sentence, fewer


@dataclass(slots=True)
class Memory:
    """The server's resident memory, read from its own gauge while something else goes on: (s, MiB)."""

    port: int
    points: list[tuple[float, float]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Read until done."""
        began = time.monotonic()
        while not self.done.wait(SAMPLE_S):
            held = ask(self.port, "/v1/x/live")["roundelay_resident_bytes"]
            self.points.append((time.monotonic() - began, held / 2**20))

    def grown(self) -> tuple[float, float, float]:
        """Seconds watched, and the MiB when settled and at the end: medians of a tenth of the time each."""
        last = self.points[-1][0]
        start, width = min(SETTLED_S, last / 5), max(last / 10, SAMPLE_S)
        settled = [mib for at, mib in self.points if start <= at <= start + width]
        end = [mib for at, mib in self.points if at >= last - width]
        return last, float(np.median(settled)), float(np.median(end))


@dataclass(frozen=True, slots=True)
class SetUp:
    """The engines that hear and speak, as --hear and --speak name them; None is the default here."""

    hear: str | None = None
    speak: str | None = None

    @property
    def flags(self) -> list[str]:
        """The command line that chooses them."""
        named = {"--hear": self.hear, "--speak": self.speak}
        return [part for flag, name in named.items() if name for part in (flag, name)]

    @property
    def shown(self) -> str:
        """Which engine hears and which one speaks."""
        chosen = select((), self.hear, self.speak, default=best)
        return f"hears with {chosen['transcriber'].shown}, speaks with {chosen['synthesizer'].shown}"


def child(speculate: bool, engines: SetUp) -> None:
    """Serve until the standard input ends; prints the port."""
    from roundelay.server.engine import load_choices
    from roundelay.voice.capacity import measure

    choices = select((), engines.hear, engines.speak, default=best)
    with latency.in_process(lambda _: load_choices(choices), lambda made: measure(made).conversations)(
        speculate
    ) as port:
        print(port, flush=True)
        sys.stdin.read()


@contextmanager
def outside(speculate: bool, engines: SetUp) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    command = [sys.executable, str(HERE / "conversation.py"), "--serve", "speculate" if speculate else "wait"]
    made = subprocess.Popen([*command, *engines.flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert made.stdin and made.stdout
    try:
        line = made.stdout.readline()
        if not line.strip():
            sys.exit("the server did not start")
        yield int(line)
    finally:
        made.stdin.close()
        try:
            made.wait(30)
        except subprocess.TimeoutExpired:
            made.kill()


BROKEN: list[str] = []  # parts that did not come to their end, and why


@contextmanager
def kept(what: str, show: latency.Progress) -> Iterator[None]:
    """Let a part fail without taking with it what the others measured; the report names it."""
    try:
        yield
    except Exception as error:
        BROKEN.append(f"{what}: {type(error).__name__}: {error}")
        show(BROKEN[-1])


def together(port: int, voices: Sequence[np.ndarray], turns: int, out: latency.Figures, show: latency.Progress) -> None:
    """Two people talk at once, each `turns` times, with questions out of step."""
    failures: list[Exception] = []
    parts = [latency.Figures() for _ in range(PEOPLE)]

    def talk(at: int) -> None:
        quiet: latency.Progress = (lambda what: None) if at else show
        try:
            with call(port) as caller:
                latency.converse(caller, [*voices[at:], *voices[:at]], turns, parts[at], TOGETHER, quiet)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=talk, args=(at,)) for at in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    for part in parts:
        for name, values in part.values.items():
            out.values.setdefault(name, []).extend(values)
        for name, (some, whole) in part.shares.items():
            before = out.shares.get(name, (0, 0))
            out.shares[name] = (before[0] + some, before[1] + whole)


def long_session(
    port: int, voices: Sequence[np.ndarray], turns: int, minutes: float, out: latency.Figures, show: latency.Progress
) -> tuple[Memory, list[dict[str, Any]]]:
    """One conversation of at least `minutes`: turns, barge-ins, pauses, and turns again; its memory and its waterfall."""
    memory, falls = Memory(port), []
    watching = threading.Thread(target=memory.watch, daemon=True)
    watching.start()
    began = time.monotonic()
    with kept("the long session", show), call(port) as caller:
        latency.converse(caller, voices, turns, out, WITH, show)
        latency.drafts(caller, out)
        falls += caller.trace()["turns"]
        latency.interrupt(caller, voices, turns, out, show)
        latency.hesitate(caller, voices, turns, out, show)
        _fill(caller, voices, began + 60 * minutes, show)
    memory.done.set()
    watching.join()
    return memory, falls


def _fill(caller: Caller, voices: Sequence[np.ndarray], until: float, show: latency.Progress) -> None:
    at = 0
    while (left := until - time.monotonic()) > 0:
        if at % latency.NEWS == 0:
            show(f"the long session: {left:.0f} s left")
        caller.turn(voices[at % len(voices)])
        at += 1


# -- the report


def waterfall(falls: Sequence[dict[str, Any]]) -> list[str]:
    """A table of the median turn: when each part was there, in ms after the voice ended."""
    parts: dict[str, list[float]] = {}
    for turn in falls:
        for each in turn["parts"]:
            parts.setdefault(each["part"], []).append(each["ms"])
    rows = ["| part | p50 ms | p95 ms |", "|---|---|---|"]
    for part, values in sorted(parts.items(), key=lambda item: float(np.median(item[1]))):
        rows.append(f"| {part} | {np.percentile(values, 50):.0f} | {np.percentile(values, 95):.0f} |")
    return rows


def most_gained(falls: Sequence[dict[str, Any]]) -> str:
    """What a draft takes: speculation cannot gain more."""
    took = []
    for turn in falls:
        parts = {each["part"]: each["ms"] for each in turn["parts"]}
        if "drafted" in parts and "sound" in parts:
            took.append(parts["sound"] - parts["drafted"])
    if not took:
        return ""
    return (
        f"A draft takes {np.median(took):.0f} ms from its beginning to its first sound: speculation cannot gain more."
    )


def verdict(measured: float, target: float, unit: str = "ms") -> str:
    """ "met", or by how much it was missed."""
    return "met" if measured <= target else f"**missed by {measured - target:.0f} {unit}**"


def table(out: latency.Figures, memory: Memory) -> list[str]:
    """Every figure of the issue's list beside its target, and a verdict."""
    rows = ["| figure | times | measured | target | verdict |", "|---|---|---|---|---|"]

    def row(*cells: object) -> None:
        rows.append(f"| {' | '.join(map(str, cells))} |")

    for target in TARGETS:
        values = out.values.get(target.figure, [])
        if not values:
            row(target.figure, 0, "nothing", f"{target.p50:.0f} / {target.p95:.0f} ms", "**not measured**")
            continue
        p50, p95 = np.percentile(values, [50, 95])
        said = [verdict(p50, target.p50), verdict(p95, target.p95)]
        wanted = f"{target.p50:.0f} / {target.p95:.0f} ms"
        row(f"{target.figure}, p50 / p95", len(values), f"{p50:.0f} / {p95:.0f} ms", wanted, " / ".join(said))
    first, later = (out.values.get(f"first sound, {how}", []) for how in (WITH, WITHOUT))
    if first and later:
        gain = float(np.median(later) - np.median(first))
        row("gained by speculation, p50", min(len(first), len(later)), f"{gain:.0f} ms", f"{GAIN_MS:.0f} ms at least",
            "met" if gain >= GAIN_MS else f"**missed by {GAIN_MS - gain:.0f} ms**")  # fmt: skip
    some, whole = out.shares.get("drafts committed", (0, 0))
    row("drafts committed", whole, _share(some, whole), "printed", "–")
    some, whole = out.shares.get("false takeover, pauses of 1 s", (0, 0))
    over = 100 * (some / whole - TAKEOVERS) if whole else 100.0
    takeovers = "met" if over < 0 else f"**missed by {over:.0f} points**"
    row("false takeover, pauses of 1 s", whole, _share(some, whole), f"under {TAKEOVERS:.0%}", takeovers)
    some, whole = out.shares.get(f"answers with a gap, {TOGETHER}", (0, 0))
    dry = verdict(some, 0, "answers") if whole else "**not measured**"
    row("two live sessions: answers that ran dry", whole, _share(some, whole), "none", dry)
    if len(memory.points) < 3:
        row("memory", len(memory.points), "nothing", "flat", "**not measured**")
        return rows
    seconds, settled, end = memory.grown()
    grown = (end - settled) / settled
    flat = "met" if grown <= FLAT else f"**missed by {100 * (grown - FLAT):.1f} points**"
    row(f"one session of {seconds / 60:.1f} minutes: memory gained", len(memory.points),
        f"{end - settled:+.1f} MiB of {settled:.0f} ({grown:+.1%})", f"flat: {FLAT:.0%} at most", flat)  # fmt: skip
    return rows


def _share(some: int, whole: int) -> str:
    return f"{some / whole:.0%} ({some} of {whole})" if whole else "nothing"


def others(out: latency.Figures) -> list[str]:
    """The figures without a target."""
    rows = ["| figure | times | p50 | p95 |", "|---|---|---|---|"]
    judged = {target.figure for target in TARGETS}
    for each in out.rows():
        if each["figure"] in judged:
            continue
        if "share" in each:
            rows.append(f"| {each['figure']} | {each['n']} | {each['share']:.0%} | |")
        else:
            rows.append(f"| {each['figure']} | {each['n']} | {each['p50']:.0f} ms | {each['p95']:.0f} ms |")
    return rows


def page(out: latency.Figures, memory: Memory, falls: Sequence[dict[str, Any]], head: str) -> str:
    """The report as Markdown."""
    lines = [
        "# The conversation, measured", "", head, "",
        "Time runs from the end of the voice in the question. The first sound is the first frame of it; the first audible sound "
        "is heard by a client that plays frames as they come. Silent beginnings are cut off by the server. A microphone's "
        "packet of 20 ms is sent once it is spoken. An answer ran dry if its sound came over "
        f"{latency.DRY_MS:.0f} ms later than playback, begun with its first frame, needed it.", "",
        *table(out, memory), "", "## A turn, part by part", "",
        "By the server's own trace, with speculation: ms after the voice ended, as its detector saw that.", "",
        *waterfall(falls), "", most_gained(falls), "", "## Beside them", "", *others(out), "",
        *(["## What broke", "", *(f"- {each}" for each in BROKEN), ""] if BROKEN else ()),
    ]  # fmt: skip
    return "\n".join(lines)


def hardware() -> str:
    """The processor, how many of its cores were used, and what else ran."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line[:10] == "model name"]
        name = models[0] if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return f"{platform.machine()} {name}, {cores} cores for server and caller together, load {load:.1f} before it began"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=50, help="how often each figure is measured")
    parser.add_argument("--minutes", type=float, default=10.0, help="the least length of the long session")
    parser.add_argument("--questions", type=Path, help="a folder of WAV files to ask with")
    parser.add_argument("--people", type=Path, help="a corpus of people's recordings to ask with too")
    parser.add_argument("--hear", help="the engine that hears, as for `roundelay serve`")
    parser.add_argument("--speak", help="the engine that speaks")
    parser.add_argument("--json", action="store_true", help="also print every single value as JSON")
    parser.add_argument("--dry", action="store_true", help="print the report instead of writing it")
    parser.add_argument("--serve", choices=("speculate", "wait"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    engines = SetUp(given.hear, given.speak)
    if given.serve:
        child(given.serve == "speculate", engines)
        return
    if hasattr(os, "sched_setaffinity"):  # children inherit it
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:CORES]))
    began, out = time.monotonic(), latency.Figures()
    command = f"python benchmarks/conversation.py --turns {given.turns} --minutes {given.minutes:g}"
    command = " ".join([command, *engines.flags, *(["--people CORPUS"] if given.people else [])])
    head = f"`{command}`, {date.today()}, {engines.shown}: {hardware()}; {platform.python_implementation()} {platform.python_version()}"

    def show(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", file=sys.stderr, flush=True)

    with outside(True, engines) as port:
        voices = of_folder(given.questions) if given.questions else latency.questions(port)
        memory, falls = long_session(port, voices, given.turns, given.minutes, out, show)
        if given.people:
            with kept("people", show), call(port) as caller:
                latency.converse(caller, of_people(given.people, given.turns), given.turns, out, BY_PEOPLE, show)
        with kept("speech", show):
            latency.speak(port, given.turns, out, show)
        with kept("two at once", show):
            together(port, voices, max(1, given.turns // PEOPLE), out, show)
    with outside(False, engines) as port, kept("without speculation", show), call(port) as caller:
        latency.converse(caller, voices, given.turns, out, WITHOUT, show)
    report = page(out, memory, falls, f"{head}. {(time.monotonic() - began) / 60:.0f} minutes.")
    if given.dry:
        print(report)
    else:
        (HERE / "conversation.md").write_text(report, encoding="utf-8")
    if given.json:
        print(json.dumps({"values": out.values, "shares": out.shares, "memory": memory.points}))


if __name__ == "__main__":
    main()
