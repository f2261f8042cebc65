"""The ASGI app: every route in one table, inside the middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from roundelay.server import openapi
from roundelay.server.errors import ApiError
from roundelay.server.http import chat, fabric, listing, speech, transcriptions
from roundelay.server.http.middleware import ServiceMiddleware, error_response
from roundelay.server.realtime import calls
from roundelay.server.realtime.websocket import realtime
from roundelay.server.service import Service

Endpoint = Callable[[Request], Any]


def routes() -> list[BaseRoute]:
    """The routes: HTTP, WebSocket, and the page."""
    table: list[tuple[str, str, Endpoint]] = [
        ("POST", "/v1/audio/speech", speech.speech),
        ("POST", "/v1/audio/transcriptions", transcriptions.transcriptions),
        ("POST", "/v1/chat/completions", chat.completions),
        ("GET", "/v1/models", listing.models),
        ("GET", "/v1/models/{model}", listing.model),
        ("GET", "/v1/audio/voices", listing.voices),
        ("POST", "/v1/audio/voices", listing.no_new_voices),
        ("DELETE", "/v1/audio/voices/{voice}", listing.no_new_voices),
        ("POST", "/v1/realtime/calls", calls.calls),
        ("POST", "/v1/realtime/calls/{id}/hangup", calls.hang_up),
        ("POST", "/v1/realtime/client_secrets", calls.client_secret),
        ("GET", "/v1/x/controls", listing.controls),
        ("GET", "/v1/x/live", listing.live_metrics),
        ("GET", "/v1/x/sessions", listing.traces),
        ("GET", "/v1/x/sessions/{id}", listing.trace),
        ("GET", "/v1/x/fabric", fabric.waste),
        ("GET", "/fabric/report", fabric.report),
        ("GET", "/health", listing.health),
        ("GET", "/ready", listing.ready),
        ("GET", "/metrics", listing.metrics),
        ("GET", "/openapi.json", openapi.openapi),
    ]
    page = StaticFiles(directory=str(files("roundelay.server").joinpath("page")), html=True)
    http = (Route(path, call, methods=[method]) for method, path, call in table)
    return [*http, WebSocketRoute("/v1/realtime", realtime), Mount("/", page, name="page")]


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed"}
    words = {404: "there is nothing at this address", 405: f"{request.method} is not answered at this address"}
    status = error.status_code
    response = error_response(
        ApiError(status, codes.get(status, "http_error"), words.get(status, error.detail), param=None)
    )
    response.headers.update(error.headers or {})
    return response


def build(service: Service) -> Starlette:
    """The ASGI app of a service; it starts to load the model when it starts itself."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service.engines.start()
        yield
        service.engines.stop()

    middleware = [Middleware(ServiceMiddleware, service=service)]
    if service.origins:  # web pages of other origins: a browser sends a preflight request first
        cors = Middleware(CORSMiddleware, allow_origins=list(service.origins), allow_methods=["*"], allow_headers=["*"])
        middleware.insert(0, cors)
    app = Starlette(
        routes=routes(),
        middleware=middleware,
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.service = service
    return app
