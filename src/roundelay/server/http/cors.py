"""Web pages of other origins: a browser asks first (preflight), and shows them the answers only where they may."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from roundelay.server.http.requests import IGNORED
from roundelay.server.service import Service

EXPOSED = (IGNORED, "x-request-id", "openai-processing-ms", "location", "retry-after")  # headers that a page may read


class Cors(CORSMiddleware):
    """Answers the preflight of origins that may call; others go on, to be refused with the flag that allows them."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        super().__init__(
            app, allow_methods=["*"], allow_headers=["*"], allow_private_network=True, expose_headers=EXPOSED
        )
        self._service = service

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether the pages of an origin may call."""
        return self._service.allows_origin(origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is no request of an allowed page."""
        if scope["type"] == "http":
            origin = Headers(scope=scope).get("origin")
            if origin is not None and self.is_allowed_origin(origin):
                await super().__call__(scope, receive, send)
                return
        await self.app(scope, receive, send)
