"""`roundelay voice eval`: a table, JSON, and one line for an unknown task or engine."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from roundelay.errors import BadInput
from roundelay.voice.cli.evaluate import evaluate


def test_understanding_is_measured_and_printed() -> None:
    done = CliRunner().invoke(evaluate, ["understanding", "--items", "2", "--json"], catch_exceptions=False)
    numbers = json.loads(done.stdout.splitlines()[0] if done.stdout.startswith("{") else done.stdout)
    assert [rate["questions"] for rate in numbers["understanding"]["rates"]] == [2, 2, 2, 2]


@pytest.mark.parametrize("wrong", [["nonsense"], ["understanding", "--engine", "nanoo"]])
def test_an_unknown_task_or_engine_is_refused(wrong: list[str]) -> None:
    with pytest.raises(BadInput, match="is unknown"):
        CliRunner().invoke(evaluate, wrong, catch_exceptions=False)


def test_an_engine_is_named_with_its_settings_as_for_other_verbs() -> None:
    with pytest.raises(BadInput, match="nonsense"):
        CliRunner().invoke(evaluate, ["hear", "--engine", "two_pass:final=nonsense"], catch_exceptions=False)
