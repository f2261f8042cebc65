"""The codec's recipe as read from TOML: one file per size, identical code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from roundelay.errors import BadInput

T = TypeVar("T")
SIZES = ("tiny", "base")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe: seed, device, threads, shares of the seconds drawn, and each stage's table as written."""

    seed: int
    device: str
    threads: int
    shares: dict[str, float]
    decoder_shares: dict[str, float]
    tokenizer: dict[str, Any]
    refine: dict[str, Any]
    recognizer: dict[str, Any]
    prior: dict[str, Any]
    flow: dict[str, Any]
    vocoder: dict[str, Any]


def find(size: str) -> Path:
    """The file of a shipped size."""
    return located(f"codec-{size}.toml")


def located(name: str) -> Path:
    """A shipped recipe: in `configs/` here, or beside the source tree; raises `BadInput` where there is none."""
    for folder in (Path("configs"), Path(__file__).resolve().parents[4] / "configs"):
        if (folder / name).is_file():
            return folder / name
    raise BadInput("recipe", name, "has no configs/ file here; run from the source tree or give --config FILE")


def read(path: Path) -> Recipe:
    """The recipe in a TOML file; raises `BadInput` naming what is missing or unknown."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput("config", path, f"cannot be read ({error})") from None
    return build(Recipe, table, f"config {path.name}")


def build(kind: type[T], table: dict[str, Any], name: str, *, ignore: tuple[str, ...] = ()) -> T:
    """A dataclass from a table; lists become tuples. Unknown keys are an error, unless in `ignore`."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - known - set(ignore))
    if unknown:
        raise BadInput(name, "key " + ", ".join(unknown), f"is unknown; known: {', '.join(sorted(known))}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k in known}
    try:
        return kind(**values)
    except TypeError as error:
        raise BadInput(name, "table", f"is incomplete ({error})") from None
