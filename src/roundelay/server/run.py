"""Running the app: on loopback by default, with a graceful stop that lets replies finish."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from roundelay.console import note
from roundelay.errors import BadInput, MissingPackage
from roundelay.server.limits import Limits

try:
    import uvicorn

    from roundelay.server import hosts
    from roundelay.server.app import build
    from roundelay.server.engine import Engines
    from roundelay.server.hosts import LOOPBACK
    from roundelay.server.http import root_path
    from roundelay.server.http.socket_limits import limited_protocol
    from roundelay.server.service import Service
    from roundelay.server.tls import Tls
    from roundelay.server.wyoming import listener
except ImportError as error:
    raise MissingPackage(error.name or "uvicorn", "serve") from None

KEYS_VARIABLE = "ROUNDELAY_API_KEYS"  # comma-separated; not a flag, because other users can read a command line
POLL_S = 0.05  # between two checks of a stopping server whether all work is done


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and which hosts and origins to accept. `hosts` are values of --allow-host, `tls` is for https,
    `root_path` the prefix of a proxy, `wyoming` the HOST:PORT of that endpoint."""

    host: str = "127.0.0.1"
    port: int = 8000
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()
    open: bool = False
    proxies: Sequence[str] = ()  # whose X-Forwarded-For is believed, beside this machine's own
    tls: Tls | None = None
    root_path: str = ""
    wyoming: str | None = None


def api_keys() -> tuple[str, ...]:
    """The API keys in the environment; () if none are set."""
    return tuple(key.strip() for key in os.environ.get(KEYS_VARIABLE, "").split(",") if key.strip())


def listen(address: Address, keys: Sequence[str]) -> socket.socket:
    """A bound socket. Raises `BadInput` for a port in use, and beyond loopback without a key."""
    if address.host not in LOOPBACK and not keys and not address.open:
        raise BadInput(
            "--host",
            address.host,
            f"is beyond this machine: set {KEYS_VARIABLE}, or give --open to need none",
        )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address.host, address.port))
        made.listen(128)  # clients that connect from here on wait instead of being refused
    except (OSError, OverflowError) as error:
        made.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInput(
            "--port", f"{address.host}:{address.port}", f"cannot be used ({reason}); choose another"
        ) from None
    return made


def names_of(address: Address) -> tuple[str, ...]:
    """The accepted values of the Host header: this machine's names on loopback (another name there is an attack by DNS
    rebinding), () for any elsewhere."""
    if address.host not in LOOPBACK:
        return ()
    return (*hosts.OWN, *map(hosts.parse, address.hosts))


def _no_refusal(record: logging.LogRecord) -> bool:
    """Whether a log line is not about a handshake refused in order, which uvicorn 0.54 takes for an error."""
    return record.msg != "ASGI callable returned without completing handshake."


class Runner(uvicorn.Server):
    """uvicorn with a graceful stop: the first signal refuses new work and lets replies finish, the second ends all."""

    def __init__(self, service: Service, tls: Tls | None = None, wyoming: socket.socket | None = None) -> None:
        limits = service.limits
        logging.getLogger("uvicorn.error").addFilter(_no_refusal)
        super().__init__(
            uvicorn.Config(
                build(service), http=limited_protocol(limits), ws="websockets-sansio", loop="asyncio",
                log_level="warning", access_log=False, server_header=False, timeout_keep_alive=20,
                timeout_graceful_shutdown=5,
                ws_max_size=limits.frame_bytes, ws_ping_interval=limits.ping_s, ws_ping_timeout=limits.ping_s,
                ws_per_message_deflate=False, forwarded_allow_ips=[*LOOPBACK, *service.proxies],
                ssl_certfile=tls.cert if tls else None, ssl_keyfile=tls.key if tls else None,
            )
        )  # fmt: skip
        self.service = service
        self.wyoming = listener.Listener(service, wyoming) if wyoming else None
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unread: dict[Any, tuple[int, float]] = {}

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and remember the event loop that a signal must wake."""
        self._loop = loop = asyncio.get_running_loop()
        if self.config.is_ssl:  # or a client without a handshake would stay a minute, counted nowhere
            made = partial(loop.create_server, ssl_handshake_timeout=self.service.limits.header_s)
            loop.create_server = made  # type: ignore[method-assign]
        try:
            await super().startup(sockets)
        finally:
            if self.config.is_ssl:
                del loop.create_server
        if self.wyoming is not None:
            await self.wyoming.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop every endpoint."""
        if self.wyoming is not None:
            await self.wyoming.stop()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Once a second, abort connections whose client has read nothing for `write_s`."""
        if counter % 10 == 0:
            now, seen = time.monotonic(), {}
            for connection in list(self.server_state.connections):
                waiting = _unread_bytes(connection.transport)
                before, since = self._unread.get(connection, (0, now))
                if waiting and waiting == before and now - since > self.service.limits.write_s:
                    connection.transport.abort()
                elif waiting:
                    seen[connection] = (waiting, since if waiting == before else now)
            self._unread = seen
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first signal, exit at the second. May run in any thread."""
        if self.service.draining or self._loop is None:
            self.should_exit, self.config.timeout_graceful_shutdown = True, 0
        else:
            self.service.draining = True
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._draining = asyncio.ensure_future(self.drain())

    async def drain(self) -> None:
        """Ask every conversation to end after the current reply, wait for them and for running work, then exit."""
        for session in list(self.service.sessions.values()):
            session.ask_close()
        until = time.monotonic() + self.service.limits.drain_s
        while time.monotonic() < until and (self.service.sessions or self.service.engines.busy):
            await asyncio.sleep(POLL_S)
        self.should_exit = True


def _unread_bytes(transport: Any) -> int:
    """What a client has not read yet; 0 of a TLS transport that was closed twice, which asyncio has cut off (3.11)."""
    try:
        return int(transport.get_write_buffer_size())
    except AttributeError:
        return 0


def serve(address: Address, service: Service) -> None:
    """Serve until a signal stops it."""
    made = listen(address, service.keys)
    wyoming = listener.bind(address.wyoming, open=address.open) if address.wyoming is not None else None
    host, port = made.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    if wyoming is not None:
        note(f"Wyoming at tcp://{wyoming.getsockname()[0]}:{wyoming.getsockname()[1]}")
    scheme = "https" if address.tls else "http"
    note(f"talk to it at {scheme}://{shown}:{port}{service.root_path}/ (Ctrl-C to stop)")
    Runner(service, address.tls, wyoming).run(sockets=[made])


def create_service(limits: Limits, address: Address, engines: Engines, answering: str) -> Service:
    """The service with these settings and the API keys of the environment."""
    return Service(
        engines=engines, limits=limits, keys=api_keys(), hosts=names_of(address), origins=tuple(address.origins),
        allowed=tuple(map(hosts.parse, address.hosts)), root_path=root_path.parse(address.root_path),
        answering=answering, proxies=tuple(address.proxies),
    )  # fmt: skip
