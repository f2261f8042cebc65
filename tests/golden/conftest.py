"""Golden vectors by name; they are no part of the repository, so a test that needs them skips where they are absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vectors import Golden, read


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], Golden]:
    """Read one file of ../shared/golden."""
    return lambda name: read(shared / "golden" / f"{name}.safetensors")
