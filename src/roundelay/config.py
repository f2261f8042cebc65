"""Settings: a frozen dataclass filled from a TOML file, then from `--set a=b`, then from the flags that were given."""

from __future__ import annotations

import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from roundelay.errors import BadInput

T = TypeVar("T")


def fill(
    cls: type[T],
    file: Path | str | None,
    sets: Sequence[str],
    flags: Mapping[str, Any],
    *,
    aliases: Mapping[str, str] | None = None,
    flag: str = "--config",
) -> T:
    """Return a `cls` whose fields come from the file, `key=value` texts and flags, later ones winning.

    Flags that are None were not given; `aliases` maps older names of keys in the file to the present ones; `flag`
    named the file. Raises `BadInput` for an unknown key (naming the nearest) and for a value of another type.
    """
    kinds = get_type_hints(cls)
    known = {field.name: kinds[field.name] for field in fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in _read(file, flag).items():
        key = (aliases or {}).get(name, name)
        values[key] = _fit(key, value, _kind(known, key, str(file)))
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadInput("--set", text, "give key=value")
        key = key.strip().replace("-", "_")
        values[key] = _parse(key, value.strip(), _kind(known, key, "--set"))
    values.update({key: value for key, value in flags.items() if value is not None})
    return cls(**values)


def named(table: Mapping[str, T], name: str, flag: str, problem: str = "is unknown") -> T:
    """Return the entry of that name; raises `BadInput` for `flag` that says the problem and the nearest name."""
    if name not in table:
        raise BadInput(flag, name, f"{problem}; {nearest(name, table)}")
    return table[name]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest known name, or one that begins alike (price_eur: price_usd), or all of them."""
    names = list(known)
    near = get_close_matches(name, names, n=1) or [key for key in names if key.split("_")[0] == name.split("_")[0]]
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(names))}"


def _read(file: Path | str | None, flag: str) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(flag, file, f"cannot be read ({error}); give a TOML file") from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise BadInput(flag, file, f"is not TOML ({error}); correct it") from None


def _kind(known: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in known:
        raise BadInput(f"setting in {where}", key, nearest(key, known))
    return known[key]


def _plain(kind: Any) -> tuple[type, bool]:
    """Return the plain type of an annotation and whether None is allowed."""
    if get_origin(kind) in (Union, types.UnionType):
        inner = [k for k in get_args(kind) if k is not type(None)]
        return inner[0], len(inner) < len(get_args(kind))
    return kind, False


def _fit(key: str, value: Any, kind: Any) -> Any:
    plain, _ = _plain(kind)
    if plain is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise BadInput(f"setting {key}", value, f"expected {plain.__name__}")
    return value


def _parse(key: str, text: str, kind: Any) -> Any:
    plain, optional = _plain(kind)
    if optional and text.lower() == "none":
        return None
    if plain is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise BadInput(f"setting {key}", text, "give true or false")
    try:
        return plain(text)
    except ValueError:
        raise BadInput(f"setting {key}", text, f"expected {plain.__name__}") from None
