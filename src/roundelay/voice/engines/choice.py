"""Which engine takes which role: a name and settings as a user writes them, the flags that choose, the best installed.

NAME   NAME:VALUE   NAME:SETTING=VALUE,...   NAME+URL   NAME+URL,SETTING=VALUE,...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from roundelay.errors import BadInput
from roundelay.voice.engines import registry
from roundelay.voice.interfaces import EngineRole

URL = "url"  # the setting that an address behind a plus sign is


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine by its name in the registry, and its settings."""

    name: str = registry.DEFAULT
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """How a person is told of it: the name, and the address or main setting; no password of an address."""
        if url := self.settings.get(URL):
            parts = urlsplit(str(url))
            return f"{self.name} at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        main = self.settings.get(registry.spec(self.name).main_setting)
        return f"{self.name} ({main})" if main else self.name


def parse(text: str, flag: str = "--engine") -> EngineChoice:
    """The engine that a user's text names, with its settings. Raises `BadInput` for an unknown engine or wrong form."""
    name, sign, rest = re.fullmatch(r"([^:+]*)([:+]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    spec = registry.spec(name)
    if sign == "+" and URL not in spec.settings:
        raise BadInput(flag, text, f"the engine {name} has no address; its settings: {', '.join(spec.settings)}")
    pieces = re.split(r",(?=\w+=)" if sign == "+" else ",", rest) if rest else []
    if sign == "+":
        pieces = [f"{URL}={rest}" if not pieces else f"{URL}={pieces[0]}", *pieces[1:]]
    elif pieces and spec.main_setting and "=" not in pieces[0]:
        pieces[0] = f"{spec.main_setting}={pieces[0]}"
    settings: dict[str, str] = {}
    for piece in pieces:
        setting, equals, value = piece.partition("=")
        if not equals:
            raise BadInput(flag, text, f"write {name}:{setting}=VALUE")
        settings[setting] = value
    return EngineChoice(name, settings)


Choices = dict[EngineRole, EngineChoice]


def select(
    engines: Sequence[str] = (),
    hear: str | None = None,
    speak: str | None = None,
    roles: Collection[EngineRole] = registry.ROLES,
    default: Callable[[EngineRole], EngineChoice] = lambda role: EngineChoice(),
) -> Choices:
    """An engine for each role: what `--hear` and `--speak` name, else what `--engine` names for the roles it can take
    (a later one before an earlier one), else the role's default.

    Raises `BadInput` for an unknown engine, and for one that can take none of the roles it is named for.
    """
    given = [parse(text) for text in engines]
    taken = registry.assign([choice.name for choice in given], roles)
    named = {choice.name: choice for choice in given}
    chosen: Choices = {role: named[name] if name in named else default(role) for role, name in taken.items()}
    for flag, text, role in (("--hear", hear, "transcriber"), ("--speak", speak, "synthesizer")):
        if text is not None:
            choice = parse(text, flag)
            registry.assign([choice.name], [role])  # type: ignore[list-item]
            chosen[role] = choice  # type: ignore[index]
    return chosen
