"""What every verb prints: a table for people, JSON for machines, a progress bar for waiting."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.table import Table

T = TypeVar("T")


def note(text: str) -> None:
    """Print a message for the person, to stderr, so that stdout stays data."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: object) -> None:
    """Print one JSON document; NaN is a bug, not a value."""
    print(json.dumps(value, allow_nan=False, ensure_ascii=False))


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], title: str = "") -> None:
    """Print `rows` as a table; `columns` maps a row's key to its heading, in order."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160
    Console(width=width).print(_table(rows, columns, title))


def table_text(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], title: str = "", *, width: int = 120
) -> str:
    """Return the table that `print_table` prints, as text of at most `width` columns, without colours."""
    from rich.console import Console

    text = io.StringIO()
    Console(width=width, file=text, color_system=None).print(_table(rows, columns, title))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], title: str) -> Table:
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for key, heading in columns.items():
        numeric = all(isinstance(row.get(key), int | float | None) for row in rows)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in columns))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.5f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def progress(items: Iterable[T], label: str, total: int, *, show_progress: bool | None = None) -> Iterator[T]:
    """Yield `items`, drawing a bar on stderr.

    With `show_progress=None` the bar appears by itself on a terminal once the work has taken more than two seconds.
    """
    wanted = sys.stderr.isatty() if show_progress is None else show_progress
    if not wanted:
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(label, total=total)
    started, wait_s = time.monotonic(), 0.0 if show_progress else 2.0
    try:
        for item in items:
            if not bar.live.is_started and time.monotonic() - started >= wait_s:
                bar.start()
            yield item
            bar.advance(task)
    finally:
        bar.stop()
