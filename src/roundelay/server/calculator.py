"""Answers about fabrics, computed by the command line in a child process of low priority.

Run in this process, seconds of arithmetic would hold the interpreter lock and interrupt every conversation.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path

from roundelay.server.errors import ApiError

CHILD = "import os, sys; os.nice(5); from roundelay.cli import main; main(sys.argv[1:])"
MAX_WAITING = 8  # questions that wait for the child process; more are refused
MAX_CACHED_ANSWERS = 128
CHILD_S = 300.0  # a report takes six seconds on a free core, much longer on a busy machine


class Calculator:
    """Runs one child process at a time and caches its answers, which depend on the question alone."""

    def __init__(self) -> None:
        self._lock, self._waiting = asyncio.Lock(), 0
        self._answers: OrderedDict[tuple[str, ...], str] = OrderedDict()

    async def ask(self, *words: str, out: bool = False) -> str:
        """What `roundelay WORDS` prints, or with `out` what it writes to --out. Raises `ApiError`."""
        if words in self._answers:
            return self._answers[words]
        if self._waiting >= MAX_WAITING:
            raise ApiError(429, "server_busy", f"{MAX_WAITING} questions about fabrics wait already")
        self._waiting += 1
        try:
            async with self._lock:
                if words not in self._answers:
                    self._answers[words] = await _child(words, out)
        finally:
            self._waiting -= 1
        while len(self._answers) > MAX_CACHED_ANSWERS:
            self._answers.popitem(last=False)
        return self._answers[words]


async def _child(words: tuple[str, ...], out: bool) -> str:
    with tempfile.TemporaryDirectory(prefix="roundelay-") as folder:
        file = Path(folder) / "out.html"
        more = ("--out", str(file)) if out else ()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, *words, *more,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            printed, complaint = await asyncio.wait_for(process.communicate(), CHILD_S)
        except TimeoutError:
            raise ApiError(504, "request_timeout", f"this took longer than {CHILD_S:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 2:
            raise ApiError(400, "invalid_value", complaint.decode(errors="replace").strip().removeprefix("error: "))
        if process.returncode:
            raise ApiError(500, "internal_error", "the fabric could not be computed; run `roundelay fabric report`")
        return file.read_text(encoding="utf-8") if out else printed.decode()
