"""Four conversations at once on two cores: when each hears its first sound, who runs dry, and what the server holds.

    python benchmarks/company.py [--people 4] [--rounds 10] [--soak MINUTES] [--hear ENGINE] [--speak ENGINE] [--dry]

The server runs in a process of its own; it and the callers share two cores. In each round all ask at the same moment:
by voice, then by text for a long answer, the worst case. One person alone is measured before. `--soak` goes on with
spoken questions out of step for so many minutes and compares the memory near its beginning and at its end. It writes
company.md beside itself. An answer ran dry if its sound came over 20 ms later than playback from its first frame on
needed it.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import conversation
import numpy as np
from conversation import FLAT, SETTLED_S, Memory, SetUp
from websockets.exceptions import InvalidStatus, WebSocketException

from roundelay.errors import RoundelayError
from roundelay.server.bench import latency
from roundelay.server.bench.caller import Answer, Caller, ask, call

HERE = Path(__file__).parent
FIRST_MS = 2_000.0  # everyone hears something by then
PACKET = 2_400  # samples sent at a time: 100 ms, as most clients do
ROUND_S = 60.0  # that a round is waited for
Turn = Callable[[Caller, int], Answer | None]


@dataclass(slots=True)
class Rounds:
    """The answers of every round, and what failed."""

    answers: list[list[Answer]] = field(default_factory=list)  # by round, in the order in which they were heard
    broken: list[str] = field(default_factory=list)
    asked: int = 0
    busy: float = 0.0  # cores of the server

    def every(self) -> list[Answer]:
        """All answers."""
        return [each for round_ in self.answers for each in round_]

    def firsts(self, at: int) -> list[float]:
        """The first sounds of whoever was the `at`-th to hear one, in ms."""
        return [round_[at].first_ms for round_ in self.answers if len(round_) > at]


def spoken(voices: Sequence[np.ndarray]) -> Turn:
    """A turn by voice; each caller another question."""
    return lambda caller, number: caller.turn(voices[number % len(voices)])


def typed(caller: Caller, number: int) -> Answer | None:
    """A turn by text whose answer is long."""
    before, content = caller.newest, [{"type": "input_text", "text": latency.LONG}]
    caller.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
    caller.send("response.create")
    began = time.monotonic()
    caller.silence(lambda: caller.newest is not before and bool(caller.newest.status), ROUND_S)
    reply = caller.newest
    caller.settle()
    if reply is before or reply.first is None or reply.status != "completed":
        return None
    audible = reply.audible or reply.first
    return Answer((reply.first - began) * 1000, (audible - began) * 1000, reply.gap_s * 1000)


def together(port: int, people: int, rounds: int, turn: Turn, show: latency.Progress) -> Rounds:
    """All ask at the same moment, `rounds` times."""
    out, lock = Rounds([[] for _ in range(rounds)]), threading.Lock()
    start = threading.Barrier(people, timeout=3 * ROUND_S)
    _empty(port)
    used, began = _used(port), time.monotonic()

    def talk(person: int) -> None:
        try:
            with call(port, PACKET) as caller:
                for number in range(rounds):
                    start.wait()
                    answer = turn(caller, number + person)
                    with lock:
                        out.asked += 1
                        if answer is None:
                            out.broken.append(f"round {number + 1}: no complete answer")
                        else:
                            out.answers[number].append(answer)
                    if person == 0:
                        show(f"{people} at once: round {number + 1} of {rounds}")
        except InvalidStatus as error:
            with lock:
                out.broken.append(f"told to wait: HTTP {error.response.status_code}")
            start.abort()
        except (RoundelayError, WebSocketException, threading.BrokenBarrierError, OSError) as error:
            start.abort()
            with lock:
                out.broken.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=talk, args=(person,)) for person in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.busy = (_used(port) - used) / (time.monotonic() - began)
    out.answers = [sorted(each, key=lambda answer: answer.first_ms) for each in out.answers]
    return out


def soak(
    port: int, people: int, minutes: float, voices: Sequence[np.ndarray], show: latency.Progress
) -> tuple[Memory, Rounds]:
    """Spoken turns out of step for `minutes`; the memory meanwhile, from `SETTLED_S` on."""
    memory, out, lock = Memory(port), Rounds([[]]), threading.Lock()
    watching = threading.Thread(target=lambda: memory.done.wait(SETTLED_S) or memory.watch(), daemon=True)
    watching.start()
    until = time.monotonic() + 60 * minutes

    def talk(person: int) -> None:
        number = person
        while time.monotonic() < until:
            try:
                with call(port, PACKET) as caller:  # a new conversation after every fault
                    while time.monotonic() < until:
                        answer, number = caller.turn(voices[number % len(voices)]), number + 1
                        with lock:
                            out.asked += 1
                            out.answers[0].extend([answer] if answer else [])
                        if person == 0 and not number % 10:
                            show(f"soak: {until - time.monotonic():.0f} s left")
            except (RoundelayError, WebSocketException, OSError) as error:
                with lock:
                    out.broken.append(f"{type(error).__name__}: {error}")
                time.sleep(1)

    threads = [threading.Thread(target=talk, args=(person,)) for person in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.done.set()
    watching.join()
    return memory, out


def _empty(port: int) -> None:
    """Wait until the conversations before are gone."""
    until = time.monotonic() + ROUND_S
    while ask(port, "/v1/x/live")["roundelay_sessions"] and time.monotonic() < until:
        time.sleep(0.1)


def _used(port: int) -> float:
    """Seconds of processor time that the server used so far."""
    return float(ask(port, "/v1/x/live")["roundelay_cpu_seconds"])


def _held(port: int) -> float:
    return float(ask(port, "/v1/x/live")["roundelay_resident_bytes"]) / 2**20


def table(parts: dict[str, Rounds], alone: dict[str, Rounds], people: int) -> list[str]:
    """A row for each who hears, in order, and one for all."""
    lines = [
        "| asked | heard | times | first sound, p50 / longest | within 2 s | of one alone | ran dry | longest gap | server's cores |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for how, rounds in parts.items():
        single = [each.first_ms for each in alone[how].every()]
        for at in range(people):
            values = rounds.firsts(at)
            if values:
                ratio = np.median(values) / np.median(single) if single else float("nan")
                lines.append(
                    f"| {how} | {_ORDER.get(at, str(at + 1))} | {len(values)} | {np.median(values):.0f} / {max(values):.0f} ms | {np.mean(np.array(values) <= FIRST_MS):.2f} | {ratio:.2f} | | | |"
                )
        gaps = [each.gap_ms for each in rounds.every()]
        if gaps:
            dry = sum(gap > latency.DRY_MS for gap in gaps)
            lines.append(
                f"| {how} | all | {len(gaps)} of {rounds.asked} | | | | {dry} of {len(gaps)} | {max(gaps):.0f} ms | {rounds.busy:.2f} |"
            )
    return lines


_ORDER = {0: "first", 1: "second", 2: "third", 3: "fourth"}


def soaked(memory: Memory, out: Rounds, people: int) -> str:
    """The soak in a paragraph."""
    if len(memory.points) < 3:
        return "The soak was too short to be judged."
    seconds, settled, end = memory.grown()
    grown = (end - settled) / settled
    flat = "flat" if grown <= FLAT else "**not flat**"
    gaps = [each.gap_ms for each in out.every()]
    dry = sum(gap > latency.DRY_MS for gap in gaps)
    return (
        f"Soak: {people} conversations out of step for {(seconds + SETTLED_S) / 60:.1f} minutes, {out.asked} turns, {len(gaps)} answered with sound, "
        f"{dry} of them ran dry, {len(out.broken)} faults. Memory {settled:.0f} MiB once settled, {end:.0f} MiB at the end: "
        f"{end / settled:.3f} of it ({flat}: {1 + FLAT:.2f} at most)."
    )


def measure(given: argparse.Namespace, show: latency.Progress) -> list[str]:
    """The body of the report."""
    with conversation.outside(True, SetUp(given.hear, given.speak)) as port:
        voices, loaded = latency.questions(port), _held(port)
        turns: dict[str, Turn] = {"by voice": spoken(voices), "by text, a long answer": typed}
        alone = {how: together(port, 1, max(2, given.rounds // 2), turn, show) for how, turn in turns.items()}
        single = _held(port)
        parts = {how: together(port, given.people, given.rounds, turn, show) for how, turn in turns.items()}
        lines = table(parts, alone, given.people)
        lines += ["", f"Memory: {loaded:.0f} MiB loaded, {single:.0f} MiB after one, {_held(port):.0f} MiB after {given.people} at once "
                  f"({_held(port) / loaded:.2f} of loaded).", ""]  # fmt: skip
        broken = [each for rounds in [*alone.values(), *parts.values()] for each in rounds.broken]
        if given.soak:
            memory, out = soak(port, given.people, given.soak, voices, show)
            lines += [soaked(memory, out, given.people), ""]
            broken += out.broken
    return [*lines, *(f"- {each}" for each in broken)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4, help="conversations at once")
    parser.add_argument("--rounds", type=int, default=10, help="how often all ask at once")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="go on for so long")
    parser.add_argument("--hear", metavar="ENGINE", help="the engine that hears; the default one otherwise")
    parser.add_argument("--speak", metavar="ENGINE", help="the engine that speaks; the default one otherwise")
    parser.add_argument("--dry", action="store_true", help="print the report instead of writing it")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # children inherit it
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: conversation.CORES]))
    began = time.monotonic()

    def show(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", file=sys.stderr, flush=True)

    command = " ".join(["python benchmarks/company.py", *sys.argv[1:]])
    head = f"`{command}`, {date.today()}: {conversation.hardware()}; {SetUp(given.hear, given.speak).shown}."
    load = "Where the load is above the cores, other programs took their share of them meanwhile: first sounds are as measured, gaps are theirs too."
    report = "\n".join([f"# {given.people} conversations at once", "", head, load, "", *measure(given, show), ""])
    if given.dry:
        print(report)
    else:
        (HERE / "company.md").write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
