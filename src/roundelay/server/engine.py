"""The engines behind the endpoints: pipelines by name, loaded in the background and run on a bounded executor."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from roundelay.errors import RoundelayError
from roundelay.server.errors import ApiError
from roundelay.server.limits import Limits, give_back_memory, resident_bytes
from roundelay.voice import capacity
from roundelay.voice.engines import registry
from roundelay.voice.engines.choice import Choices, select
from roundelay.voice.interfaces import Cancelled
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.compute_slots import ComputeSlots
from roundelay.voice.realtime.worker_pool import WorkerPool

T = TypeVar("T")
UNMEASURED_SESSIONS = 4  # live conversations where the capacity is not measured, or not yet
POLL_S = 0.05  # between two looks at whether a client reads again, or an engine is loaded
TASKS_PER_SESSION = 6  # drafts alive, words over them, judgements of pauses
MAX_QUEUED = 64  # items of a stream that its client has not read yet
RETRY_S = 2  # the `retry-after` of a refusal
MODEL = "roundelay"  # the name of the default engine for clients

State = Literal["loading", "ready", "missing"]


def load_pipeline(engine: str) -> Pipeline:
    """The pipeline with that engine in every role it can take, the default engine in the others; warmed up.

    Raises `BadInput` for an unknown engine, `RoundelayError` for one that cannot be loaded.
    """
    return load_choices(select([engine]))


def load_choices(choices: Choices) -> Pipeline:
    """The pipeline of these engines; the default engine is warmed up. Raises what `Pipeline.of` raises."""
    give_back_memory()
    warm = {"warm": True}
    return Pipeline.of({
        role: replace(each, settings=warm | dict(each.settings)) if each.name == registry.DEFAULT else each
        for role, each in choices.items()
    })  # fmt: skip


@dataclass(slots=True)
class _Slot:
    """One pipeline that is loading, ready, or failed to load."""

    pipeline: Pipeline | None = None
    voices: tuple[str, ...] | None = None  # the names of the synthesizer's own
    failure: str = ""

    @property
    def state(self) -> State:
        return "ready" if self.pipeline is not None else "missing" if self.failure else "loading"


class Engines:
    """Pipelines by the name of their engine, and the threads that run them.

    `load(engine)` makes a pipeline. The default engine is loaded by `start`, others when they are first asked for. At
    most `Limits.requests` tasks are taken; the next one is refused with 429 at once. They share the cores: those that
    speak with the conversations (`slots`), block by block, the others among themselves. Nothing here blocks the event
    loop. `tell` is given one line once the default engine is ready or cannot be loaded. `measure` finds out how many
    conversations its pipeline carries, where the limits leave that open.
    """

    def __init__(
        self,
        load: Callable[[str], Pipeline] = load_pipeline,
        limits: Limits | None = None,
        default: str = registry.DEFAULT,
        tell: Callable[[str], None] = lambda line: None,
        measure: Callable[[Pipeline], int] | None = None,
    ) -> None:
        self.limits, self.default, self._tell = limits or Limits(), default, tell
        self._load, self._measure = load, measure
        self._measured = UNMEASURED_SESSIONS
        self._slots: dict[str, _Slot] = {}
        self._pool = ThreadPoolExecutor(self.limits.requests, thread_name_prefix="engine")
        self.slots = ComputeSlots(self.limits.parallel)
        self._calls = ComputeSlots(self.limits.parallel)
        places = max(self.limits.waiting, TASKS_PER_SESSION * (self.limits.sessions or capacity.MOST))
        self.conversation_pool = WorkerPool(self.limits.parallel, places, self.slots)  # shared by all conversations
        self.busy = 0

    @property
    def sessions(self) -> int:
        """How many conversations may be live."""
        return self.limits.sessions or self._measured

    @property
    def state(self) -> State:
        """The state of the default engine; "loading" before `start` too."""
        return self._slots[self.default].state if self.default in self._slots else "loading"

    @property
    def reason(self) -> str:
        """Why the default engine is missing, in one line; "" if it is not."""
        return self._slots[self.default].failure if self.default in self._slots else ""

    def start(self) -> None:
        """Begin to load the default engine, once; the server answers meanwhile."""
        self._slot(self.default)

    def _slot(self, engine: str) -> _Slot:
        """The slot of an engine, which begins to load when it is first asked for."""
        if engine not in self._slots:
            slot = self._slots[engine] = _Slot()
            threading.Thread(target=self._fill, args=(slot, engine), name=f"load-{engine}", daemon=True).start()
        return self._slots[engine]

    def _fill(self, slot: _Slot, engine: str) -> None:
        try:
            pipeline = self._load(engine)
            slot.voices = tuple(voice.name for voice in pipeline.voices())
            if engine == self.default and self._measure is not None and not self.limits.sessions:
                with suppress(RoundelayError):  # an engine that fails says so when it is asked
                    self._measured = self._measure(pipeline)
            slot.pipeline = pipeline
        except RoundelayError as error:
            slot.failure = str(error)
        except Exception as error:  # a bug in loading must not leave the server waiting for ever
            slot.failure = f"the model could not be loaded ({type(error).__name__}: {error})"[:300]
        if engine == self.default:
            self._tell(f"not ready: {slot.failure}" if slot.failure else "ready")

    def stop(self) -> None:
        """Let the threads end when their tasks are done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.conversation_pool.close()

    def pipeline(self, model: str = MODEL) -> Pipeline:
        """The pipeline of an engine's name, or of `MODEL`, the default engine.

        Raises `ApiError` 503 while it loads or if it cannot be loaded.
        """
        slot = self._slot(self._key(model))
        if slot.pipeline is None:
            if slot.failure:
                raise ApiError(503, "model_missing", slot.failure)
            raise ApiError(503, "model_loading", "the model is still loading; ask again in a few seconds")
        return slot.pipeline

    async def loaded(self, model: str = MODEL) -> Pipeline:
        """The pipeline of a name, after waiting for an engine that is being loaded as it was not needed before.

        Raises `ApiError` 503 while the default engine loads, or if an engine cannot be loaded.
        """
        key, until = self._key(model), time.monotonic() + self.limits.request_s
        while key != self.default and self._slot(key).state == "loading" and time.monotonic() < until:
            await asyncio.sleep(POLL_S)
        return self.pipeline(model)

    def _key(self, model: str) -> str:
        """The name of the slot of a model. An engine that takes all its roles in the default pipeline is that one: it
        is not loaded twice."""
        default = self._slots.get(self.default)
        if model == MODEL or (default is not None and default.pipeline is not None and _is_in(model, default.pipeline)):
            return self.default
        return model

    def voices(self, model: str = MODEL) -> tuple[str, ...] | None:
        """The names of an engine's voices, the default first; None while it is not loaded."""
        slot = self._slots.get(self._key(model))
        return None if slot is None else slot.voices

    def admit(self) -> None:
        """Raise `ApiError` 429 or 503 if no more work may begin."""
        if self.busy >= self.limits.requests:
            raise ApiError(429, "server_busy", f"{self.busy} requests are being answered; try again in {RETRY_S} s")
        if resident_bytes() > self.limits.resident_bytes:
            raise ApiError(503, "memory_exhausted", "the server holds all the memory it may; try again later")

    def _submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        try:
            return self._pool.submit(work, *args)
        except RuntimeError:  # the pool is closed
            raise ApiError(503, "server_stopping", "the server is stopping; it takes no new work") from None

    async def call(self, work: Callable[[Call], T]) -> T:
        """The result of `work(call)`, run on a worker. Raises 429 if too many wait, 504 if it takes too long.

        `call()` becomes true when the caller no longer waits, so that an engine that hangs leaves its worker.
        """
        self.admit()
        self.busy += 1
        gone = threading.Event()

        def run() -> T:
            call = Call(self._calls, gone.is_set)
            with call:
                return work(call)

        try:
            future = self._submit(run)
            future.add_done_callback(_swallow)
            return await asyncio.wait_for(asyncio.wrap_future(future), self.limits.request_s)
        except TimeoutError:
            message = f"this took longer than {self.limits.request_s:.0f} s"
            raise ApiError(504, "request_timeout", message) from None
        finally:
            gone.set()
            self.busy -= 1

    async def stream(self, work: Callable[[Cancelled], Iterator[T]]) -> AsyncIterator[T]:
        """Yield the items of `work(cancelled)`, which runs on a worker.

        If the caller stops early (its client left), `cancelled()` becomes true, and the worker stops before its next
        item. It waits while `MAX_QUEUED` items are not taken. What computes long holds a slot of `slots` meanwhile.
        """
        self.admit()
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Any]()
        gone, end = threading.Event(), object()

        def hand(item: Any) -> None:
            with suppress(RuntimeError):  # the event loop is closed
                loop.call_soon_threadsafe(queue.put_nowait, item)

        def run() -> None:
            try:
                for item in work(gone.is_set):
                    while queue.qsize() >= MAX_QUEUED and not gone.is_set():
                        time.sleep(POLL_S)
                    if gone.is_set():
                        return
                    hand(item)
                hand(end)
            except Exception as error:  # raised by the caller
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


class Call:
    """A call that runs: whether it is cancelled, and turns with other calls between the steps of a long one.

    A context manager: within it, a slot is held. Steps are those of `CallOptions.progress`.
    """

    def __init__(self, slots: ComputeSlots, cancelled: Cancelled) -> None:
        self._slots, self._cancelled, self._held = slots, cancelled, ExitStack()

    def __call__(self) -> bool:
        """Whether the caller no longer waits."""
        return self._cancelled()

    def __enter__(self) -> None:
        self._held.enter_context(self._slots.slot(self._slots.clock(), self._cancelled))

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def steps(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items; before each, those who wait longer have their turn."""
        for item in items:
            self._held.close()
            self.__enter__()
            yield item


def _is_in(engine: str, pipeline: Pipeline) -> bool:
    """Whether the pipeline has that engine in every role it can take."""
    try:
        roles = registry.spec(engine).roles
    except RoundelayError:
        return False
    return bool(roles) and all(getattr(pipeline, role).name == engine for role in roles)


def _swallow(future: Any) -> None:
    """Retrieve a result that is not waited for any more, so that asyncio does not log it."""
    if not future.cancelled():
        future.exception()
