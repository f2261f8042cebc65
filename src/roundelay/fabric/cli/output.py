"""Files that a verb writes beside its table: JSON, CSV, or a drawing, by the file's ending."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roundelay.console import note
from roundelay.errors import BadInput
from roundelay.files import replacing, write_csv, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = (".svg", ".png")
WRITTEN = (".json", ".csv", *DRAWN)


def check_suffix(out: Path, suffixes: Sequence[str] = WRITTEN, flag: str = "--out") -> None:
    """Raise `BadInput` unless the file's ending is one of `suffixes`."""
    if out.suffix not in suffixes:
        raise BadInput(flag, out, f"end it in {', '.join(suffixes[:-1])} or {suffixes[-1]}")


def note_rows(cannot: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of architectures that have no numbers, each with the reason as its note."""
    return [{"arch": name, "note": why} for name, why in cannot.items()]


def print_notes(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print the notes of a table's rows to stderr, each once."""
    for name, text in dict.fromkeys((row["arch"], row["note"]) for row in rows if row.get("note")):
        note(text if text.startswith(name) else f"{name}: {text}")


def draw(out: Path, figure: Figure, *, force: bool = False) -> None:
    """Write the figure in the form that the file's ending names."""
    from roundelay.fabric.pages import pictures

    with replacing(out, force=force) as temporary:
        pictures.save(figure, temporary)


def write(
    out: Path,
    answer: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    figure: Callable[[], Figure],
    *,
    force: bool = False,
) -> None:
    """Write all of `answer` as JSON, its table `rows` as CSV, or `figure`, by the file's ending."""
    if out.suffix == ".json":
        write_text(out, json.dumps(answer, indent=1) + "\n", force=force)
    elif out.suffix == ".csv":
        write_csv(out, rows, force=force)
    else:
        draw(out, figure(), force=force)
