"""The image is built and answers, where a Docker daemon is."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from clients_case import LONG_S

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = "roundelay-test"
BUILD_S = 1800.0


def docker(*words: str, seconds: float = LONG_S) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=seconds)


def test_the_image_is_built_asks_for_a_key_and_answers() -> None:
    if shutil.which("docker") is None:
        pytest.skip("there is no docker here")
    if (why := docker("version")).returncode:
        pytest.skip(f"no Docker daemon answers: {why.stderr.strip().splitlines()[-1]}")
    built = docker("build", "-t", IMAGE, str(REPOSITORY), seconds=BUILD_S)
    assert built.returncode == 0, built.stderr[-2000:]
    without = docker("run", "--rm", IMAGE)
    assert without.returncode == 2 and "ROUNDELAY_API_KEYS" in without.stderr
    flags = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "-e", "ROUNDELAY_API_KEYS=key")
    started = docker("run", "-d", "--rm", *flags, "-p", "127.0.0.1::8000", IMAGE)
    assert started.returncode == 0, started.stderr
    name = started.stdout.strip()
    try:
        port = docker("port", name, "8000").stdout.strip().rsplit(":", 1)[1]
        until = time.monotonic() + 4 * LONG_S
        while docker("inspect", "-f", "{{.State.Health.Status}}", name).stdout.strip() != "healthy":
            assert time.monotonic() < until, docker("logs", name).stderr
            time.sleep(1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=LONG_S) as answer:
            assert answer.status == 200
    finally:
        docker("stop", name)
