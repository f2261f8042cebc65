"""The Whisper engine before it is loaded; importing this imports neither faster-whisper nor CTranslate2."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from roundelay.errors import BadInput
from roundelay.voice.engines.whisper.capabilities import CAPABILITIES, NAME
from roundelay.voice.interfaces import EngineRole, EngineSpec
from roundelay.voice.packages.known import WHISPER_TINY_EN
from roundelay.voice.packages.weights_package import folder

MAX_THREADS, MAX_BEAM = 64, 20


def load(
    roles: Collection[EngineRole],
    model: str = "package",
    compute_type: str = "int8",
    threads: int | str = 1,
    beam: int | str = 1,
    language: str | None = None,
    window: str = "cut",
) -> Mapping[EngineRole, Any]:
    """The engine as a transcriber.

    `model` is "package" (Whisper tiny.en as an installed package carries it), a folder as CTranslate2 lays it out, a
    size, or a hub name. `language` None is detected. `window` "cut" has the encoder run over what there is, "full"
    over 30 s. Raises `MissingPackage`, `BadInput` for a setting or model that cannot be used, and
    `WeightsUnavailableError` where the package is missing, of another version or damaged.
    """
    from roundelay.voice.engines.whisper.model import open_model
    from roundelay.voice.engines.whisper.recognizer import WINDOWS, WhisperTranscriber

    if window not in WINDOWS:
        raise BadInput("window", window, f"is none of {', '.join(WINDOWS)}")
    counts = _count("threads", threads, MAX_THREADS), _count("beam", beam, MAX_BEAM)
    opened = open_model(model, compute_type, counts[0])
    language = None if language is None else opened.check_language(language)
    return dict.fromkeys(roles, WhisperTranscriber(opened, counts[1], language, WINDOWS[window]))


def _count(setting: str, given: int | str, most: int) -> int:
    try:
        count = int(given)
    except (TypeError, ValueError):
        count = 0
    if not 1 <= count <= most:
        raise BadInput(f"{setting} of the engine {NAME}", given, f"must be a whole number from 1 to {most}")
    return count


def check(model: str = "package", **settings: object) -> None:
    """Raise `WeightsUnavailableError` where the package that carries the model cannot be used; nothing is loaded."""
    if model == "package":
        folder(WHISPER_TINY_EN)


SPEC = EngineSpec(
    NAME,
    {"transcriber": CAPABILITIES},
    load,
    ("model", "compute_type", "threads", "beam", "language", "window"),
    "Whisper by OpenAI on CTranslate2: tiny.en from a package, any size from a folder or the hub",
    packages=("faster_whisper",),
    main_setting="model",
    check=check,
    install="pip install 'roundelay[whisper]' && roundelay voice fetch whisper",
    licence="MIT",
)
