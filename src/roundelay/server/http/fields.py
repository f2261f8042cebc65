"""The fields of a request body: one table reads it, checks it, and is its schema in /openapi.json."""

from __future__ import annotations

import json
import re
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
# Truth as programs write it in forms and JSON: Python's, YAML's, a checkbox's.
TRUTH = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}
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

    def read(self, value: Any) -> Any:
        """The valid value of what another program may write for it: numbers, truth and lists as text, letter case.

        Raises `ApiError` 400 as `check` does.
        """
        if isinstance(value, str):
            value = self._from_text(value.strip())
        elif self.kind == "boolean" and value in (0, 1):
            value = bool(value)
        elif self.kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        return self.check(value)

    def _from_text(self, text: str) -> Any:
        """The value that a text stands for; the text itself where it stands for no other."""
        if self.kind == "boolean" or self.choices == ("true", "false"):
            truth = TRUTH.get(text.lower(), text)
            return str(truth).lower() if self.choices else truth
        if self.choices:
            return next((each for each in self.choices if each.lower() == text.lower()), text)
        if self.kind in ("number", "integer"):
            return number(text)
        if self.kind == "array":
            return listed(text)
        return text

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


def plain(name: str) -> str:
    """A field's name in one spelling: `timestampGranularities[]` and `timestamp-granularities` are
    `timestamp_granularities`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"\[\w*\]$", "", name[:256]))
    return words.replace("-", "_").lower()


def number(text: str) -> Any:
    """The number that a text is; the text itself if it is none."""
    try:
        found = float(text)
    except ValueError:
        return text
    return int(found) if found.is_integer() and re.fullmatch(r"[-+]?\d+(\.0*)?", text) else found


def listed(text: str) -> list[Any]:
    """The entries of a list written as JSON, or by commas."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = [each.strip() for each in text.split(",") if each.strip()]
    return found if isinstance(found, list) else [found]


def read(fields: Sequence[Field], body: Any, strict: bool = False) -> tuple[dict[str, Any], list[str]]:
    """The valid values by name, with defaults, and the names of given fields that have no effect here.

    null counts as not given; unless `strict`, so does empty text, and names and values may be spelt as other programs
    spell them. Raises `ApiError` 400 for a body that is no object, a missing field or a wrong value.
    """
    if not isinstance(body, Mapping):
        raise ApiError(400, "invalid_json", "the body must be a JSON object")
    values: dict[str, Any] = {}
    given, ignored = _given(fields, body, strict)
    for field in fields:
        value = given.get(field.name)
        empty = isinstance(value, str) and not value.strip() and not strict and not field.required
        if value is None or empty:
            if field.required:
                raise wrong(field.name, f"{field.name} is missing", "missing_required_parameter")
            values[field.name] = field.default
            continue
        if field.ignored:
            ignored.append(field.name)
        if field.ignored and not strict:
            values[field.name] = field.default
        else:
            values[field.name] = field.check(value) if strict else field.read(value)
    return values, ignored


def _given(fields: Sequence[Field], body: Mapping[str, Any], strict: bool) -> tuple[dict[str, Any], list[str]]:
    """What the body gives by the fields' names, the exact name before other spellings; and the unknown names."""
    names = {plain(field.name): field.name for field in fields}
    given: dict[str, Any] = {field.name: body[field.name] for field in fields if field.name in body}
    ignored = []
    for key, value in body.items():
        name = None if strict else names.get(plain(str(key)))
        if name is not None and given.get(name) in (None, ""):
            given[name] = value
        elif key not in given and name is None:
            ignored.append(str(key)[:64])
    return given, sorted(ignored)


def schema(fields: Sequence[Field]) -> dict[str, Any]:
    """The JSON schema of a body with these fields."""
    return {
        "type": "object",
        "properties": {field.name: field.schema() for field in fields},
        "required": [field.name for field in fields if field.required],
    }
