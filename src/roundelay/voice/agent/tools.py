"""Tools that a conversation may call: argument validation, execution within limits, and calls written as text (ours).

In the paper (arXiv 2502.11946) tools are called asynchronously while speech goes on; `realtime.core` keeps that order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from roundelay.errors import BadInput, RoundelayError
from roundelay.voice.interfaces import ToolSpec

MAX_OUTPUT_CHARACTERS = 2_000  # of a result: a longer one would displace the history
MAX_ARGUMENT_CHARACTERS = 8_000
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Tool(ToolSpec):
    """A tool and what runs it: `run` takes the properties of `parameters`; None where the client runs it."""

    run: Callable[..., object] | None = None

    def parse_arguments(self, arguments: str) -> dict[str, Any]:
        """The arguments of a call, parsed. Raises `BadInput` unless they are a JSON object that fits the parameters."""
        if len(arguments) > MAX_ARGUMENT_CHARACTERS:
            raise BadInput(f"arguments of {self.name}", arguments, f"are over {MAX_ARGUMENT_CHARACTERS} characters")
        try:
            given = json.loads(arguments or "{}")
        except ValueError:
            raise BadInput(f"arguments of {self.name}", arguments, "are not JSON") from None
        if not isinstance(given, dict):
            raise BadInput(f"arguments of {self.name}", arguments, "must be a JSON object")
        known: Mapping[str, Any] = self.parameters.get("properties", {})
        for name in self.parameters.get("required", ()):
            if name not in given:
                raise BadInput(f"call of {self.name}", arguments, f"lacks {name}")
        for name, value in given.items():
            if name not in known:
                raise BadInput(f"call of {self.name}", arguments, f"has no parameter {name}; known: {', '.join(known)}")
            kinds = JSON_TYPES.get(known[name].get("type", ""), (object,))
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
                raise BadInput(f"{name} of {self.name}", value, f"must be {known[name]['type']}")
            if "enum" in known[name] and value not in known[name]["enum"]:
                raise BadInput(f"{name} of {self.name}", value, f"must be one of {known[name]['enum']}")
        return given

    def call(self, arguments: str) -> str:
        """The tool's result as text within the limit; a failure too is a result: the model must know."""
        assert self.run is not None, f"{self.name} is run by the client"
        try:
            result = self.run(**self.parse_arguments(arguments))
        except RoundelayError as error:
            return f"error: {error}"
        except Exception as error:  # tools are foreign code: a fault must not end the conversation
            return f"error: {type(error).__name__}: {error}"[:MAX_OUTPUT_CHARACTERS]
        text = result if isinstance(result, str) else json.dumps(result, default=str)
        return text if len(text) <= MAX_OUTPUT_CHARACTERS else text[: MAX_OUTPUT_CHARACTERS - 1] + "…"


def parse_call(line: str, tools: Iterable[Tool]) -> tuple[Tool, str] | None:
    """The tool that a call in text names, and its arguments as JSON: `weather oslo`, `weather {"city": "oslo"}`.

    Words fill the parameters in order; the last parameter takes the rest. None where no tool has that name.
    """
    name, _, rest = line.strip().partition(" ")
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        return None
    rest = rest.strip()
    if rest.startswith("{"):
        return tool, rest
    names = list(tool.parameters.get("properties", {}))
    values = rest.split(None, len(names) - 1) if names and rest else []
    kinds = {name: tool.parameters["properties"][name].get("type") for name in names}
    filled = {name: _value(value, kinds[name]) for name, value in zip(names, values, strict=False)}
    return tool, json.dumps(filled)


def _value(text: str, kind: str | None) -> object:
    if kind in ("integer", "number"):
        try:
            return int(text) if kind == "integer" else float(text)
        except ValueError:
            return text  # `parse_arguments` will report it
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text
