"""Writing files so that nothing is lost or half-written: a temporary neighbour first, then a rename."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roundelay.errors import BadInput, WouldOverwrite


def check_free(path: Path, *, force: bool = False, mark: str | None = None) -> None:
    """Raise `WouldOverwrite` if `path` exists and may not be replaced; call it before long work.

    It may with `force`, or where its first kilobyte holds `mark`, by which a verb knows a file of its own making.
    """
    if path.is_dir():
        raise BadInput("output", path, "is a folder; name a file")
    if not path.exists() or force:
        return
    with path.open("rb") as file:
        if mark is None or mark.encode() not in file.read(1024):
            raise WouldOverwrite(path)


@contextmanager
def replacing(path: Path | str, *, force: bool = False, mark: str | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its name when the block ends without an error.

    Raises as `check_free` does, and `BadInput` if the folder cannot be written.
    """
    path = Path(path)
    check_free(path, force=force, mark=mark)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    except OSError as error:
        raise BadInput("output", path, f"cannot be written ({error.strerror}); name another") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path | str, text: str, *, force: bool = False, mark: str | None = None) -> None:
    """Write `text` to `path` whole or not at all."""
    with replacing(path, force=force, mark=mark) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: Path | str, rows: Sequence[Mapping[str, Any]], *, force: bool = False) -> None:
    """Write `rows` as CSV, columns in order of first appearance; values that are lists or tables are left out."""
    flat = [{key: value for key, value in row.items() if not isinstance(value, dict | list)} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in flat for key in row)))
    writer.writeheader()
    writer.writerows(flat)
    write_text(path, text.getvalue(), force=force)


def replace_table(page: Path | str, lines: Sequence[str], mark: str = "<!-- table -->") -> None:
    """Put `lines` behind the mark of a Markdown page, in place of all that stood there."""
    text = Path(page).read_text(encoding="utf-8")
    write_text(page, "\n".join((text.split(mark)[0] + mark, *lines)) + "\n", force=True)
