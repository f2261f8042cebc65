"""The threads that do the work of all conversations: a bounded executor (ours)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class TaskPool(Protocol):
    """What a worker asks of an executor: `WorkerPool` has threads, `inline.InlinePool` has none."""

    def submit(self, task: Callable[[], None], short: bool = False) -> bool:
        """Whether the task was accepted. `short` tasks must not wait for others."""
        ...


class WorkerPool:
    """A bounded executor: `threads` tasks run, `waiting` tasks wait, the next one is refused.

    Short tasks (transcribing a word over the bot's speech, judging a pause) have a thread of their own, so that they
    never wait until a reply has been synthesised.
    """

    def __init__(self, threads: int = 2, waiting: int = 64) -> None:
        self._long = ThreadPoolExecutor(threads, thread_name_prefix="conversation")
        self._short = ThreadPoolExecutor(1, thread_name_prefix="conversation-short")
        self._places = threading.BoundedSemaphore(threads + waiting)

    def submit(self, task: Callable[[], None], short: bool = False) -> bool:
        """Whether the task was accepted."""
        if not self._places.acquire(blocking=False):
            return False
        try:
            (self._short if short else self._long).submit(task).add_done_callback(lambda _: self._places.release())
        except RuntimeError:  # the pool was closed meanwhile
            self._places.release()
            return False
        return True

    def close(self) -> None:
        """Drop waiting tasks. Those that run end when their conversation cancels them."""
        self._long.shutdown(wait=False, cancel_futures=True)
        self._short.shutdown(wait=False, cancel_futures=True)
