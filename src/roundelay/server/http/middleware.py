"""The ASGI layer around every endpoint: access, limits of size and time, typed errors, headers, counters."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roundelay.errors import EngineError, MissingCapability, MissingPackage, RoundelayError
from roundelay.server.engine import RETRY_S
from roundelay.server.errors import ApiError
from roundelay.server.limits import Limits
from roundelay.server.service import Service, check

log = logging.getLogger("roundelay.server")
# How an engine may fail, other than by an exception or an invalid result, as an HTTP status and a code.
ENGINE_FAULTS = {"hang": (504, "engine_timeout"), "busy": (503, "server_busy"), "load": (503, "model_missing")}
# The page loads and sends nothing beyond its own origin; worklets and audio included.
POLICY = (
    "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def api_error(error: Exception) -> ApiError:
    """Any exception as an `ApiError`; an unexpected one is logged, and the client is told nothing of it."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, MissingPackage):
        return ApiError(503, "package_missing", str(error))
    if isinstance(error, EngineError):
        failed = "answering_model_failed" if error.role == "responder" else "engine_failed"
        status, code = ENGINE_FAULTS.get(error.fault, (502, failed))
        return ApiError(status, code, str(error))
    if isinstance(error, MissingCapability):
        return ApiError(400, "unsupported_parameter", str(error))
    if isinstance(error, RoundelayError):
        return ApiError(400, "invalid_value", str(error))
    log.error("an unexpected error", exc_info=error)
    return ApiError(500, "internal_error", "something broke in the server; its log says what")


def error_response(error: ApiError) -> JSONResponse:
    """The HTTP response of an error, with `retry-after` where a later try may succeed."""
    headers = {"retry-after": str(RETRY_S)} if error.status in (429, 503) else {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(error.body(), error.status, headers)


class ServiceMiddleware:
    """Wraps the app: checks access, limits bodies and waits, answers every exception with a typed error, counts."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check(HTTPConnection(scope))
        except ApiError as error:
            self._count("websocket", error.status)
            await receive()  # websocket.connect
            await error_response(error)(_as_http(scope), receive, _websocket_denial(send))
            return
        await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, answered = time.monotonic(), 0
        request_id = f"req_{uuid.uuid4().hex}"

        async def sending(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = message["status"]
                _dress(message, request_id, started)
            await send(message)

        try:
            connection = HTTPConnection(scope)
            check(connection)
            with self.service.place(connection):
                await self.app(scope, _Bounded(scope, receive, self.service.limits), sending)
        except Exception as error:
            if answered:  # too late for a typed error: the body is cut, so that the client sees it is incomplete
                api_error(error)
                return
            await error_response(api_error(error))(scope, receive, sending)
        finally:
            route, seconds = _route(scope), time.monotonic() - started
            self._count(route, answered or 499)
            self.service.metrics.observe(
                "roundelay_request_seconds", "From request to last byte.", seconds, route=route
            )

    def _count(self, route: str, status: int) -> None:
        self.service.metrics.count(
            "roundelay_requests_total", "Requests by route and status.", route=route, status=str(status)
        )


class _Bounded:
    """A request's `receive` with a limit of the body's size and of the time between two chunks."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        self._receive, self._wait, self._whole, self._seen = receive, limits.body_s, False, 0
        headers = dict(scope["headers"])
        json = b"multipart" not in headers.get(b"content-type", b"")
        self._most = limits.json_bytes if json else limits.body_bytes + (1 << 16)  # and the form's own lines
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            raise self._too_long()

    def _too_long(self) -> ApiError:
        return ApiError(413, "request_too_large", f"the body is longer than {self._most:,} bytes")

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()  # waits for the disconnect
        try:
            message = await asyncio.wait_for(self._receive(), self._wait)
        except TimeoutError:
            raise ApiError(408, "request_timeout", f"no more of the body came for {self._wait:.0f} s") from None
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            raise self._too_long()
        self._whole = not message.get("more_body", False)
        return message


def _route(scope: Scope) -> str:
    """The route's pattern; unknown paths share one name, so that the table of counters stays small."""
    route = scope.get("route")
    return str(getattr(route, "path", None) or "other")


def _dress(message: Message, request_id: str, started: float) -> None:
    headers = MutableHeaders(scope=message)
    headers["x-request-id"] = request_id
    headers["openai-processing-ms"] = str(round((time.monotonic() - started) * 1000))
    headers.setdefault("cache-control", "no-store")
    headers.setdefault("content-security-policy", POLICY)
    headers["x-content-type-options"] = "nosniff"
    headers["referrer-policy"] = "no-referrer"
    headers["cross-origin-resource-policy"] = "same-origin"


def _as_http(scope: Scope) -> Scope:
    return {**scope, "type": "http", "method": "GET"}


def _websocket_denial(send: Send) -> Send:
    """A `send` that answers the WebSocket handshake by an HTTP response, which tells the client the reason."""

    async def sending(message: Any) -> None:
        await send({**message, "type": message["type"].replace("http.", "websocket.http.")})

    return sending
