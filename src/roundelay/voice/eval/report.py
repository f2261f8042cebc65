"""Markdown pages from numbers: tables, verdicts on targets, and the page whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from roundelay.voice.eval.tasks.task import Numbers

Found = dict[str, Numbers]  # by task
Cells = Sequence[object]


def read_numbers(folder: Path) -> Found:
    """Every NAME.json of a folder, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def table(head: Sequence[str], rows: Iterable[Cells]) -> str:
    """A Markdown table, ending with a line break."""
    lines: list[Cells] = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def targets(rows: Iterable[Cells]) -> str:
    """The table of targets: what is measured, the target (theirs), the figure (ours), the verdict."""
    return table(("what", "target", "measured", "verdict"), rows)


def verdict(value: float, limit: float, unit: str = "", at_most: bool = True) -> str:
    """ "met", or by how much `value` misses `limit`."""
    gap = value - limit if at_most else limit - value
    return "met" if gap <= 0 else f"**missed** by {gap:.3g}{unit}"


def percent(share: float | None) -> str:
    """A share as a percentage; a dash for None."""
    return "–" if share is None else f"{100 * share:.1f} %"


def percent_verdict(value: float, limit: float, at_most: bool = True) -> str:
    """The verdict on a share."""
    gap = value - limit if at_most else limit - value
    return "met" if gap <= 0 else f"**missed** by {100 * gap:.1f} points"


def write_page(out: Path, texts: Path, body: Callable[[Found], str]) -> None:
    """Write `out`/README.md: HEAD.md of the folder `texts`, `body` of the numbers, NOTES.md of `texts`."""
    head, notes = ((texts / name).read_text(encoding="utf-8") for name in ("HEAD.md", "NOTES.md"))
    (out / "README.md").write_text("\n".join((head, body(read_numbers(out / "numbers")), notes)), encoding="utf-8")
