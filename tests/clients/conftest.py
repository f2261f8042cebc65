"""The servers, in a process of Roundelay's own environment: ROUNDELAY_PYTHON says where, else this interpreter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients_case import LONG_S, Server

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
    command = [PYTHON, "-c", "from roundelay.cli import main; main()", "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = next(filter(None, (re.search(r"http://127\.0\.0\.1:(\d+)/", line) for line in process.stderr)), None)
        assert found, "it did not say where it listens"
        _ready(f"http://127.0.0.1:{found[1]}/ready")
        yield Server(int(found[1]))
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()


def _ready(url: str) -> None:
    ask, until = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + LONG_S
    while time.monotonic() < until:
        try:
            with ask.open(url, timeout=LONG_S):
                return
        except OSError:  # 503 while the model loads
            time.sleep(0.2)
    raise AssertionError("the model did not load")
