"""Limits of sockets that uvicorn lacks: how many may be open, and how long a request head may take."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from roundelay.server.engine import RETRY_S
from roundelay.server.errors import ApiError
from roundelay.server.limits import Limits

SPARE = 16  # sockets beyond the limit, on which only `HEALTH` is answered
HEALTH = "/health"
_FULL = ApiError(503, "too_many_connections", "the server has all the connections it takes")


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 protocol with these limits."""

    class LimitedProtocol(H11Protocol):
        _timer: asyncio.TimerHandle | None = None
        _full = False  # there are as many sockets as may be

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections + SPARE:
                transport.write(_refusal())
                transport.close()
                return
            if len(self.connections) > limits.connections:
                self._full, self.app = True, _health_alone(self.app)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._stop()

        def handle_websocket_upgrade(self, event: Any) -> None:
            self._stop()
            if self._full:
                self.transport.write(_refusal())
                self.transport.close()
                return
            super().handle_websocket_upgrade(event)
            self.data_received = lambda data: None  # type: ignore[method-assign]  # the socket has another protocol now

        def _watch(self) -> None:
            """Close the socket unless a complete head comes in time after connecting or a request's first byte."""
            upgraded = self not in self.connections
            if upgraded or self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
                self._stop()
            elif self._timer is None:
                self._timer = self.loop.call_later(limits.header_s, self.transport.close)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return cast("type[asyncio.Protocol]", LimitedProtocol)


def _health_alone(app: Any) -> Any:
    """The app for a socket beyond the limit: whether the server lives is answered, all else refused, then it closes."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        if scope["path"].endswith(HEALTH):  # a prefix may stand before it
            await app(scope, receive, sending)
            return
        await JSONResponse(_FULL.body(), _FULL.status, {"retry-after": str(RETRY_S)})(scope, receive, sending)

    return limited


def _refusal() -> bytes:
    body = json.dumps(_FULL.body())
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"retry-after: {RETRY_S}\r\n"
    )
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()
