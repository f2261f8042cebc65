"""The fields of a request body: one table reads it, checks it, and is its schema in /openapi.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roundelay.server.errors import ApiError, wrong

KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "voice": (str, dict),
}
WORDS = {"array": "an array", "object": "an object", "integer": "an integer", "voice": "a voice's name, or {id}"}
VOICE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    ]
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its type, meaning and accepted values. `ignored` fields are accepted without effect and reported."""

    name: str
    kind: str
    doc: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    max_length: int | None = None
    ignored: bool = False

    def check(self, value: Any) -> Any:
        """The value if it is valid. Raises `ApiError` 400 that names the field."""
        kinds = KINDS[self.kind]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise wrong(self.name, f"{self.name} must be {WORDS.get(self.kind, f'a {self.kind}')}", "invalid_type")
        if self.choices and value not in self.choices:
            raise wrong(self.name, f"{self.name} must be one of {', '.join(self.choices)}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self.low, self.high
            if not ((low is None or value >= low) and (high is None or value <= high)):  # NaN is refused too
                raise wrong(self.name, f"{self.name} must be {low} to {high}")
        if self.max_length is not None and isinstance(value, str | list) and len(value) > self.max_length:
            unit = "characters" if isinstance(value, str) else "entries"
            message = f"{self.name} has {len(value):,} {unit}; at most {self.max_length:,} are taken"
            raise wrong(self.name, message, "string_above_max_length" if isinstance(value, str) else "array_too_long")
        return value

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the field."""
        if self.kind == "voice":
            return {**VOICE_SCHEMA, "description": self.doc}
        out: dict[str, Any] = {"type": self.kind, "description": self.doc}
        if self.choices:
            out["enum"] = list(self.choices)
        if self.default is not None:
            out["default"] = self.default
        if self.kind in ("number", "integer"):
            out.update({k: v for k, v in (("minimum", self.low), ("maximum", self.high)) if v is not None})
        if self.max_length is not None:
            out["maxLength" if self.kind == "string" else "maxItems"] = self.max_length
        if self.kind == "array":
            out["items"] = {}
        return out


def read(fields: Sequence[Field], body: Any) -> tuple[dict[str, Any], list[str]]:
    """The valid values by name, with defaults, and the names of given fields that have no effect here.

    null counts as not given. Raises `ApiError` 400 for a body that is no object, a missing field or a wrong value.
    """
    if not isinstance(body, Mapping):
        raise ApiError(400, "invalid_json", "the body must be a JSON object")
    values: dict[str, Any] = {}
    ignored = sorted(str(key)[:64] for key in body if key not in {field.name for field in fields})
    for field in fields:
        value = body.get(field.name)
        if value is None:
            if field.required:
                raise wrong(field.name, f"{field.name} is missing", "missing_required_parameter")
            values[field.name] = field.default
            continue
        values[field.name] = field.check(value)
        if field.ignored:
            ignored.append(field.name)
    return values, ignored


def schema(fields: Sequence[Field]) -> dict[str, Any]:
    """The JSON schema of a body with these fields."""
    return {
        "type": "object",
        "properties": {field.name: field.schema() for field in fields},
        "required": [field.name for field in fields if field.required],
    }
