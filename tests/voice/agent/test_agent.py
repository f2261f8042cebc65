"""Tools check their arguments; personas are known by name."""

from __future__ import annotations

import pytest

from roundelay.errors import BadInput
from roundelay.voice.agent.persona import persona, personas
from roundelay.voice.agent.tools import Tool, parse_call


def test_a_tool_checks_its_arguments_and_its_faults_become_text() -> None:
    tool = Tool("add", "", {"properties": {"a": {"type": "integer"}, "b": {"type": "number"}}, "required": ["a"]},
                run=lambda a, b=1: a / b)  # fmt: skip
    assert tool.parse_arguments('{"a": 1, "b": 2}') == {"a": 1, "b": 2} and tool.call('{"a": 1, "b": 2}') == "0.5"
    for bad in ("nonsense", "[1]", "{}", '{"a": "x"}', '{"a": true}', '{"a": 1, "c": 2}'):
        with pytest.raises(BadInput):
            tool.parse_arguments(bad)
        assert tool.call(bad).startswith("error: ")
    assert tool.call('{"a": 1, "b": 0}') == "error: ZeroDivisionError: division by zero"
    assert parse_call("add 1 2.5", [tool]) == (tool, '{"a": 1, "b": 2.5}') and parse_call("subtract 1", [tool]) is None
    assert len(Tool("long", run=lambda: "x" * 9_999).call("")) == 2_000


def test_personas_are_known_by_name() -> None:
    assert persona() is next(iter(personas().values())) and persona("teacher").greeting
    with pytest.raises(BadInput, match="operator"):
        persona("nobody")
