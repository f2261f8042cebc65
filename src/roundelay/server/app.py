"""The ASGI app: every route in one table, inside the middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from roundelay.server import openapi
from roundelay.server.http import chat, fabric, listing, speech, transcriptions
from roundelay.server.http.addresses import http_error, no_socket
from roundelay.server.http.cors import Cors
from roundelay.server.http.middleware import ServiceMiddleware
from roundelay.server.http.root_path import RootPathMiddleware, page
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
        ("GET", "/v1/models/{model:path}", listing.model),
        ("GET", "/v1/audio/voices", listing.voices),
        ("POST", "/v1/audio/voices", listing.no_new_voices),
        ("DELETE", "/v1/audio/voices/{voice}", listing.no_new_voices),
        ("POST", "/v1/realtime/calls", calls.calls),
        ("POST", "/v1/realtime/calls/{id}/hangup", calls.hang_up),
        ("POST", "/v1/realtime/client_secrets", calls.client_secret),
        ("POST", "/v1/realtime", calls.calls),  # the three addresses of the beta
        ("POST", "/v1/realtime/sessions", calls.beta_session),
        ("POST", "/v1/realtime/transcription_sessions", calls.beta_session),
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
    static = StaticFiles(directory=str(files("roundelay.server").joinpath("page")), html=True)
    http = (Route(path, call, methods=[method]) for method, path, call in table)
    return [
        *http,
        WebSocketRoute("/v1/realtime", realtime),
        WebSocketRoute("/{path:path}", no_socket),
        Mount("/", static, name="page"),
    ]


def build(service: Service) -> Starlette:
    """The ASGI app of a service; it starts to load the model when it starts itself."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service.engines.start()
        yield
        service.engines.stop()

    middleware = [Middleware(Cors, service=service), Middleware(ServiceMiddleware, service=service)]
    prefix = service.root_path
    if prefix:
        middleware.insert(0, Middleware(RootPathMiddleware, prefix=prefix))
    app = Starlette(
        routes=[page(prefix), *routes()] if prefix else routes(),
        middleware=middleware,
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )
    app.state.service = service
    return app
