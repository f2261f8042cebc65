"""Golden vectors by name; they are no part of the repository, so a test that needs them skips where they are absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from vectors import Golden, read

from roundelay.voice.tokenizer.text import TextTokenizer


@pytest.fixture(scope="session")
def golden(shared: Path) -> Callable[[str], Golden]:
    """Read one file of ../shared/golden."""
    return lambda name: read(shared / "golden" / f"{name}.safetensors")


@pytest.fixture(scope="session")
def tokenizer(shared: Path) -> TextTokenizer:
    """The released text tokenizer."""
    pytest.importorskip("sentencepiece", reason="the released tokenizer needs the extra `released`")
    return TextTokenizer(shared / "data" / "step-audio" / "tokenizer.model")
