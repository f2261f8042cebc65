"""A row of an answer: a dataclass that knows how it stands in JSON."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class Record:
    """Base of dataclasses that are printed: as columns of a table, or as an object of JSON."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that have a value by name, in order; those that are None are left out."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if value is not None}
