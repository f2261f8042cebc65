"""The model behind the endpoints: loaded in the background, run on a bounded executor, streamed into the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np

from roundelay.errors import RoundelayError
from roundelay.server.errors import ApiError
from roundelay.server.limits import Limits, give_back_memory, resident_bytes
from roundelay.voice.audio import Audio
from roundelay.voice.realtime.worker import Pool

T = TypeVar("T")
Cancelled = Callable[[], bool]
RETRY_S = 2  # what a refused client is told to wait


class Answer(Protocol):
    """What is answered: the `text` to say, and a function `call` (name, arguments) or None."""

    @property
    def text(self) -> str: ...
    @property
    def call(self) -> Any: ...


class SpeechModel(Protocol):
    """What the server needs of `roundelay.voice.engines.nano.model.Model`; sound is float32 at 16 kHz."""

    def say_stream(
        self,
        text: str,
        voice: str | None = None,
        seed: int = 0,
        cancelled: Cancelled = ...,
        ways: Callable[[], int] | None = None,
    ) -> Iterator[np.ndarray]:
        """Pieces of the spoken text; `ways`: for how many ways of saying the next words there is time."""
        ...

    def transcribe(self, audio: Audio) -> str:
        """The words of a recording."""
        ...

    def answer(self, text: str, history: Sequence[Any]) -> Answer:
        """The answer to what was said."""
        ...


def load_embedded() -> SpeechModel:
    """The embedded model. Raises `RoundelayError` in one line where its code or weights are missing or damaged."""
    try:
        from roundelay.voice.engines.nano.model import Model
    except ImportError:
        raise RoundelayError("this build holds no language model yet: it can neither speak nor listen") from None
    give_back_memory()
    return Model.load()


class Engine:
    """The loaded model, or why there is none, and the threads that run it.

    At most `workers` pieces of work run and `waiting` wait; the next one is refused with 429 at once. Nothing here
    blocks the event loop.
    """

    def __init__(self, load: Callable[[], SpeechModel] = load_embedded, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._load, self._model, self._failure = load, None, ""
        self._pool = ThreadPoolExecutor(self.limits.workers, thread_name_prefix="model")
        self._loading: threading.Thread | None = None
        self.conversation_pool = Pool(self.limits.workers, self.limits.waiting)  # of the conversations, all together
        self.busy = 0

    @property
    def state(self) -> str:
        """ "loading", "ready", or "missing"."""
        return "ready" if self._model is not None else "missing" if self._failure else "loading"

    @property
    def reason(self) -> str:
        """Why there is no model, in one line; empty if there is one or it is still loading."""
        return self._failure

    def start(self) -> None:
        """Begin to load the model, once; the server answers meanwhile."""
        if self._loading is None:
            self._loading = threading.Thread(target=self._fetch, name="loading", daemon=True)
            self._loading.start()

    def _fetch(self) -> None:
        try:
            self._model = self._load()  # type: ignore[assignment]
        except RoundelayError as error:
            self._failure = str(error)
        except Exception as error:  # a bug in loading must not leave the server waiting for ever
            self._failure = f"the model could not be loaded ({type(error).__name__}: {error})"[:300]

    def stop(self) -> None:
        """Let the threads end when their work is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.conversation_pool.close()

    def model(self) -> SpeechModel:
        """The model. Raises `ApiError` 503 while it loads or where it is missing."""
        if self._model is None:
            if self._failure:
                raise ApiError(503, "model_missing", self._failure)
            raise ApiError(503, "model_loading", "the model is still loading; ask again in a few seconds")
        return self._model

    def admit(self) -> None:
        """Raise `ApiError` 429 or 503 if no more work may be begun."""
        if self.busy >= self.limits.workers + self.limits.waiting:
            raise ApiError(429, "server_busy", f"{self.busy} requests are being answered; try again in {RETRY_S} s")
        if resident_bytes() > self.limits.resident_bytes:
            raise ApiError(503, "memory_exhausted", "the server holds all the memory it may; try again later")

    def _submit(self, work: Callable[..., T], *args: Any, **named: Any) -> Future[T]:
        try:
            return self._pool.submit(work, *args, **named)
        except RuntimeError:  # the pool is closed
            raise ApiError(503, "server_stopping", "the server is stopping; it takes no new work") from None

    async def call(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """The result of `work(*args)`, run on a worker. Raises 429 if too many wait, 504 if it takes too long."""
        self.admit()
        self.busy += 1
        try:
            future = self._submit(work, *args, **named)
            future.add_done_callback(_swallow)
            return await asyncio.wait_for(asyncio.wrap_future(future), self.limits.request_s)
        except TimeoutError:
            message = f"this took longer than {self.limits.request_s:.0f} s"
            raise ApiError(504, "request_timeout", message) from None
        finally:
            self.busy -= 1

    async def stream(self, work: Callable[[Cancelled], Iterator[T]]) -> AsyncIterator[T]:
        """The items of `work(cancelled)`, made on a worker and handed over one by one.

        A caller that stops early (a client that left) makes `cancelled()` true, and the worker stops before its next
        item. What waits unread is bounded by the length of the text, which is limited.
        """
        self.admit()
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Any]()
        gone, end = threading.Event(), object()

        def hand(item: Any) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, item)

        def run() -> None:
            try:
                for item in work(gone.is_set):
                    if gone.is_set():
                        return
                    hand(item)
                hand(end)
            except Exception as error:  # carried to the caller, who raises it
                hand(error)

        self.busy += 1
        try:
            self._submit(run)
            while True:
                try:
                    item = await asyncio.wait_for(queue.get(), self.limits.request_s)
                except TimeoutError:
                    raise ApiError(504, "request_timeout", "the model fell silent") from None
                if item is end:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            gone.set()
            self.busy -= 1


def _swallow(future: Any) -> None:
    """Look at a result nobody waits for any more, so that Python does not complain about it."""
    if not future.cancelled():
        future.exception()
