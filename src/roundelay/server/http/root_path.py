"""`--root-path`: the server behind a prefix of a proxy, whether the proxy strips the prefix or not (ours)."""

from __future__ import annotations

import re
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from roundelay.errors import BadInput
from roundelay.server.http.middleware import POLICY

_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
OWN = ("v1", "fabric", "health", "ready", "metrics", "openapi.json")  # first parts of the server's own addresses


def parse(given: str) -> str:
    """The prefix in a value of `--root-path`: "/voice", without a slash at its end; "" for "/". Raises `BadInput`."""
    path = "/" + given.strip().strip("/")
    if path == "/":
        return ""
    if not _PREFIX.fullmatch(path):
        raise BadInput("--root-path", given, "give the path alone, as in /voice")
    if path.split("/")[1] in OWN:
        raise BadInput("--root-path", given, f"begins with an address of the server itself ({', '.join(OWN)})")
    return path


class RootPathMiddleware:
    """Takes the prefix off a path that has it, so that the app is the same with and without."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path == self.prefix and scope["type"] == "http":
            query = scope.get("query_string", b"").decode("latin-1")
            await RedirectResponse(f"{self.prefix}/{'?' * bool(query)}{query}")(scope, receive, send)
            return
        if path.startswith(f"{self.prefix}/"):
            scope = {**scope, "path": path[len(self.prefix) :], "raw_path": None}
        elif not path:  # what a proxy leaves of "/voice"
            scope = {**scope, "path": "/"}
        await self.app(scope, receive, send)


def page(prefix: str) -> Route:
    """The route of the page with the prefix as its base, for proxies that strip "/voice" to "/"."""
    text = files("roundelay.server").joinpath("page", "index.html").read_text(encoding="utf-8")
    based = text.replace("<head>", f'<head>\n<base href="{prefix}/">', 1)
    headers = {"content-security-policy": POLICY.replace("base-uri 'none'", "base-uri 'self'")}

    async def index(request: Request) -> Response:
        return HTMLResponse(based, headers=headers)

    return Route("/", index, methods=["GET"])
