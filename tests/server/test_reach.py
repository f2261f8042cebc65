"""How a server is reached: by a prefix of a proxy, by https, by other names."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reach_case import Proxy, certificate, openssl, proxy
from server_case import running
from test_http import ask, is_error
from test_middleware import until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from roundelay.errors import BadInput
from roundelay.server import hosts, tls
from roundelay.server.http import root_path
from roundelay.server.limits import Limits
from roundelay.server.tls import Tls

PREFIX = "/voice"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


def get(url: str, **headers: str) -> tuple[int, Any, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.status, answer, answer.read()


def said(url: str, **more: Any) -> str:
    """The type of a conversation's first event."""
    with connect(url, proxy=None, **more) as talk:
        return str(json.loads(talk.recv(timeout=10))["type"])


@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize("keeps_host", [True, False])
def test_everything_is_behind_the_prefix(strips: bool, keeps_host: bool) -> None:
    with (
        running(root_path=PREFIX, allowed=() if keeps_host else ("localhost",)) as server,
        proxy(Proxy(server.port, PREFIX, strips, keeps_host)) as port,
    ):
        base = f"http://localhost:{port}{PREFIX}"
        origin = {"Origin": f"http://localhost:{port}"}
        status, headers, page = get(f"{base}/")
        assert status == 200 and b'<base href="/voice/">' in page
        assert "base-uri 'self'" in headers.headers["content-security-policy"]
        assert get(base)[2] == page, "without the last slash"
        assert get(f"{base}/app.js")[0] == get(f"{base}/v1/models", **origin)[0] == get(f"{base}/health")[0] == 200
        assert json.loads(get(f"{base}/openapi.json")[2])["servers"] == [{"url": PREFIX}]
        assert said(f"{base}/v1/realtime".replace("http", "ws"), additional_headers=origin) == "session.created"
        is_error(ask(server, "/v1/nothing"), 404, "not_found")
        assert ask(server, "/v1/models")[0] == ask(server, f"{PREFIX}/v1/models")[0] == 200


def test_keys_hold_behind_the_prefix_too() -> None:
    with running(root_path=PREFIX, keys=("secret",)) as server:
        for path in ("/v1/models", f"{PREFIX}/v1/models", f"{PREFIX}/metrics", f"{PREFIX}{PREFIX}/v1/models"):
            assert ask(server, path)[0] in (401, 404), path
        assert ask(server, f"{PREFIX}/v1/models")[0] == 401
        with pytest.raises(InvalidStatus) as error:
            said(f"ws://127.0.0.1:{server.port}{PREFIX}/v1/realtime")
        assert error.value.response.status_code == 401


def test_a_prefix_is_a_path() -> None:
    for given, means in (("/voice", "/voice"), ("voice/", "/voice"), ("/", ""), ("", ""), ("/a/b-c", "/a/b-c")):
        assert root_path.parse(given) == means
    for wrong in ("https://x/voice", "/voice?x", "/../etc", "/a//b", "/v1", "/v1/x", "/health", '/"><script>', "/ä"):
        with pytest.raises(BadInput, match="--root-path"):
            root_path.parse(wrong)


def test_a_server_of_https(files: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(cafile=str(files[0]))
    with running(limits=replace(Limits(), header_s=0.5), tls=Tls(*files)) as server:
        with urllib.request.urlopen(f"https://localhost:{server.port}/health", timeout=20, context=context) as answer:
            assert answer.status == 200
        assert said(f"wss://localhost:{server.port}/v1/realtime", ssl=context) == "session.created"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as mute:
            assert mute.recv(100) == b"", "a client that never shakes hands is let go"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert b"HTTP/1.1" not in plain.recv(1000)
        with urllib.request.urlopen(f"https://localhost:{server.port}/", timeout=20, context=context) as answer:
            assert b"Roundelay" in answer.read()
        assert until(lambda: not server.service.sessions)


UPGRADE = (
    b"GET /v1/realtime HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE = b"\x88\x80\0\0\0\0"  # a WebSocket's close frame


def test_no_end_of_a_connection_ends_a_server_of_https(files: tuple[Path, Path]) -> None:
    """asyncio's TLS transport cannot be asked any more once it is closed twice; the server asks it each second."""
    context = ssl.create_default_context(cafile=str(files[0]))
    heads = (UPGRADE, b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    with running(tls=Tls(*files)) as server:
        kept = []
        for head, then in (
            (heads[0], CLOSE),
            (heads[0], b""),
            (heads[1], heads[1]),
            (heads[1], b"\0\0"),
            (b"\0\0", b""),
        ):
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            client = context.wrap_socket(plain, server_hostname="localhost")
            client.sendall(head)
            client.recv(65536)
            with contextlib.suppress(OSError):
                client.sendall(then)
            kept.append(client)
        time.sleep(2.5)
        for client in kept:
            client.close()
        time.sleep(1.5)
        assert server.thread.is_alive()
        with urllib.request.urlopen(f"https://localhost:{server.port}/health", timeout=20, context=context) as answer:
            assert answer.status == 200


def test_what_is_wrong_with_a_certificate_is_one_line(files: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = files
    other = certificate(tmp_path, "other")[1]
    locked, der, both, torn = (tmp_path / name for name in ("locked.pem", "cert.der", "both.pem", "torn.pem"))
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked)
    openssl("x509", "-in", cert, "-outform", "der", "-out", der)
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    torn.write_text(cert.read_text()[:600] + "\n-----END CERTIFICATE-----\n")
    (tmp_path / "empty.pem").touch()
    for given, words in (
        ((cert, None), "--tls-cert .* give --tls-key too"),
        ((None, key), "--tls-key .* give --tls-cert too"),
        ((tmp_path / "none.pem", key), "--tls-cert .*No such file"),
        ((cert, tmp_path), "--tls-key .*directory"),
        ((tmp_path / "empty.pem", key), "--tls-cert .* is no certificate in PEM"),
        ((der, key), "--tls-cert .* is DER, not PEM"),
        ((cert, cert), "--tls-key .* holds no private key"),
        ((key, key), "--tls-cert .* it is the key"),
        ((cert, other), "--tls-key .* does not belong to the certificate"),
        ((cert, locked), "--tls-key .* is encrypted"),
        ((torn, key), "--tls-cert .* cannot be used"),
    ):
        with pytest.raises(BadInput, match=words) as error:
            tls.check(*given)
        assert "\n" not in str(error.value)
    assert tls.check(None, None) is None
    assert tls.check(both, None) == Tls(both, both) and tls.check(cert, key) == Tls(cert, key)


def test_the_flags_are_checked_before_anything_is_loaded(roundelay: Any, tmp_path: Path) -> None:
    for words in (
        ("--tls-key", tmp_path / "none.pem"), ("--tls-cert", tmp_path / "none.pem"), ("--root-path", "/v1"),
        ("--allow-host", "a b"), ("--allow-host", "http://"),
    ):  # fmt: skip
        outcome = roundelay("serve", "--port", "0", *words)
        assert outcome.code == 2 and outcome.err.startswith(f"error: {words[0]}") and outcome.err.count("\n") == 1


def test_a_name_is_read_as_it_is_given() -> None:
    for given, means in (
        ("Voice.Example.org", "voice.example.org"), ("voice.example.org:8443", "voice.example.org"),
        ("https://voice.example.org:8443/", "voice.example.org"), ("host.docker.internal", "host.docker.internal"),
        ("*.local", "*.local"), ("192.168.1.20", "192.168.1.20"), ("::1", "[::1]"), ("[fe80::1]:80", "[fe80::1]"),
        ("my_service", "my_service"), ("*", "*"),
    ):  # fmt: skip
        assert hosts.parse(given) == means
    for wrong in ("", "a b", "*.*", "a/b", "http://", "x*y", "*local", "a\r\nb: c"):
        with pytest.raises(BadInput, match="--allow-host"):
            hosts.parse(wrong)


@pytest.mark.parametrize(("allowed", "name", "fine"), [
    ("host.docker.internal", "host.docker.internal:8000", True), ("*.local", "talk.local", True),
    ("*.local", "a.b.local:1", True), ("*.local", "local", False), ("*.local", "evillocal", False),
    ("voice.example.org", "voice.example.org.evil.example", False), ("voice.example.org", "evil.example", False),
    ("*.example.org", "example.org.evil", False), ("*", "evil.example", True),
])  # fmt: skip
def test_one_flag_opens_a_name_and_its_pages(allowed: str, name: str, fine: bool) -> None:
    with running(hosts=(*hosts.OWN, allowed), allowed=(allowed,)) as server:
        status = ask(server, "/v1/models", headers={"host": name})[0]
        assert (status == 200) == fine
        for scheme in ("http", "https"):
            page = {"origin": f"{scheme}://{name}"}
            status, headers, _ = ask(server, "/v1/models", headers=page)
            assert (status == 200) == fine and (headers.get("access-control-allow-origin") == page["origin"]) == fine
        asked = {"origin": f"https://{name}", "access-control-request-method": "POST"}
        assert (ask(server, "/v1/audio/speech", method="OPTIONS", headers=asked)[0] == 200) == fine
        is_error(ask(server, "/v1/models", headers={"origin": "null"}), 403, "forbidden_origin")
        is_error(ask(server, "/v1/models", headers={"origin": f"ftp://{name}"}), 403, "forbidden_origin")


def test_a_refusal_says_which_flag() -> None:
    with running() as server:
        assert (
            b"--allow-host host.docker.internal"
            in ask(server, "/v1/models", headers={"host": "host.docker.internal:8000"})[2]
        )
        body = ask(server, "/v1/models", headers={"origin": "https://voice.example.org:8443"})[2]
        assert b"--allow-origin https://voice.example.org:8443" in body and b"--allow-host voice.example.org " in body
