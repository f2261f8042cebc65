"""A source that may hang, read in a thread of its own, so that its caller need not hang with it (ours)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
POLL_S = 0.05  # how often a caller who waits is asked whether he cancelled
MAX_THREADS = 64  # sources of one owner read at once, those that hang among them
IDLE_S = 30.0  # how long a thread waits for its next source; one that is used again keeps its heap and its caches

_places: dict[str, threading.BoundedSemaphore] = {}  # by owner, so that one that hangs leaves the others theirs
_idle: list[SimpleQueue[Callable[[], None]]] = []  # where each thread that waits takes its next source from


class Busy(Exception):
    """`MAX_THREADS` sources of this owner are read already."""


class Hang(Exception):
    """The source gave nothing within the limit."""


def read(
    source: Callable[[], Iterable[T]], cancelled: Callable[[], bool], limit_s: Callable[[int], float], owner: str
) -> Iterator[T]:
    """Yield the items of `source()`, each made when it is asked for, until its end or until `cancelled`.

    `owner` is whose source it is, an engine's name.
    `limit_s(n)` is how long the n-th item (from 0) may take. `cancelled` is asked before every item and while one is
    waited for. A source that is left (cancelled, hanging, or its reader closed) is closed by its thread after the item
    it is at. Raises what the source raises, `Hang`, and `Busy`.
    """
    places = _places.setdefault(owner, threading.BoundedSemaphore(MAX_THREADS))
    if not places.acquire(blocking=False):
        raise Busy
    asked: SimpleQueue[bool] = SimpleQueue()
    came: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    try:
        _start(lambda: _run(source, asked, came, places))
    except RuntimeError:  # the system has no more threads
        places.release()
        raise Busy from None
    try:
        count = 0
        while not cancelled():
            asked.put(True)
            answer = _wait(came, cancelled, limit_s(count))
            if answer is None or answer[0] == "end":
                return
            if answer[0] == "error":
                raise answer[1]
            if cancelled():
                return
            yield answer[1]
            count += 1
    finally:
        asked.put(False)


def _start(work: Callable[[], None]) -> None:
    """Run the work in a thread that waits, or in a new one."""
    try:
        _idle.pop().put(work)  # the one that waited least, so that the others may end
    except IndexError:
        threading.Thread(target=_serve, args=(work,), name="engine", daemon=True).start()


def _serve(work: Callable[[], None]) -> None:
    """Run the work, then what comes next, until nothing has come for `IDLE_S`."""
    mine: SimpleQueue[Callable[[], None]] = SimpleQueue()
    while True:
        work()
        del work  # and with it the source
        _idle.append(mine)
        try:
            work = mine.get(timeout=IDLE_S)
        except Empty:
            try:
                _idle.remove(mine)
            except ValueError:  # taken at the last moment: its work is on the way
                work = mine.get()
            else:
                return


def _run(
    source: Callable[[], Iterable[Any]],
    asked: SimpleQueue[bool],
    came: SimpleQueue[tuple[str, Any]],
    places: threading.BoundedSemaphore,
) -> None:
    """Put one item into `came` for every True in `asked`."""
    items: Any = None
    try:
        while asked.get():
            items = iter(source()) if items is None else items
            try:
                came.put(("item", next(items)))
            except StopIteration:
                came.put(("end", None))
                return
        close = getattr(items, "close", None)  # a generator's: an iterator of another kind has none
        if close is not None:
            close()
    except (GeneratorExit, KeyboardInterrupt) as error:  # the engine's own, not the reader's
        came.put(("error", RuntimeError(type(error).__name__)))
    except BaseException as error:
        came.put(("error", error))
    finally:
        places.release()


def _wait(came: SimpleQueue[tuple[str, Any]], cancelled: Callable[[], bool], limit_s: float) -> tuple[str, Any] | None:
    """What came, or None when cancelled. Raises `Hang` after `limit_s`."""
    until = time.monotonic() + limit_s
    while True:
        try:
            return came.get(timeout=min(POLL_S, max(0.0, until - time.monotonic())))
        except Empty:
            if cancelled():
                return None
            if time.monotonic() >= until:
                raise Hang from None
