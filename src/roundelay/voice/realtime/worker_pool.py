"""The threads that do the work of all conversations, and the cores that they share (ours)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from roundelay.voice.interfaces import Cancelled
from roundelay.voice.realtime.compute_slots import ComputeSlots

T = TypeVar("T")
SHORT_THREADS = 4  # for short tasks; each may wait for a transcript that another thread makes


class TaskPool(Protocol):
    """What a worker asks of an executor: `WorkerPool` has threads, `inline.InlinePool` has none."""

    def submit(self, task: Callable[[], None], short: bool = False) -> bool:
        """Whether the task was accepted. `short` tasks must not wait for others."""
        ...

    @property
    def crowded(self) -> bool:
        """Whether others wait for the cores."""
        ...

    @property
    def shared(self) -> bool:
        """Whether others are being answered too."""
        ...

    def blocks(self, made: Iterator[T], due_s: Callable[[], float], cancelled: Cancelled) -> Iterator[T]:
        """Yield the items of `made`, each made when the cores are free for it; the next is needed at `due_s`."""
        ...


class WorkerPool:
    """A bounded executor: `threads + waiting` tasks are taken, the next one is refused.

    Every task has a thread, but no more than `threads` blocks of audio are computed at once (`ComputeSlots`): a reply
    that waits for a chat server or is far ahead of its listener holds up no other. Short tasks (transcribing a word
    over the bot's speech, judging a pause) have threads of their own.
    """

    def __init__(self, threads: int = 2, waiting: int = 64, slots: ComputeSlots | None = None) -> None:
        self.slots = slots or ComputeSlots(threads)
        self._long = ThreadPoolExecutor(threads + waiting, thread_name_prefix="conversation")
        self._short = ThreadPoolExecutor(SHORT_THREADS, thread_name_prefix="conversation-short")
        self._places = threading.BoundedSemaphore(threads + waiting)
        self._lock = threading.Lock()
        self._active = 0  # long tasks

    @property
    def crowded(self) -> bool:
        """Whether others wait for the cores."""
        return self.slots.waiting > 0

    @property
    def shared(self) -> bool:
        """Whether more than one reply is being made."""
        return self._active > 1

    def blocks(self, made: Iterator[T], due_s: Callable[[], float], cancelled: Cancelled) -> Iterator[T]:
        """Yield the items of `made`, each computed in a slot."""
        return self.slots.blocks(made, due_s, cancelled)

    def submit(self, task: Callable[[], None], short: bool = False) -> bool:
        """Whether the task was accepted."""
        if not self._places.acquire(blocking=False):
            return False
        try:
            (self._short if short else self._long).submit(self._run, task, short)
        except RuntimeError:  # the pool was closed meanwhile
            self._places.release()
            return False
        return True

    def _run(self, task: Callable[[], None], short: bool) -> None:
        try:
            self._count(0 if short else 1)
            task()
        finally:
            self._count(0 if short else -1)
            self._places.release()

    def _count(self, change: int) -> None:
        with self._lock:
            self._active += change

    def close(self) -> None:
        """Drop waiting tasks. Those that run end when their conversation cancels them."""
        self._long.shutdown(wait=False, cancel_futures=True)
        self._short.shutdown(wait=False, cancel_futures=True)
