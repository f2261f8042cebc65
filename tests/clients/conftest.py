"""The servers, in a process of Roundelay's own environment: ROUNDELAY_PYTHON says where, else this interpreter."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clients_case import LONG_S, Reached, Server
from reach_case import certificate

PYTHON = os.environ.get("ROUNDELAY_PYTHON", sys.executable)


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Server]]:
    """Three servers: one hears the question for the time, one for a long story, one for the weather."""
    script = Path(__file__).with_name("fake_server.py")
    process = subprocess.Popen([PYTHON, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    line = process.stdout.readline()
    assert line, "the server did not start; its own words are above"
    yield {name: Server(port) for name, port in json.loads(line).items()}
    process.stdin.close()
    process.wait(30)


@pytest.fixture(scope="session")
def packaged() -> Iterator[Server]:
    """`roundelay serve` as people run it, with the weights in the package."""
    with serving() as (found, _):
        yield Server(found)


@pytest.fixture(scope="session")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """The same by https and below a prefix, with the Wyoming endpoint."""
    cert, key = certificate(tmp_path_factory.mktemp("tls"))
    flags = ("--root-path", "/voice", "--tls-cert", str(cert), "--tls-key", str(key), "--wyoming", "127.0.0.1:0")
    with serving(*flags, cert=cert) as (port, wyoming):
        yield Reached(port, wyoming, cert)


@contextmanager
def serving(*flags: str, cert: Path | None = None) -> Iterator[tuple[int, int]]:
    """Run `roundelay serve` with these flags and the embedded engine; yields its ports, of HTTP and of Wyoming."""
    command = [
        PYTHON,
        "-c",
        "from roundelay.cli import main; main()",
        "serve",
        "--port",
        "0",
        "--engine",
        "nano",
        *flags,
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    wyoming, said = 0, ""
    try:
        for line in process.stderr:
            said += line
            if found := re.search(r"tcp://127\.0\.0\.1:(\d+)", line):
                wyoming = int(found[1])
            if found := re.search(r"(https?)://127\.0\.0\.1:(\d+)(\S*)/ ", line):
                break
        else:
            raise AssertionError(f"it did not say where it listens: {said}")
        _ready(f"{found[1]}://127.0.0.1:{found[2]}{found[3]}/ready", cert)
        yield int(found[2]), wyoming
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


def _ready(url: str, cert: Path | None) -> None:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if cert is not None:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(cert))))
    ask, until = urllib.request.build_opener(*handlers), time.monotonic() + 4 * LONG_S
    while time.monotonic() < until:
        try:
            with ask.open(url, timeout=LONG_S):
                return
        except OSError:  # 503 while the model loads
            time.sleep(0.2)
    raise AssertionError("the model did not load")
