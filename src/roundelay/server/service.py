"""The state that all endpoints share: the engine, limits, keys, counters, and whether the server is stopping."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from roundelay.server.calculator import Calculator
from roundelay.server.engine import RETRY_S, Engines
from roundelay.server.errors import AUTH, ApiError
from roundelay.server.hosts import OWN, host_name, is_page_of, matches
from roundelay.server.limits import Limits, resident_bytes
from roundelay.server.metrics import Metrics
from roundelay.server.names import Names
from roundelay.voice.realtime.core.settings import Thresholds

SECRET_S = 600  # lifetime of a client secret: OpenAI's default
MAX_SECRETS = 1024  # unused secrets kept; the oldest is dropped first
REALTIME_PATHS = (
    "/v1/realtime",
    "/v1/realtime/calls",
)  # what a client secret opens, and below the second
OWN_PAGES = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")  # origins of pages of this machine
MAX_TRACES = 64  # conversations whose latencies can still be read


@dataclass(slots=True)
class Service:
    """One server's state. None of it is global, so that one process may run several servers."""

    engines: Engines
    limits: Limits = field(default_factory=Limits)
    keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = OWN  # accepted Host headers, names and patterns; () accepts any
    allowed: tuple[str, ...] = ()  # names and patterns of --allow-host, whose pages may call too
    origins: tuple[str, ...] = ()  # other origins whose pages may call
    proxies: tuple[str, ...] = ()  # addresses of proxies that tell whose requests they pass on
    names: Names = field(default_factory=Names)  # how names in requests are understood
    root_path: str = ""  # the prefix of a proxy, "/voice"
    create_worker: Callable[..., Any] | None = None  # of a conversation; None: voice.realtime.worker.Worker
    thresholds: Thresholds = field(default_factory=Thresholds)  # of conversations, unless a client sets its own
    calculator: Calculator = field(default_factory=Calculator)
    metrics: Metrics = field(default_factory=Metrics)
    started: float = field(default_factory=time.time)
    draining: bool = False
    answering: str = "embedded"  # or the address of the chat server that answers
    sessions: dict[str, Any] = field(default_factory=dict)
    clients: Counter[str] = field(default_factory=Counter)  # requests that run or wait, by address
    traces: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    _secrets: OrderedDict[str, tuple[float, Any]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        gauge = self.metrics.gauge
        gauge("roundelay_sessions", "Live conversations.", lambda: len(self.sessions))
        gauge("roundelay_busy", "Requests that run or wait for a worker.", lambda: self.engines.busy)
        gauge("roundelay_resident_bytes", "Memory held by the process.", resident_bytes)
        gauge("roundelay_cpu_seconds", "Processor time used by the process.", time.process_time)
        gauge("roundelay_ready", "1 when the model is loaded.", lambda: self.engines.state == "ready")

    def allows(self, key: str | None, path: str) -> bool:
        """Whether this key may use that path. Without configured keys all may; a client secret that has not expired
        may use the Realtime paths only.
        """
        if not self.keys:
            return True
        if key is None:
            return False
        given = key.encode()
        if sum(hmac.compare_digest(given, known.encode()) for known in self.keys):  # always all of them
            return True
        realtime = path == REALTIME_PATHS[0] or path.startswith(REALTIME_PATHS[1])
        return realtime and self._secrets.get(key, (0.0, None))[0] > time.time()

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of another origin may call: those that are configured, and this machine's own where the server
        answers to this machine's names alone."""
        named = origin in self.origins or is_page_of(origin, self.allowed)
        return named or (bool(self.hosts) and OWN_PAGES.fullmatch(origin) is not None)

    def new_secret(self, settings: Any, seconds: int = SECRET_S) -> tuple[str, int]:
        """A new client secret for sessions with these settings, and its expiry in seconds since 1970."""
        expires = int(time.time()) + seconds
        secret = f"ek_{secrets.token_urlsafe(24)}"
        self._secrets[secret] = (expires, settings)
        while len(self._secrets) > MAX_SECRETS:
            self._secrets.popitem(last=False)
        return secret, expires

    def settings_of(self, key: str | None) -> Any:
        """The settings of a client secret that has not expired; None for any other key."""
        expires, settings = self._secrets.get(key or "", (0.0, None))
        return settings if expires > time.time() else None

    def place(self, connection: HTTPConnection) -> AbstractContextManager[None]:
        """`place_of` the client's address for a request that works; nothing for another."""
        works = connection.scope["method"] == "POST" and connection.scope["path"].startswith("/v1/")
        return self.place_of(client_of(connection) if works else None)

    @contextmanager
    def place_of(self, client: str | None) -> Iterator[None]:
        """Count a request among those of an address of `client_of`. Raises `ApiError` 429 beyond its share."""
        if client is None:
            yield
            return
        share = self.limits.requests_per_client or max(1, self.limits.requests // 2)
        if self.clients[client] >= share:
            message = f"{share} requests of your address are being answered; try again in {RETRY_S} s"
            raise ApiError(429, "too_many_requests", message)
        self.clients[client] += 1
        try:
            yield
        finally:
            self.clients[client] -= 1
            if not self.clients[client]:
                del self.clients[client]

    def keep_trace(self, name: str, trace: Any) -> None:
        """Keep the latency trace of a conversation; drop the oldest beyond `MAX_TRACES`."""
        self.traces[name] = trace
        while len(self.traces) > MAX_TRACES:
            self.traces.popitem(last=False)


def service_of(connection: HTTPConnection) -> Service:
    """The service of the app that received this request."""
    return connection.app.state.service


def client_of(connection: HTTPConnection) -> str | None:
    """The address that a client's places are counted by: of IPv6 the network, /64; None for this machine's own.

    Behind a trusted proxy it is the one that the proxy forwards (`--trust-proxy`).
    """
    return client_at(connection.client.host if connection.client else "")


def client_at(host: str) -> str | None:
    """The same of an address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a test's client, or a socket file
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_loopback:
        return None
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def key_of(connection: HTTPConnection) -> str | None:
    """The key a client sent: a bearer token, or a WebSocket subprotocol, since browsers cannot set headers there."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    for protocol in connection.scope.get("subprotocols", ()):
        if protocol.startswith("openai-insecure-api-key."):
            return str(protocol.removeprefix("openai-insecure-api-key."))
    return None


def check(connection: HTTPConnection) -> None:
    """Raise `ApiError` for a foreign host or origin, a missing key, or a server that is stopping."""
    service = service_of(connection)
    host = connection.headers.get("host", "")
    name = host_name(host)
    if service.hosts and not matches(name, service.hosts):
        message = f"this server does not answer to {name[:60]}; allow it with --allow-host {name[:60]}"
        raise ApiError(403, "forbidden_host", message)
    origin = connection.headers.get("origin")
    if origin and origin.partition("://")[2].lower() != host.lower() and not service.allows_origin(origin):
        name = host_name(origin.partition("://")[2])[:60]
        own = f", or --allow-host {name} where that is this server behind a proxy" if name else ""
        message = f"a page of {origin[:60]} may not call this server; allow it with --allow-origin {origin[:60]}{own}"
        raise ApiError(403, "forbidden_origin", message)
    path = connection.scope["path"]  # not of the URL, which contains the Host header
    if (path.startswith("/v1/") or path == "/metrics") and not service.allows(key_of(connection), path):
        message = "give an API key of this server: Authorization: Bearer KEY"
        raise ApiError(401, "invalid_api_key", message, kind=AUTH)
    if service.draining and path.startswith("/v1/"):
        raise ApiError(503, "server_stopping", "the server is stopping; it takes no new work")
