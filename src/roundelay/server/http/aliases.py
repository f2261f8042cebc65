"""Names in requests: the built-in voices, OpenAI's voice names as aliases of them, and model names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from roundelay.server.engine import MODEL
from roundelay.server.errors import ApiError, wrong
from roundelay.voice.engines import registry

# OpenAI's model names, which clients send by default: they mean the default engine, whatever their version. Names that
# promise a feature which is missing here (diarize) are not among them.
MODEL_ALIASES = re.compile(r"(gpt-(realtime|audio|4o|transcribe)|tts-1|whisper-1)(-(?!.*diarize)[\w.-]{1,60})?")
# OpenAI's voice names, which clients send by default. Each is an alias of a built-in voice, in turn; it does not sound
# like OpenAI's.
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip


def built_in() -> list[str]:
    """The names of the built-in voices, the default first: those with a style of their own, then timbres alone."""
    from roundelay.voice.decoder import voices
    from roundelay.voice.engines.nano.vocabulary import sorted_voices

    return sorted_voices(voices.registry())


def aliases(known: Sequence[str]) -> dict[str, str]:
    """OpenAI's voice names, each with the voice it stands for; {} for an engine without named voices."""
    return {name: known[at % len(known)] for at, name in enumerate(OPENAI_VOICES)} if known else {}


def voice(value: Any, param: str = "voice", voices: Sequence[str] | None = None) -> str:
    """The voice of a name, an alias, {"id": name} or None (the default), among an engine's `voices`.

    None stands for the built-in voices; an engine without named voices has one, "". Only names are accepted, so that no
    request can make the server open a file. Raises `ApiError` 400 that lists the voices.
    """
    name = value.get("id") if isinstance(value, dict) else value
    known = built_in() if voices is None else list(voices)
    if name is None or (not known and name in OPENAI_VOICES):
        return known[0] if known else ""
    if isinstance(name, str):
        if name in known:
            return name
        if name in (table := aliases(known)):
            return table[name]
    shown = str(name)[:60]
    raise wrong(
        param, f"voice {shown} is unknown: choose one of {', '.join([*known, *OPENAI_VOICES])}", "unknown_voice"
    )


def models() -> list[str]:
    """The names of the models: `MODEL`, the default engine, and every engine that can be loaded without settings."""
    return [MODEL, *registry.loadable()]


def model(value: Any) -> str:
    """The model of a name: `MODEL` for it, None and OpenAI's names, else an engine's name.

    Raises `ApiError` 404 for an unknown name, with the names and the nearest one.
    """
    if value is None or value == MODEL or (isinstance(value, str) and MODEL_ALIASES.fullmatch(value)):
        return MODEL
    known = models()
    if value in known:
        return str(value)
    near = get_close_matches(str(value), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    message = f"model {str(value)[:60]} does not exist here: the models are {', '.join(known)}{hint}"
    raise ApiError(404, "model_not_found", message, param="model")
