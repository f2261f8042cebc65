"""The README's commands run as they stand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text()
COMMANDS = re.findall(r"^\.venv/bin/roundelay ([^#\n]+)", README, flags=re.MULTILINE)


def test_the_readmes_commands_run_in_their_order(roundelay, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) >= 5
    for command in COMMANDS:
        outcome = roundelay(*shlex.split(command))
        assert outcome.code == 0, f"{command}: {outcome.err}"


def test_the_readmes_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target
