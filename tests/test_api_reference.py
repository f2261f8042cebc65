"""The API reference builds from the docstrings without a warning, and holds the public names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import roundelay

MAKER = Path(__file__).resolve().parents[1] / "docs" / "make_api.py"


def test_the_reference_builds_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("pdoc", reason="the API reference needs pdoc (extra dev)")
    done = subprocess.run([sys.executable, MAKER, tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    face = (tmp_path / "roundelay.html").read_text()
    for name in roundelay.__all__:
        assert f'id="{name}"' in face, name
    assert (tmp_path / "roundelay/voice/interfaces.html").exists()
