"""Names in requests: the built-in voices, OpenAI's voice names as aliases of them, and model names."""

from __future__ import annotations

import re
from typing import Any

from roundelay.server.errors import wrong

MODEL = "roundelay"
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
    from roundelay.voice.decoder.voices import registry

    known = list(registry())
    try:
        from roundelay.voice.engines.nano.vocabulary import VOICES
    except ImportError:  # only the codec is installed
        return known
    return sorted(known, key=lambda name: VOICES.index(name) if name in VOICES else len(VOICES))


def aliases() -> dict[str, str]:
    """OpenAI's voice names, each with the built-in voice it stands for."""
    known = built_in()
    return {name: known[at % len(known)] for at, name in enumerate(OPENAI_VOICES)}


def voice(value: Any, param: str = "voice") -> str:
    """The built-in voice of a name, an alias, {"id": name} or None (the default).

    Only names are accepted, so that no request can make the server open a file. Raises `ApiError` 400 that lists the
    voices.
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
    """The model of a name. Raises `ApiError` 404 for a name that is neither ours nor one of OpenAI's."""
    from roundelay.server.errors import ApiError

    if value is None or value == MODEL or (isinstance(value, str) and MODEL_ALIASES.fullmatch(value)):
        return MODEL
    message = f"model {str(value)[:60]} does not exist here: the model is {MODEL}"
    raise ApiError(404, "model_not_found", message, param="model")
