"""A server with OpenAI's interface, asked over HTTP: its address, its key from the environment, its faults (ours)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener
from urllib.request import Request as HttpRequest

from roundelay.errors import BadInput, EngineError
from roundelay.voice.engines.chat_stream import BrokenOffError

LOCAL = ("localhost", "127.0.0.1", "::1")


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class OpenAIServer:
    """A path below an address `http(s)://…/v1`. `key_variable` names the environment variable that holds the key: a key
    on a command line is seen by every process. Threads may share it.
    """

    url: str
    shown: str  # the address without a password
    key_variable: str
    wait_s: float
    local: bool

    @classmethod
    def at(cls, address: str, path: str, flag: str, key_variable: str, wait_s: float) -> OpenAIServer:
        """The server of an address, with or without the path. Raises `BadInput` for what is no address."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(flag, address, "give http://host:port/v1 of an OpenAI-compatible server")
        base = address.rstrip("/")
        url = base if base.endswith(path) else f"{base}{path}"
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return cls(url, shown, key_variable, wait_s, parts.hostname in LOCAL)

    def post(self, body: bytes, content_type: str) -> Any:
        """The open response to a body. Raises what urllib does; `one_error` makes one line of it."""
        headers = {"content-type": content_type}
        if key := os.environ.get(self.key_variable):
            headers["authorization"] = f"Bearer {key}"
        opener = build_opener(_NoRedirect, *([ProxyHandler({})] if self.local else []))
        return opener.open(HttpRequest(self.url, body, headers, method="POST"), timeout=self.wait_s)

    @contextmanager
    def one_error(self, engine: str, role: str, wanted: str) -> Iterator[None]:
        """Have whatever goes wrong be one `EngineError`; `wanted` is what the server should have given."""

        def failed(how: str) -> EngineError:
            return EngineError(engine, role, f"at {self.shown} {how}")

        try:
            yield
        except HTTPError as error:
            raise failed(f"answered {error.code}") from None
        except (BrokenOffError, HTTPException, ConnectionError):
            raise failed("broke off in the middle of its answer") from None
        except (URLError, OSError) as error:
            raise failed(f"cannot be reached ({getattr(error, 'reason', error)})") from None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise failed(f"gave no {wanted}") from None
