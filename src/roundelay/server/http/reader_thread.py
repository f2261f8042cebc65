"""A slow source read in a thread of its own, so that whoever listens may leave at any time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from typing import Any, TypeVar

from roundelay.server.errors import ApiError

T = TypeVar("T")
POLL_S = 0.05  # how often a listener who waits is asked whether he still does
MOST = 32  # sources read at once, those whose listeners have left among them

_places = threading.BoundedSemaphore(MOST)


def apart(source: Callable[[], Iterator[T]], cancelled: Callable[[], bool]) -> Iterator[T]:
    """Yield what the iterator of `source` gives, until it ends or `cancelled`, which is asked before every part and all
    the while nothing comes. The source is then left to itself: its thread ends with the next part, or its own timeout.

    Raises what the source raises, and `ApiError` 503 where too many sources are waited for already.
    """
    if not _places.acquire(blocking=False):
        raise ApiError(503, "server_busy", f"{MOST} answers are waited for already; try again later")
    came: Queue[tuple[str, Any]] = Queue()
    gone = threading.Event()

    def read() -> None:
        try:
            for part in source():
                if gone.is_set():
                    return
                came.put(("part", part))
            came.put(("end", None))
        except Exception as error:
            came.put(("error", error))
        finally:
            _places.release()

    threading.Thread(target=read, name="answer", daemon=True).start()
    try:
        while not cancelled():
            try:
                kind, value = came.get(timeout=POLL_S)
            except Empty:
                continue
            if kind == "error":
                raise value
            if kind == "end":
                return
            if cancelled():
                return
            yield value
    finally:
        gone.set()
