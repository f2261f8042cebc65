"""Tables in Markdown, for the pages of `results/`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table: its heads, the rule, and a line for each row of cells."""
    return [row(heads), "|---" * len(heads) + "|", *map(row, rows)]


def row(cells: Sequence[object]) -> str:
    """Return the cells as one line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def verdict(met: bool) -> str:
    """Return the word by which a page says whether a goal is met."""
    return "met" if met else "MISSED"
