"""`--alias`, `--aliases`, `--strict`: how `serve` understands the names and settings that other programs send."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from roundelay.server.names import Names

_OPTIONS = (
    click.option(
        "--alias", multiple=True, metavar="voice:NAME=NAME", help="What a name in requests means; also model:NAME=NAME."
    ),
    click.option(
        "--aliases", type=click.Path(path_type=Path), help="TOML file of such names; see docs/server.md."
    ),
    click.option(
        "--strict", is_flag=True, help="Refuse unknown models, voices and spellings instead of taking the nearest."
    ),
)  # fmt: skip


def name_flags(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the three options; it is given a function `names` that reads them, which raises `BadInput`."""

    @functools.wraps(verb)
    def called(**given: Any) -> None:
        pairs, file, strict = given.pop("alias"), given.pop("aliases"), given.pop("strict")

        def names() -> Names:
            from roundelay.server.names import load

            return load(file, pairs, strict)

        verb(names=names, **given)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), called)
