"""`roundelay voice eval`: the evaluation tasks that need no corpus, on any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roundelay.voice.cli.engines import AS_JSON, ENGINE

if TYPE_CHECKING:
    from roundelay.voice.eval.tasks.task import Task

TASKS = ("hear", "ask", "say", "understanding", "turn-end", "pauses")


@click.command("eval")
@click.argument("tasks", nargs=-1, metavar=f"[{' | '.join(TASKS)}]...")
@ENGINE
@click.option("--items", type=click.IntRange(min=1), default=10, show_default=True, help="Questions of each set.")
@AS_JSON
def evaluate(tasks: tuple[str, ...], engines: tuple[str, ...], items: int, as_json: bool) -> None:
    """Measure hearing, answering and speaking on held-out texts; results/ has the full runs.

    hear, ask and say need the teachers (make setup-train); say is judged by PocketSphinx (the eval extra). pauses
    are those at a comma, a semicolon and a full stop.
    """
    from roundelay.console import print_json, print_table
    from roundelay.voice.eval.suite import Run, run_all

    found = dict(run_all(_tasks(engines, items), tasks, Run()))
    if as_json:
        print_json(found)
        return
    rows = [row for name, numbers in found.items() for row in _rows(name, numbers)]
    print_table(rows, {"task": "task", "what": "what", "value": "value"})


def _tasks(engines: tuple[str, ...], items: int) -> Mapping[str, Callable[[], Task[Any]]]:
    from roundelay.voice.engines.choice import select
    from roundelay.voice.eval import judges
    from roundelay.voice.eval.tasks.pauses import pauses
    from roundelay.voice.pipeline import Pipeline
    from roundelay.voice.suites import turn_end, understanding
    from roundelay.voice.suites.speech import SpeechSuite

    chosen = select(engines)

    def suite() -> SpeechSuite:
        nowhere = Path()
        return SpeechSuite(Pipeline.of(chosen), [judges.load()], nowhere, nowhere, items, items)

    return {
        "hear": lambda: suite().hear(),
        "ask": lambda: suite().ask(),
        "say": lambda: suite().say(),
        "understanding": lambda: understanding.task(items),
        "turn-end": lambda: turn_end.questions(items),
        "pauses": lambda: pauses(Pipeline.of({"synthesizer": chosen["synthesizer"]}).say),
    }


def _rows(task: str, numbers: object, path: str = "") -> Iterator[dict[str, object]]:
    """The figures of nested numbers, a row each, named by their path."""
    if isinstance(numbers, Mapping):
        for name, value in numbers.items():
            yield from _rows(task, value, f"{path}, {name}" if path else str(name))
    elif isinstance(numbers, list):
        for value in numbers:
            yield from _rows(task, value, path)
    else:
        yield {"task": task, "what": path, "value": numbers}
