"""Wrong addresses answered with the right ones: unknown paths, other methods, WebSockets elsewhere."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from difflib import get_close_matches
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, WebSocketRoute
from starlette.websockets import WebSocket

from roundelay.server.errors import ApiError
from roundelay.server.http.middleware import error_response

API = "/v1/"
# What clients of OpenAI may ask for and is not here, with what is.
ABSENT = {
    "/v1/audio/translations": "translation is not offered; POST /v1/audio/transcriptions transcribes",
    "/v1/responses": "the Responses interface is not offered; POST /v1/chat/completions answers",
    "/v1/completions": "POST /v1/chat/completions answers",
    "/v1/embeddings": "embeddings are not offered",
}
SHOWN, ALIKE, MAX_PATH = 3, 0.6, 200


async def http_error(request: Request, error: Exception) -> Response:
    """The typed response of an `HTTPException`; it names the addresses that exist, or the methods that are answered."""
    assert isinstance(error, HTTPException)
    if error.status_code not in (404, 405):
        response = error_response(ApiError(error.status_code, "http_error", error.detail))
        response.headers.update(error.headers or {})
        return response
    made, methods = wrong_address(request.app.routes, request.scope)
    response = error_response(made)
    if methods:
        response.headers["allow"] = ", ".join(methods)
    return response


def wrong_address(routes: Sequence[BaseRoute], scope: MutableMapping[str, Any]) -> tuple[ApiError, list[str]]:
    """The error of a path that is unknown (404), or known with other methods (405), and those methods."""
    path = shown(str(scope["path"]))
    known = [route for route in routes if isinstance(route, Route)]
    methods = sorted(set().union(*(_methods(route) for route in known if route.matches(scope)[0] is not Match.NONE)))
    if methods:
        is_socket = any(isinstance(route, WebSocketRoute) and route.path == path for route in routes)
        beside = ", or open it as a WebSocket" if is_socket else ""
        message = f"{scope['method']} is not answered at {path}: send {' or '.join(methods)}{beside}"
        return ApiError(405, "method_not_allowed", message), methods
    if why := ABSENT.get(path.rstrip("/")):
        return ApiError(404, "not_found", f"there is nothing at {path}: {why}"), []
    able: dict[str, set[str]] = {}
    for route in known:
        able.setdefault(route.path, set()).update(_methods(route))
    table = {each: " or ".join(sorted(methods)) for each, methods in able.items()}
    listed = [each for each in table if each.startswith(API) and not each.startswith("/v1/x/") and "{" not in each]
    near = get_close_matches(path.rstrip("/"), table, n=SHOWN, cutoff=ALIKE)
    names = ", ".join(f"{table[each]} {each}" for each in near or listed)
    return ApiError(404, "not_found", f"there is nothing at {path}; {'nearest' if near else 'there'} are: {names}"), []


def _methods(route: Route) -> set[str]:
    return set(route.methods or ()) - {"HEAD"}


def shown(path: str) -> str:
    """A path as it may stand in a message: printable and not long."""
    return "".join(each if each.isprintable() else "?" for each in path[:MAX_PATH])


async def no_socket(socket: WebSocket) -> None:
    """Refuse a WebSocket at any other address, and say which is right."""
    path = shown(str(socket.scope["path"]))
    message = f"there is no WebSocket at {path}: conversations are at /v1/realtime"
    await socket.send_denial_response(error_response(ApiError(404, "not_found", message)))
