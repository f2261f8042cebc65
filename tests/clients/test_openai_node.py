"""OpenAI's JavaScript client under Node.js against `roundelay serve` by https, by URL alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from clients_case import LONG_S, Reached

HERE = Path(__file__).resolve().parent
PACKAGES = Path(os.environ.get("NODE_PACKAGES", HERE.parents[1] / ".venv-clients" / "node"))


def test_speaks_hears_answers_and_converses(reached: Reached, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js here")
    if not (PACKAGES / "node_modules" / "openai").is_dir():
        pytest.skip("the npm packages openai and ws are not installed: make test-clients")
    environment = {**os.environ, "NODE_PACKAGES": str(PACKAGES), "NODE_EXTRA_CA_CERTS": str(reached.cert)}
    done = subprocess.run(
        [node, str(HERE / "openai_node.mjs"), reached.http, str(tmp_path)],
        capture_output=True, text=True, timeout=4 * LONG_S, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    got = {line["step"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}
    assert "roundelay" in got["models"] and got["secret"] == "ek_" and got["streams"] > 20_000
    assert "capital" in got["hears its own wav"].lower() and "capital" in got["hears its own mp3"].lower()
    assert "Paris" in got["chat"]
    for kind in ("realtime", "realtime of a browser"):
        assert got[kind]["status"] == "completed" and "Paris" in got[kind]["words"] and got[kind]["sound"] > 20_000
