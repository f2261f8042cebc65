"""Training recipes as read from TOML: one dataclass per model, one table per stage."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from roundelay.errors import BadInput

T = TypeVar("T")
R = TypeVar("R", bound="Recipe")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all recipes have: the seed, the device, and the threads of a process."""

    seed: int
    device: str
    threads: int
    weight_decay: ClassVar[float] = 0.01

    def table(self, stage: str) -> dict[str, Any]:
        """A stage's table, as written."""
        return dict(getattr(self, stage))


def shipped_recipe(name: str) -> Path:
    """The path of a shipped recipe: in `configs/` here, or beside the source tree; raises `BadInput` if missing."""
    for folder in (Path("configs"), Path(__file__).resolve().parents[3] / "configs"):
        if (folder / name).is_file():
            return folder / name
    raise BadInput("recipe", name, "has no configs/ file here; run from the source tree or give --config FILE")


def read_recipe(kind: type[R], path: Path) -> R:
    """The recipe in a TOML file; raises `BadInput` naming what is missing or unknown."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no text, no TOML, thousands of digits
        raise BadInput("config", path, f"cannot be read ({error})") from None
    return from_table(kind, table, f"config {path.name}")


def from_table(kind: type[T], table: dict[str, Any], name: str, *, ignore: tuple[str, ...] = ()) -> T:
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
