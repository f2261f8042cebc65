"""`WS /v1/realtime`: the socket of a conversation. One loop feeds it; a reader and a writer stand beside."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from roundelay.errors import RoundelayError
from roundelay.server import names
from roundelay.server.errors import ApiError
from roundelay.server.guard import as_api_error, error_response
from roundelay.server.realtime.client import Client
from roundelay.server.realtime.conversation import Conversation, Worker
from roundelay.server.realtime.frames import Frame, error_frame, new_id, read
from roundelay.server.realtime.settings import Settings
from roundelay.server.service import Service, service
from roundelay.voice.audio import Audio
from roundelay.voice.realtime import events as ev

log = logging.getLogger("roundelay.server")
PACE_S = 0.02  # how often sound that waits is looked at: a fifth of the piece that is sent at a time
REST_S = 1.0  # how often a conversation looks at its limits when nothing happens
AHEAD = 32  # frames read before the first of them is done; then the socket is not read
PIECE = ev.RATE_HZ // 10  # sound goes to the worker in pieces of 100 ms, time passing between them
GOING_AWAY, TOO_SLOW, BROKEN, NORMAL = 1001, 1008, 1011, 1000  # RFC 6455, section 7.4.1
Tell = Callable[[Callable[[int], ev.Event]], None]


async def realtime(socket: WebSocket) -> None:
    """One conversation, from handshake to close. A refusal is an HTTP answer with a typed body."""
    house = service(socket)
    try:
        names.model(socket.query_params.get("model"))
        house.engine.model()
        if len(house.sessions) >= house.limits.sessions:
            raise ApiError(
                429, "too_many_sessions", f"{len(house.sessions)} people are talking already; try again later"
            )
        house.engine.admit()
    except ApiError as error:
        await socket.send_denial_response(error_response(error))
        return
    await socket.accept("realtime" if "realtime" in socket.scope["subprotocols"] else None)
    await Live(socket, house).run()


class Live:
    """A connected client: the conversation, what waits to be done and what waits to be sent."""

    def __init__(self, socket: WebSocket, house: Service) -> None:
        self.socket, self.house, self.name = socket, house, new_id("sess")
        self._inbox: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._room = asyncio.Semaphore(AHEAD)
        self._outbox: deque[str] = deque()
        self._outbox_bytes, self._fresh = 0, asyncio.Event()
        self._start, self._ahead_ms = time.monotonic(), 0.0
        self._last_frame = self._start
        self._close_code = NORMAL
        self._loop = asyncio.get_running_loop()
        settings = (
            Settings(kind="transcription") if socket.query_params.get("intent") == "transcription" else Settings()
        )
        worker: Worker = house.workers(house.engine, settings, self._tell, house.thresholds)
        self.talk = Conversation(self._send, worker, settings, self.name, house.thresholds)
        self.talk.on_sent = lambda seconds: house.metrics.observe(
            "roundelay_turn_seconds", "From the end of a turn to the first sample sent.", seconds
        )
        self.client = Client(self.talk)

    def now_ms(self) -> int:
        """The time of the session: the clock's, and ahead of it where a client sent sound faster than it lasts."""
        return int((time.monotonic() - self._start) * 1000 + self._ahead_ms)

    def ask_close(self) -> None:
        """End after what is being said: the server is stopping."""
        self._close_code = GOING_AWAY
        self._inbox.put_nowait(("close", None))

    def _tell(self, make: Callable[[int], ev.Event]) -> None:
        """News of the worker's, from any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, ("news", make))

    def _send(self, message: Frame) -> None:
        line = json.dumps(message, ensure_ascii=False)
        self._outbox.append(line)
        self._outbox_bytes += len(line)
        self._fresh.set()
        if self._outbox_bytes > self.house.limits.outbox_bytes:
            self._close_code, self.talk.closed = TOO_SLOW, True
            self._outbox.clear()

    async def run(self) -> None:
        """Live until the client leaves, the session ends, or something breaks; touch no other session."""
        self.house.sessions[self.name] = self
        self.house.keep_trace(self.name, self.talk.trace)
        self.house.metrics.count("roundelay_sessions_total", "Conversations begun.")
        tasks = [asyncio.create_task(each) for each in (self._read(), self._write())]
        try:
            await self._live()
        except Exception as error:
            failure = as_api_error(error)
            self._close_code = BROKEN
            self._send(error_frame(failure))
        finally:
            self.talk.worker.close()
            self.house.sessions.pop(self.name, None)
            tasks[0].cancel()
            await self._flush()
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _flush(self) -> None:
        """Let the last frames go, a bounded while, and close."""
        with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            until = time.monotonic() + self.house.limits.write_s
            while self._outbox and time.monotonic() < until:
                await asyncio.sleep(PACE_S)
            reason = {TOO_SLOW: "the client reads too slowly", GOING_AWAY: "the server is stopping"}
            await asyncio.wait_for(self.socket.close(self._close_code, reason.get(self._close_code)), 5)

    async def _read(self) -> None:
        try:
            while True:
                await self._room.acquire()
                message = await self.socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                self._inbox.put_nowait(("frame", message.get("text")))
        except (RuntimeError, WebSocketDisconnect):
            pass
        self._inbox.put_nowait(("gone", None))

    async def _write(self) -> None:
        try:
            while True:
                await self._fresh.wait()
                self._fresh.clear()
                while self._outbox:
                    line = self._outbox[0]
                    await self.socket.send_text(line)
                    if self._outbox:  # it may have been given up meanwhile
                        self._outbox.popleft()
                    self._outbox_bytes = max(0, self._outbox_bytes - len(line))
        except (RuntimeError, WebSocketDisconnect):
            self._outbox.clear()
            self._inbox.put_nowait(("gone", None))

    async def _live(self) -> None:
        self.talk.created()
        while not self.talk.closed:
            try:
                kind, value = await asyncio.wait_for(self._inbox.get(), self._patience_s())
            except TimeoutError:
                kind, value = "time", None
            if kind == "gone":
                return
            if kind == "frame":
                self._room.release()
                await self._frame(value)
            elif kind == "news":
                self.talk.news(value(self.now_ms()))
            elif kind == "close":
                self.talk.feed(ev.CloseAsked(self.now_ms()))
            self.client.tick(self.now_ms())
            self.talk.tick(self.now_ms())
            self._limits()

    def _patience_s(self) -> float:
        if any(pacer.waiting for pacer in self.talk.pacers.values()):
            return PACE_S
        wake_ms = self.talk.session.wake_ms
        return REST_S if wake_ms is None else min(REST_S, max(0.001, (wake_ms - self.now_ms()) / 1000))

    def _limits(self) -> None:
        now, limits = time.monotonic(), self.house.limits
        if now - self._start > limits.session_s:
            self._end(ApiError(400, "session_expired", f"a session lasts {limits.session_s:.0f} s at most"))
        elif now - self._last_frame > limits.idle_s:
            self._end(ApiError(400, "session_idle", f"the client sent nothing for {limits.idle_s:.0f} s"))

    def _end(self, error: ApiError) -> None:
        self._send(error_frame(error))
        self.talk.feed(ev.CloseAsked(self.now_ms(), at_once=True))

    async def _frame(self, line: str | None) -> None:
        """Carry out a client's frame; what is wrong with it becomes an error event."""
        self._last_frame, name = time.monotonic(), None
        try:
            if line is None:
                raise ApiError(400, "invalid_json", "frames are JSON text, not bytes")
            message = read(line)
            given = message.get("event_id")
            name = given[:512] if isinstance(given, str) else None
            if message["type"] == "input_audio_buffer.append":
                await self._hear(self.client.decoded(message))
            else:
                self.client.do(message, self.now_ms())
                await self._recordings()
        except RoundelayError as error:
            self._send(error_frame(as_api_error(error), name))
            self.house.metrics.count("roundelay_frame_errors_total", "Frames that could not be carried out.")

    async def _hear(self, sound: np.ndarray) -> None:
        for at in range(0, len(sound), PIECE):
            piece = sound[at : at + PIECE]
            late_ms = (self.talk.samples + len(piece)) * 1000 / ev.RATE_HZ - self.now_ms()
            self._ahead_ms += max(0.0, late_ms)
            self.talk.hear(piece, self.now_ms())
            if at + PIECE < len(sound):
                self.talk.tick(self.now_ms())
                await asyncio.sleep(0)

    async def _recordings(self) -> None:
        """Have recordings that came as items read, before anything else is done: what follows may ask about them."""
        while self.client.recordings:
            name, sound = self.client.recordings.pop(0)
            model = self.house.engine.model()
            words = await self.house.engine.call(lambda: model.transcribe(Audio.from_array(sound, ev.RATE_HZ)))  # noqa: B023
            self.client.heard(name, words, self.now_ms())
