"""Fixtures that more than one room's tests use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from roundelay import cli

SHARED = Path(__file__).resolve().parents[2] / "shared"


@dataclass(frozen=True)
class Outcome:
    """What a run of the command line left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def roundelay(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process, as `roundelay ARGS` would."""

    def run(*args: object) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            cli.main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Outcome(int(stop.value.code or 0), out, err)

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside a developer's checkout."""
    if not SHARED.is_dir():
        pytest.skip("../shared is absent: its reference data is not part of the repository")
    return SHARED


@pytest.fixture(scope="session")
def real_trace(shared: Path) -> Path:
    """The public fault trace of 400 servers."""
    return shared / "data" / "infinitehbd-trace" / "fault_trace.json"
