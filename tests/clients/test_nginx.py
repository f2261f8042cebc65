"""nginx with the configuration of the how-to page in front: https, at the root and below a prefix, stripped or not."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clients_case import LONG_S
from reach_case import certificate

from conftest import serving

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "behind-a-reverse-proxy.md"
WHOLE, PREFIXED = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
STRIPS, KEEPS = (line.partition(";")[0].strip() for line in PREFIXED.splitlines())
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def nginx(folder: Path, block: str) -> Iterator[None]:
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        pytest.skip("there is no nginx here")
    places = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
    file = folder / "nginx.conf"
    file.write_text(f"daemon off; pid {folder}/pid; error_log {folder}/log;\nevents {{}}\n"
                    f"http {{ access_log off;\n{places}{block}\n}}\n")  # fmt: skip
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(file)], stderr=subprocess.PIPE)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def free() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.mark.parametrize(("prefix", "location"), [("", None), ("/voice", STRIPS), ("/voice", KEEPS)])
def test_page_speech_and_a_conversation(prefix: str, location: str | None, tmp_path: Path) -> None:
    websockets = pytest.importorskip("websockets.sync.client", reason="websockets is not installed: make test-clients")
    cert, key = certificate(tmp_path)
    context, port = ssl.create_default_context(cafile=str(cert)), free()
    flags = ("--root-path", prefix) if prefix else ()
    with serving(*flags, "--allow-host", "localhost") as (upstream, _):
        block = WHOLE.replace("listen 443", f"listen 127.0.0.1:{port}").replace("voice.example.org;", "localhost;")
        if location is not None:
            block = re.sub(r"location / \{\s*proxy_pass [^;]+", location, block)
        block = re.sub(r"/etc/ssl/\S+\.pem", str(cert), re.sub(r"/etc/ssl/\S+\.key", str(key), block))
        with nginx(tmp_path, block.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")):
            base = f"localhost:{port}{prefix}"
            handler = urllib.request.HTTPSHandler(context=context)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
            until = time.monotonic() + LONG_S
            while True:
                try:
                    with opener.open(f"https://{base}/", timeout=LONG_S) as answer:
                        assert b"Roundelay" in answer.read()
                        break
                except urllib.error.URLError as error:  # it does not listen yet
                    if isinstance(error, urllib.error.HTTPError):
                        raise
                    assert time.monotonic() < until
                    time.sleep(0.2)
            body = json.dumps({"input": "It works.", "response_format": "wav"}).encode()
            with opener.open(urllib.request.Request(f"https://{base}/v1/audio/speech", body), timeout=LONG_S) as answer:
                assert len(answer.read()) > 10_000
            page = {"Origin": f"https://localhost:{port}"}
            url = f"wss://{base}/v1/realtime"
            with websockets.connect(url, ssl=context, proxy=None, additional_headers=page) as talk:
                assert json.loads(talk.recv(timeout=LONG_S))["type"] == "session.created"
