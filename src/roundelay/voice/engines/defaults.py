"""The engine that takes a role where the user names none: the best installed, and why it is (ours).

Measured in benchmarks/setups.md and results/people, decided in docs/decisions/0016-default-engines.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.errors import RoundelayError
from roundelay.voice.engines import registry
from roundelay.voice.engines.choice import EngineChoice
from roundelay.voice.interfaces import EngineRole


@dataclass(frozen=True, slots=True)
class Default:
    """The engine of a role, and why it is the one, in a sentence."""

    choice: EngineChoice
    why: str


OWN = Default(EngineChoice(), "the own weights need nothing else")
# Best first; the first that can be loaded here is taken. To speak with Kokoro by default, put
# Default(EngineChoice("kokoro"), "...") into the row of the synthesizer.
PREFERRED: dict[EngineRole, tuple[Default, ...]] = {
    "transcriber": (
        Default(EngineChoice("two_pass"), "Whisper's words are right far more often, and come while a pause is judged"),
    ),
    "synthesizer": (),
}


def default(role: EngineRole) -> Default:
    """The default of `serve`, `talk`, `voice transcribe` and `voice ask` for a role on this machine."""
    return next((each for each in PREFERRED.get(role, ()) if _loadable(each.choice)), OWN)


def best(role: EngineRole) -> EngineChoice:
    """The engine of `default` alone."""
    return default(role).choice


def _loadable(choice: EngineChoice) -> bool:
    try:
        registry.check(choice.name, choice.settings)
    except RoundelayError:
        return False
    return True
