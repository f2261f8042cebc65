"""Personas: instructions, voice and greeting of the bot. Role play follows arXiv 2502.11946; the
built-in personas are ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from roundelay.errors import BadInput
from roundelay.voice.interfaces import Message

FILE = Path(__file__).with_name("personas.toml")
MAX_INSTRUCTION_CHARACTERS = 4_000  # they are part of every turn's context


@dataclass(frozen=True, slots=True)
class Persona:
    """A role. `voice` is a built-in voice's name, or None for the default; `greeting` opens the conversation.

    Raises `BadInput` for instructions beyond the limit.
    """

    name: str
    instructions: str
    voice: str | None = None
    greeting: str = ""

    def __post_init__(self) -> None:
        if len(self.instructions) > MAX_INSTRUCTION_CHARACTERS:
            raise BadInput("instructions", self.instructions, f"are over {MAX_INSTRUCTION_CHARACTERS} characters")

    @property
    def message(self) -> Message:
        """The system message that precedes the history. All personas share one key, so that one replaces another."""
        return Message("system", self.instructions, "persona")


@cache
def personas() -> Mapping[str, Persona]:
    """The built-in personas by name; the first is the default."""
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: Persona(name, **entry) for name, entry in table.items()}


def persona(name: str | None = None) -> Persona:
    """The persona of that name, or the default. Raises `BadInput` for an unknown one, listing those known."""
    known = personas()
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise BadInput("persona", name, f"is unknown; known: {', '.join(known)}")
    return known[name]
