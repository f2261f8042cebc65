"""`WS /v1/realtime`: a conversation over a WebSocket."""

from __future__ import annotations

from dataclasses import replace

from starlette.websockets import WebSocket, WebSocketDisconnect

from roundelay.server.errors import ApiError, unsupported
from roundelay.server.http.middleware import error_response
from roundelay.server.realtime import beta
from roundelay.server.realtime.connection import Connection, Gone, admit
from roundelay.server.realtime.settings import Settings
from roundelay.server.service import client_of, key_of, service_of

PROTOCOLS = ("realtime", beta.PROTOCOL)  # what a browser may offer beside its key; it wants one of its offers accepted


async def realtime(socket: WebSocket) -> None:
    """Run one conversation from handshake to close. A refusal is an HTTP response with a typed error."""
    service = service_of(socket)
    try:
        query = socket.query_params
        if query.get("call_id") is not None:
            raise unsupported("call_id", "a call is controlled by its own data channel, not by a second connection")
        settings: Settings = service.settings_of(key_of(socket)) or Settings()
        ignored: list[str] = []
        model = service.names.model(query.get("model") or settings.model, ignored)
        await service.engines.loaded(model)
        client = client_of(socket)
        admit(service, model, client)
    except ApiError as error:
        await socket.send_denial_response(error_response(error))
        return
    if query.get("intent") == "transcription":
        settings = replace(settings, kind="transcription")
    settings = replace(
        settings.heard(), model=model, voices=service.engines.voices(model), names=service.names,
        ignored=(*settings.ignored, *(f"session.{each}" for each in ignored)),
        beta=settings.beta or beta.is_spoken_by(socket),
    )  # fmt: skip
    connection = Connection(WebSocketTransport(socket), service, settings, client)
    connection.enter()  # before anything is waited for, so that no one else is given the place
    try:
        offered = socket.scope["subprotocols"]
        await socket.accept(next((each for each in PROTOCOLS if each in offered), None))
    except BaseException:
        connection.leave()
        raise
    await connection.run()


class WebSocketTransport:
    """A WebSocket as the transport of a conversation."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | None:
        """The next text frame; None for bytes. Raises `Gone`."""
        try:
            message = await self._socket.receive()
        except (RuntimeError, WebSocketDisconnect):
            raise Gone from None
        if message["type"] == "websocket.disconnect":
            raise Gone
        text: str | None = message.get("text")
        return text

    async def send(self, line: str) -> None:
        """Send a frame. Raises `Gone`."""
        try:
            await self._socket.send_text(line)
        except (RuntimeError, WebSocketDisconnect):
            raise Gone from None

    async def close(self, code: int, reason: str | None) -> None:
        """Close with a code and a reason. Raises `Gone`."""
        try:
            await self._socket.close(code, reason)
        except (RuntimeError, WebSocketDisconnect):
            raise Gone from None
