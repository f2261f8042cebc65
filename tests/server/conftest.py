"""Fixtures of the server's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="the server's packages are not installed (extra serve)")
pytest.importorskip("soundfile", reason="the voice's packages are not installed (extra voice)")

from server_case import Running, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One server for a module's tests."""
    with running() as made:
        yield made
