"""YAML as every target writes it: keys in the order given, no aliases, long lines kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

# What some reader of YAML 1.1 or 1.2 takes for a number, a date, a truth or nothing: a name like 1e3, 0o17, y or no.
NOT_A_NAME = re.compile(r"[-+.]?[0-9].*|\.(inf|nan)|y|n|yes|no|on|off|true|false|null|~|", re.IGNORECASE)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent list items below their key, which people read more easily."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Return a string as a node, in quotes where it could be read as something else."""
    style = "'" if NOT_A_NAME.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Plain.add_representer(str, _text)


def document(value: Any) -> str:
    """Return one YAML document."""
    return yaml.dump(
        value, Dumper=_Plain, sort_keys=False, default_flow_style=False, width=1_000_000, allow_unicode=True
    )


def stream(values: Sequence[Any]) -> str:
    """Return several documents, as kubectl reads them."""
    return "---\n".join(document(value) for value in values)
