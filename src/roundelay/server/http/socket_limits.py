"""Limits of sockets that uvicorn lacks: how many may be open, and how long a request head may take."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from roundelay.server.errors import ApiError
from roundelay.server.limits import Limits


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 protocol with these limits."""

    class LimitedProtocol(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.write(_refusal())
                transport.close()
                return
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._stop()

        def handle_websocket_upgrade(self, event: Any) -> None:
            self._stop()
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


def _refusal() -> bytes:
    body = json.dumps(ApiError(503, "too_many_connections", "the server has all the connections it takes").body())
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\nretry-after: 2\r\n"
    )
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()
