"""`serve --wyoming HOST:PORT`: the TCP port of the Wyoming endpoint, and how many clients it takes."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import suppress

from roundelay.errors import BadInput
from roundelay.server.hosts import LOOPBACK
from roundelay.server.service import Service
from roundelay.server.wyoming.connection import Connection
from roundelay.server.wyoming.frames import HEADER_BYTES, Event, encode

FLAG, PORT = "--wyoming", 10300  # Wyoming's own port for speech
_ADDRESS = re.compile(r"(?:tcp://)?(\[[0-9A-Fa-f:.]+\]|[^\[\]:/]*)(?::(\d{1,5}))?/?")


def parse(given: str) -> tuple[str, int]:
    """(host, port) of HOST:PORT; HOST alone is at port 10300, :PORT on loopback. Raises `BadInput`."""
    found = _ADDRESS.fullmatch(given.strip())
    if found is None or not given.strip() or int(found[2] or 0) > 65535:
        raise BadInput(FLAG, given, f"give HOST:PORT, as in 127.0.0.1:{PORT}")
    return found[1].strip("[]") or "127.0.0.1", PORT if found[2] is None else int(found[2])


def bind(given: str, *, open: bool) -> socket.socket:
    """A bound socket. Raises `BadInput` for a port in use, and beyond loopback unless `open`: Wyoming has no keys."""
    host, port = parse(given)
    if host not in LOOPBACK and not open:
        do = "is beyond this machine, and Wyoming has no keys: give --open to let everybody in who reaches the port"
        raise BadInput(FLAG, given, do)
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        reason = getattr(error, "strerror", None) or error
        raise BadInput(FLAG, given, f"cannot be used ({reason}); choose another") from None
    return made


class Listener:
    """The endpoint of a service on a bound socket, from `start` to `stop`."""

    def __init__(self, service: Service, bound: socket.socket) -> None:
        self.service, self._bound = service, bound
        self._server: asyncio.Server | None = None
        self.connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take clients from now on."""
        self._server = await asyncio.start_server(self._one, sock=self._bound, limit=HEADER_BYTES)

    async def stop(self) -> None:
        """Take no more clients, and end those that are here."""
        if self._server is not None:
            self._server.close()
        for task in self.connections:
            task.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self.connections) >= self.service.limits.wyoming:
                text = "the server has all the Wyoming clients it takes"
                writer.write(encode(Event("error", {"text": text, "code": "too_many_connections"})))
                return
            self.connections.add(task)
            with suppress(asyncio.CancelledError):  # by `stop`; asyncio would write it to the log
                await Connection(self.service, reader, writer).run()
        finally:
            self.connections.discard(task)
            writer.close()
