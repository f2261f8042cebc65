"""YAML as every target writes it: keys in the order given, no aliases, long lines kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent list items below their key, which people read more easily."""
        super().increase_indent(flow, False)


def document(value: Any) -> str:
    """Return one YAML document."""
    return yaml.dump(
        value, Dumper=_Plain, sort_keys=False, default_flow_style=False, width=1_000_000, allow_unicode=True
    )


def stream(values: Sequence[Any]) -> str:
    """Return several documents, as kubectl reads them."""
    return "---\n".join(document(value) for value in values)
