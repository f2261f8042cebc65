"""Roundelay: a voice that runs offline, and the planner of the fabric it is trained on.

    from roundelay import Audio, Conversation, Pipeline, Placement, Style, Voice, place, step_time, waste

These names are the public interface; they keep their meaning between minor versions. Everything below them may move.
A name's module is imported when the name is first used, so `import roundelay` itself imports nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roundelay.fabric.face import place, step_time, waste
    from roundelay.fabric.placement.placement import Placement
    from roundelay.voice.audio import Audio
    from roundelay.voice.pipeline import Pipeline
    from roundelay.voice.realtime.conversation import Conversation
    from roundelay.voice.style import Style
    from roundelay.voice.voices import Voice

__version__ = "0.2.0"
__all__ = [
    "Audio",
    "Conversation",
    "Pipeline",
    "Placement",
    "Style",
    "Voice",
    "__version__",
    "place",
    "step_time",
    "waste",
]

# public name -> the module it is defined in
_MODULES = {
    "Audio": "roundelay.voice.audio",
    "Conversation": "roundelay.voice.realtime.conversation",
    "Pipeline": "roundelay.voice.pipeline",
    "Placement": "roundelay.fabric.placement.placement",
    "Style": "roundelay.voice.style",
    "Voice": "roundelay.voice.voices",
    "place": "roundelay.fabric.face",
    "step_time": "roundelay.fabric.face",
    "waste": "roundelay.fabric.face",
}


def __getattr__(name: str) -> object:
    """The public name, imported now. Raises `AttributeError` for any other."""
    if name not in _MODULES:
        raise AttributeError(f"module 'roundelay' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
