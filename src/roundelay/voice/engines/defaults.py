"""The engine that takes a role where the user names none: the best installed, and why it is (ours)."""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.voice.engines.choice import EngineChoice
from roundelay.voice.interfaces import EngineRole


@dataclass(frozen=True, slots=True)
class Default:
    """The engine of a role, and why it is the one, in a sentence."""

    choice: EngineChoice
    why: str


def default(role: EngineRole) -> Default:
    """The default of `serve`, `talk`, `voice transcribe` and `voice ask` for a role on this machine."""
    return Default(EngineChoice(), "the own weights need nothing else")


def best(role: EngineRole) -> EngineChoice:
    """The engine of `default` alone."""
    return default(role).choice
