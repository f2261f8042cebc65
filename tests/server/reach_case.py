"""A certificate and a reverse proxy to reach a server by. The standard library and openssl are all they need."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


def openssl(*words: object) -> None:
    """Run openssl; the test is skipped where there is none."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


def certificate(folder: Path, name: str = "tls") -> tuple[Path, Path]:
    """(certificate, key) for localhost and 127.0.0.1, signed by itself."""
    cert, key = folder / f"{name}-cert.pem", folder / f"{name}-key.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-keyout", key, "-out", cert,
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")  # fmt: skip
    return cert, key


@dataclass(frozen=True)
class Proxy:
    """How a reverse proxy hands requests on."""

    upstream: int  # the server's port
    prefix: str = ""  # another address is answered with 404
    strips: bool = True  # takes the prefix off
    keeps_host: bool = True
    tls: tuple[Path, Path] | None = None

    def rewritten(self, head: bytes) -> bytes | None:
        """The head of a request as it is handed on; None for an address outside the prefix."""
        if not re.match(rb"\w+ %s[/ ?]" % self.prefix.encode(), head):
            return None
        if self.prefix and self.strips:
            head = re.sub(rb"^(\w+) %s" % self.prefix.encode(), rb"\1 ", head, count=1)
            head = re.sub(rb"^(\w+) (?!/)", rb"\1 /", head, count=1)
        if not self.keeps_host:
            head = re.sub(rb"(?im)^host:[^\r]*", b"Host: 127.0.0.1:%d" % self.upstream, head, count=1)
        if b"upgrade: websocket" not in head.lower():
            head = re.sub(rb"(?im)^connection:[^\r]*\r\n", b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        return head


@contextmanager
def proxy(how: Proxy) -> Iterator[int]:
    """Run it on a free port of loopback, in threads; yields the port."""
    listening = socket.create_server(("127.0.0.1", 0))
    context = None
    if how.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*how.tls)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=one, args=(client,), daemon=True).start()

    def one(client: socket.socket) -> None:
        with suppress(OSError):
            client = context.wrap_socket(client, server_side=True) if context else client
            head = b""
            while b"\r\n\r\n" not in head:
                if not (data := client.recv(65536)):
                    return client.close()
                head += data
            sent = how.rewritten(head)
            if sent is None:
                client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return client.close()
            server = socket.create_connection(("127.0.0.1", how.upstream))
            server.sendall(sent)
            if b"upgrade: websocket" in sent.lower():
                threading.Thread(target=pipe, args=(client, server), daemon=True).start()
            else:  # one request a connection: its body, and no more
                length = re.search(rb"(?im)^content-length: *(\d+)", sent)
                left = int(length[1]) if length else 0
                left -= len(sent.partition(b"\r\n\r\n")[2])
                while left > 0 and (data := client.recv(min(left, 65536))):
                    server.sendall(data)
                    left -= len(data)
            pipe(server, client)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def pipe(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until one side closes, then close both."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
