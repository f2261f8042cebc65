"""The nano engine before it is loaded: its roles, and how it is loaded; importing this loads nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.interfaces import EngineRole, EngineSpec


def load(
    roles: Collection[EngineRole], folder: Path | str | None = None, codec: Path | str | None = None, warm: bool = False
) -> Mapping[EngineRole, Any]:
    """The nano engine in these roles, all with one set of weights; the responder alone needs none.

    The settings are those of `NanoWeights.load`. Raises `DamagedWeightsError` as it does.
    """
    from roundelay.voice.engines.nano.responder import NanoResponder

    engines: dict[EngineRole, Any] = {"responder": NanoResponder()}
    if set(roles) - {"responder"}:
        from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
        from roundelay.voice.engines.nano.recognizer import NanoTranscriber
        from roundelay.voice.engines.nano.synthesizer import NanoSynthesizer
        from roundelay.voice.engines.nano.weights import NanoWeights

        weights = NanoWeights.load(Path(folder) if folder else None, Path(codec) if codec else None, warm=warm)
        engines["transcriber"], engines["synthesizer"] = NanoTranscriber(weights), NanoSynthesizer(weights)
        engines["end_of_turn"] = NanoEndOfTurn(weights.lexicon)
    return {role: engines[role] for role in roles}


SPEC = EngineSpec(
    NAME,
    CAPABILITIES,
    load,
    ("folder", "codec", "warm"),
    "the embedded engine: English, 16 kHz, offline, no torch",
)
