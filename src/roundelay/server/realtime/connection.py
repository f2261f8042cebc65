"""A conversation over any transport: one task feeds it, another reads frames, a third one writes them.

The transport is a `Transport`: a WebSocket, WebRTC, or a pipe within the process.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from roundelay.errors import RoundelayError
from roundelay.server.engine import RETRY_S, Call
from roundelay.server.errors import ApiError
from roundelay.server.http.middleware import api_error
from roundelay.server.realtime import beta
from roundelay.server.realtime.bridge import Bridge, ConversationWorker
from roundelay.server.realtime.client_events import ClientEventHandler
from roundelay.server.realtime.frames import Frame, error_frame, new_id, read
from roundelay.server.realtime.out_of_band import Asides
from roundelay.server.realtime.settings import Settings
from roundelay.server.service import Service
from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard
from roundelay.voice.interfaces import CallOptions
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.worker import Worker

PACING_S = 0.02  # between two looks at queued audio: a fifth of a chunk
IDLE_S = 1.0  # between two checks of the limits when nothing happens
MAX_UNREAD_FRAMES = 32  # frames read ahead of the one being carried out; beyond, reading pauses
MAX_UNREAD_SOUNDS = 100  # queued frames of a track's audio, 20 ms each; more are dropped
CHUNK = ev.INPUT_RATE_HZ // 10  # input goes to the worker in chunks of 100 ms, with the time of each
GOING_AWAY, TOO_SLOW, BROKEN, NORMAL = 1001, 1008, 1011, 1000  # RFC 6455, section 7.4.1
REASONS = {TOO_SLOW: "the client reads too slowly", GOING_AWAY: "the server is stopping"}
Tell = Callable[[Callable[[int], ev.Event]], None]


class Gone(Exception):
    """The client has left: the transport is closed or broken."""


class Transport(Protocol):
    """A connection to one client."""

    async def receive(self) -> str | None:
        """The next text frame; None for one of bytes. Raises `Gone`."""
        ...

    async def send(self, line: str) -> None:
        """Send a frame; waits while the client reads nothing. Raises `Gone`."""
        ...

    async def close(self, code: int, reason: str | None) -> None:
        """Close with a WebSocket close code. Raises `Gone`."""
        ...


def admit(service: Service, model: str, client: str | None) -> None:
    """Raise `ApiError` if no conversation can begin: 503 without the model or memory, 429 if too many are live, of this
    client's address or of all.
    """
    service.engines.pipeline(model)
    most, live = service.engines.sessions, len(service.sessions)
    if live >= most:
        message = f"{live} people are talking, and this server carries {most}; wait, and try again in {RETRY_S} s"
        raise ApiError(429, "too_many_sessions", message)
    share = service.limits.sessions_per_client or -(-most // 2)
    own = sum(each.client == client for each in service.sessions.values())
    if client is not None and own >= share:
        message = f"{own} people of your address are talking, and one address has {share} of {most} places; try later"
        raise ApiError(429, "too_many_sessions", message)
    service.engines.admit()


class Connection:
    """A connected client: its conversation, an inbox of events and an outbox of frames."""

    def __init__(self, transport: Transport, service: Service, settings: Settings, client: str | None = None) -> None:
        self.transport, self.service, self.name = transport, service, new_id("sess")
        self.client = client  # its address; None for this machine's own
        self.beta = settings.beta
        self._inbox: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._room = asyncio.Semaphore(MAX_UNREAD_FRAMES)
        self._sounds = 0  # in the inbox
        self._outbox: deque[str] = deque()
        self._outbox_bytes, self._fresh = 0, asyncio.Event()
        self._start, self._ahead_ms = time.monotonic(), 0.0
        self._last_frame = self._start
        self._close_code = NORMAL
        self._loop = asyncio.get_running_loop()
        self._pipeline = service.engines.pipeline(settings.model)
        create: Callable[..., ConversationWorker] = service.create_worker or Worker
        config = settings.worker_config(service.thresholds)
        live = replace(self._pipeline, limits=self._pipeline.limits.at_most(guard.LIVE_LIMITS))
        worker = create(live, self._tell, service.engines.conversation_pool, config)
        self.bridge = Bridge(self.send, worker, settings, self.name, service.thresholds)
        self.bridge.places = service.engines.sessions
        self.bridge.on_sent = lambda seconds: service.metrics.observe(
            "roundelay_turn_seconds", "From the end of a turn to the first sample sent.", seconds
        )
        self.client_events = ClientEventHandler(self.bridge, service.limits.audio_s)
        self._asides = Asides(service.engines, self._pipeline)
        self.client_events.admit_aside, self.client_events.cancel_aside = self._asides.admit, self._asides.cancel

    def now_ms(self) -> int:
        """The time of the session: the clock's, plus the lead of a client that sends audio faster than real time."""
        return int((time.monotonic() - self._start) * 1000 + self._ahead_ms)

    def ask_close(self) -> None:
        """End after the current reply: the server is stopping."""
        self._close_code = GOING_AWAY
        self._inbox.put_nowait(("close", None))

    def hang_up(self) -> None:
        """End at once: the client is gone or hangs up."""
        self._inbox.put_nowait(("gone", None))

    def push_audio(self, samples: np.ndarray) -> None:
        """Take input of a track, float32 [n] at `INPUT_RATE_HZ`; it is dropped while too much is queued."""
        if self._sounds < MAX_UNREAD_SOUNDS:
            self._sounds += 1
            self._inbox.put_nowait(("sound", samples))

    def _tell(self, make: Callable[[int], ev.Event]) -> None:
        """Queue an event of the worker, from any thread."""
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, ("news", make))

    def send(self, message: Frame) -> None:
        """Put a frame into the outbox. A client that reads too slowly is disconnected."""
        if self.beta:
            known = beta.server_event(message)
            if known is None:
                return
            message = known
        line = json.dumps(message, ensure_ascii=False)
        self._outbox.append(line)
        self._outbox_bytes += len(line)
        self._fresh.set()
        if self._outbox_bytes > self.service.limits.outbox_bytes:
            self._close_code, self.bridge.closed = TOO_SLOW, True
            self._outbox.clear()

    def enter(self) -> None:
        """Register the session; the end of `run` removes it."""
        self.service.sessions[self.name] = self
        self.service.keep_trace(self.name, self.bridge.trace)
        self.service.metrics.count("roundelay_sessions_total", "Conversations begun.")

    def leave(self) -> None:
        """Give the place back, and end all work."""
        self.bridge.worker.close()
        self.service.sessions.pop(self.name, None)

    async def run(self) -> None:
        """Run until the client leaves, the session ends or fails; other sessions are not affected."""
        tasks = [asyncio.create_task(each) for each in (self._read(), self._write())]
        try:
            await self._serve()
        except asyncio.CancelledError:
            self._outbox.clear()  # nothing may delay the end
            raise
        except Exception as error:
            failure = api_error(error)
            self._close_code = BROKEN
            self.send(error_frame(failure))
        finally:
            self.leave()
            self._asides.close()
            tasks[0].cancel()
            await self._flush()
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _flush(self) -> None:
        """Send the last frames, for a limited time, and close."""
        with suppress(TimeoutError, Gone):
            until = time.monotonic() + self.service.limits.write_s
            while self._outbox and time.monotonic() < until:
                await asyncio.sleep(PACING_S)
            await asyncio.wait_for(self.transport.close(self._close_code, REASONS.get(self._close_code)), 5)

    async def _read(self) -> None:
        with suppress(Gone):
            while True:
                await self._room.acquire()
                self._inbox.put_nowait(("frame", await self.transport.receive()))
        self.hang_up()

    async def _write(self) -> None:
        try:
            while True:
                await self._fresh.wait()
                self._fresh.clear()
                while self._outbox:
                    line = self._outbox[0]
                    await self.transport.send(line)
                    if self._outbox:  # it may have been cleared meanwhile
                        self._outbox.popleft()
                    self._outbox_bytes = max(0, self._outbox_bytes - len(line))
        except Gone:
            self._outbox.clear()
            self.hang_up()

    async def _serve(self) -> None:
        self.bridge.send_session_created()
        while not self.bridge.closed:
            try:
                kind, value = await asyncio.wait_for(self._inbox.get(), self._wait_s())
            except TimeoutError:
                kind, value = "time", None
            if kind == "gone":
                self._outbox.clear()
                return
            if kind == "frame":
                self._room.release()
                await self._frame(value)
            elif kind == "sound":
                self._sounds -= 1
                self._last_frame = time.monotonic()
                await self._hear(value)
            elif kind == "news":
                self.bridge.news(value(self.now_ms()))
            elif kind == "close":
                self.bridge.feed(ev.CloseRequested(self.now_ms()))
            self.client_events.tick(self.now_ms())
            self.bridge.tick(self.now_ms())
            self._limits()

    def _wait_s(self) -> float:
        if any(pacer.waiting for pacer in self.bridge.pacers.values()):
            return PACING_S
        wake_ms = self.bridge.session.wake_ms
        return IDLE_S if wake_ms is None else min(IDLE_S, max(0.001, (wake_ms - self.now_ms()) / 1000))

    def _limits(self) -> None:
        now, limits = time.monotonic(), self.service.limits
        if now - self._start > limits.session_s:
            self._end(ApiError(400, "session_expired", f"a session lasts {limits.session_s:.0f} s at most"))
        elif now - self._last_frame > limits.idle_s:
            self._end(ApiError(400, "session_idle", f"the client sent nothing for {limits.idle_s:.0f} s"))

    def _end(self, error: ApiError) -> None:
        self.send(error_frame(error))
        self.bridge.feed(ev.CloseRequested(self.now_ms(), at_once=True))

    async def _frame(self, line: str | None) -> None:
        """Carry out a client's frame; a wrong one is answered by an error event."""
        self._last_frame, name, before = time.monotonic(), None, self.beta
        try:
            if line is None:
                raise ApiError(400, "invalid_json", "frames are JSON text, not bytes")
            message = read(line)
            self.beta = self.beta or message["type"] == beta.UPDATE
            message = beta.client_event(message)
            given = message.get("event_id")
            name = given[:512] if isinstance(given, str) else None
            if message["type"] == "input_audio_buffer.append":
                for sound in self.client_events.decode(message):
                    await self._hear(sound)
                    await asyncio.sleep(0)
            else:
                self.client_events.do(message, self.now_ms())
                while self.client_events.asides:
                    self._asides.start(self.client_events.asides.pop(0))
                await self._recordings()
        except RoundelayError as error:
            self.beta = before
            self.send(error_frame(api_error(error), name))
            self.service.metrics.count("roundelay_frame_errors_total", "Frames that could not be carried out.")

    async def _hear(self, sound: np.ndarray) -> None:
        for at in range(0, len(sound), CHUNK):
            piece = sound[at : at + CHUNK]
            late_ms = (self.bridge.samples + len(piece)) * 1000 / ev.INPUT_RATE_HZ - self.now_ms()
            if not self.bridge.making:
                self._ahead_ms += max(0.0, late_ms)
            self.bridge.hear(piece, self.now_ms())
            if at + CHUNK < len(sound):
                self.bridge.tick(self.now_ms())
                await asyncio.sleep(0)

    async def _recordings(self) -> None:
        """Have recordings in items transcribed before the next frame, which may ask about them."""
        while self.client_events.recordings:
            name, sound = self.client_events.recordings.pop(0)
            transcribe = partial(self._transcribe, sound)
            self.client_events.set_transcript(name, await self.service.engines.call(transcribe), self.now_ms())

    def _transcribe(self, sound: Audio, call: Call) -> str:
        return self._pipeline.transcribe(sound, CallOptions(call, progress=call.steps)).text
