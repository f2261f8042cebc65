"""Names: the voices that exist, OpenAI's voice names as aliases of them, and the models' names."""

from __future__ import annotations

import re
from typing import Any

from roundelay.server.errors import wrong

MODEL = "roundelay"
# Families of names that clients send without being asked, whatever their version: they mean the one model that is here.
# Not one that promises more than the model has: who spoke (diarize).
MODEL_ALIASES = re.compile(r"(gpt-(realtime|audio|4o|transcribe)|tts-1|whisper-1)(-(?!.*diarize)[\w.-]{1,60})?")
# Clients choose one of these thirteen by themselves (OpenAI's list). Each gets a built-in voice, in turn: an alias says
# which timbre is used here, not that it sounds like OpenAI's.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip


def built_in() -> list[str]:
    """The built-in voices' names, the default first: those whose way of speaking the model learnt, then the timbres."""
    from roundelay.voice.decoder.voices import registry

    known = list(registry())
    try:
        from roundelay.voice.engines.nano.vocabulary import VOICES
    except ImportError:  # the codec alone is installed
        return known
    return sorted(known, key=lambda name: VOICES.index(name) if name in VOICES else len(VOICES))


def aliases() -> dict[str, str]:
    """OpenAI's voice names, each with the built-in voice that answers to it."""
    known = built_in()
    return {name: known[at % len(known)] for at, name in enumerate(OPENAI_VOICES)}


def voice(value: Any, param: str = "voice") -> str:
    """The built-in voice meant by a name, an alias, {"id": name} or None (the default).

    Only names are taken: a path or a URL is an unknown voice, so no request can make the server open a file. Raises
    `ApiError` 400 listing the voices.
    """
    name = value.get("id") if isinstance(value, dict) else value
    known = built_in()
    if name is None:
        return known[0]
    if isinstance(name, str):
        if name in known:
            return name
        if name in (table := aliases()):
            return table[name]
    shown = str(name)[:60]
    raise wrong(
        param, f"voice {shown} is unknown: choose one of {', '.join([*known, *OPENAI_VOICES])}", "unknown_voice"
    )


def model(value: Any) -> str:
    """The model meant. Raises `ApiError` 404 for a name that is neither ours nor a usual client's default."""
    from roundelay.server.errors import ApiError

    if value is None or value == MODEL or (isinstance(value, str) and MODEL_ALIASES.fullmatch(value)):
        return MODEL
    message = f"model {str(value)[:60]} does not exist here: the model is {MODEL}"
    raise ApiError(404, "model_not_found", message, param="model")
