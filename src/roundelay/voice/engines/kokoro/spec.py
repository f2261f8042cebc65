"""The Kokoro engine before it is loaded: its role, and how it is loaded; importing this loads nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice.engines.kokoro.capabilities import CAPABILITIES, NAME
from roundelay.voice.interfaces import EngineRole, EngineSpec

MAX_THREADS = 64
DEFAULT_THREADS = 4  # at most: more make one sentence no quicker


def load(
    roles: Collection[EngineRole], model: str = "", threads: int | str = 0, warm: bool | str = False
) -> Mapping[EngineRole, Any]:
    """Kokoro as a synthesizer. `model` is a folder or a hub name, "" for the packages; `threads` 0 is one for each of
    up to four cores; `warm` speaks once before it returns.

    Raises `BadInput`, `MissingPackage` and `WeightsUnavailableError` in one line for what is not there or damaged.
    """
    from roundelay.voice.engines.kokoro import files
    from roundelay.voice.engines.kokoro.model import KokoroModel
    from roundelay.voice.engines.kokoro.synthesizer import KokoroSynthesizer
    from roundelay.voice.interfaces import Utterance
    from roundelay.voice.text.phonemizer import Phonemizer

    count = _threads(threads)
    phonemizer, found = Phonemizer.load(), files.find(str(model))
    engine = KokoroSynthesizer(found, KokoroModel.load(found.model, count), phonemizer)
    if warm in (True, "true", "True", "1"):
        for _ in engine.synthesize(Utterance("Hello.")):
            pass
    return dict.fromkeys(roles, engine)


def _threads(value: int | str) -> int:
    try:
        count = int(value)
    except ValueError:
        count = -1
    if not 0 <= count <= MAX_THREADS:
        raise BadInput("setting threads of the engine kokoro", value, f"must be 0 to {MAX_THREADS}; 0 chooses")
    return count or min(DEFAULT_THREADS, os.cpu_count() or 1)


def knows_voice(name: str) -> bool:
    """Whether Kokoro has a voice, or a mixture of voices, of this name; nothing is loaded."""
    from roundelay.voice.engines.kokoro.voices import knows

    return knows(name)


def check(model: str = "", **settings: object) -> None:
    """Raise what `load` would where packages, style vectors or espeak-ng are missing or damaged."""
    from roundelay.voice.packages.fetch import MODELS
    from roundelay.voice.text.phonemizer import espeak_library

    if not model:
        MODELS["kokoro"].check()
    if espeak_library() is None:
        raise MissingPackage("espeak-ng", "kokoro")


SPEC = EngineSpec(
    NAME,
    {"synthesizer": CAPABILITIES},
    load,
    ("model", "threads", "warm"),
    "Kokoro-82M by hexgrad: natural voices, 24 kHz, eight languages; about 0.5 of real time on one core",
    packages=("onnxruntime",),
    knows_voice=knows_voice,
    main_setting="model",
    check=check,
    install="pip install 'roundelay[kokoro]' && roundelay voice fetch kokoro",
    licence="Apache-2.0",
)
