"""A file of another program, or standard input, read a line or a block at a time: one place for every limit.

Nothing is held but the line or block in work, so that a file of any size takes bounded memory. Method: ours.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from roundelay.errors import BadInput

HEAD_BYTES = 1 << 16
MAX_LINE_CHARS = 1 << 22  # a CSV line of 100,000 columns is within it
BLOCK_CHARS = 1 << 18
PACKED = {b"\x1f\x8b": "zcat", b"BZ": "bzcat", b"\xfd7": "xzcat", b"PK": "unzip -p", b"\x28\xb5": "zstdcat"}
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # what PowerShell's `>` writes


@dataclass(frozen=True, slots=True)
class Source:
    """Text to read: `what` it is for the messages (a flag), its `name`, and the open file."""

    what: str
    name: str
    file: IO[bytes]
    encoding: str

    def bad(self, do: str, line: int | None = None) -> BadInput:
        """Return the error about this file: what is wrong and what to do, at that line."""
        return BadInput(self.what, self.name if line is None else f"{self.name}, line {line}", do)

    def _text(self) -> io.TextIOWrapper:
        self.file.seek(0)
        return io.TextIOWrapper(self.file, encoding=self.encoding, newline=None)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (line number from 1, line without its end), from the beginning; blank lines too.

        Raises `BadInput` for what is not text and for a line of more than `MAX_LINE_CHARS`.
        """
        text, number = self._text(), 0
        try:
            while line := text.readline(MAX_LINE_CHARS):
                number += 1
                if len(line) == MAX_LINE_CHARS:
                    raise self.bad(f"is longer than {MAX_LINE_CHARS:,} characters; give lines", number)
                if "\0" in line:
                    raise self.bad("is not text; give a text file", number)
                yield number, line.rstrip("\n")
        except UnicodeError:
            raise self.bad("is not text; give a text file", number + 1) from None
        finally:
            if not self.file.closed:  # a reader that stopped early may be ended after its file
                text.detach()

    def blocks(self) -> Iterator[str]:
        """Yield the text in blocks of `BLOCK_CHARS`, from the beginning; raises `BadInput` for what is not text."""
        text = self._text()
        try:
            while block := text.read(BLOCK_CHARS):
                yield block
        except UnicodeError:
            raise self.bad("is not text; give a text file") from None
        finally:
            if not self.file.closed:  # a reader that stopped early may be ended after its file
                text.detach()

    def head(self) -> str:
        """Return the first `HEAD_BYTES` as text, what cannot be decoded replaced; the form is told by it."""
        self.file.seek(0)
        return self.file.read(HEAD_BYTES).decode(self.encoding, errors="replace")


@contextmanager
def opened(path: Path | str, what: str, give: str) -> Iterator[Source]:
    """Yield the file's source, `-` being standard input; `what` names it in messages, `give` says what to give.

    Raises `BadInput` for a file that cannot be read, is empty or is packed.
    """
    name = "standard input" if str(path) == "-" else Path(path).name
    with _file(path, what, give) as file:
        start = file.read(4)
        if not start.strip():
            file.seek(0)
            if not file.read(HEAD_BYTES).strip():
                raise BadInput(what, name, f"is empty; {give}")
        for magic, program in PACKED.items():
            if start.startswith(magic):
                raise BadInput(what, name, f"is packed; unpack it first, with {program}")
        encoding = "utf-16" if start.startswith(UTF16) else "utf-8-sig"
        yield Source(what, name, file, encoding)


@contextmanager
def _file(path: Path | str, what: str, give: str) -> Iterator[IO[bytes]]:
    """Yield the file, open and seekable; standard input goes through a temporary file."""
    if str(path) == "-":
        with tempfile.TemporaryFile() as spool:
            shutil.copyfileobj(sys.stdin.buffer, spool)
            spool.seek(0)
            yield spool
        return
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise BadInput(what, path, f"cannot be read ({error.strerror}); {give}") from None
    with file:
        try:
            file.read(1)
        except OSError as error:
            raise BadInput(what, path, f"cannot be read ({error.strerror}); {give}") from None
        if not file.seekable():
            with tempfile.TemporaryFile() as spool:
                shutil.copyfileobj(file, spool)
                spool.seek(0)
                yield spool
            return
        file.seek(0)
        yield file
