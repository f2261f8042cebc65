"""The nano engine before it is loaded: its roles, and how it is loaded; importing this loads nothing."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.interfaces import EngineRole, EngineSpec

_in_use: WeakValueDictionary[tuple[Path | None, Path | None], Any] = WeakValueDictionary()
_lock = threading.Lock()


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

        weights = _weights(Path(folder) if folder else None, Path(codec) if codec else None, warm)
        engines["transcriber"], engines["synthesizer"] = NanoTranscriber(weights), NanoSynthesizer(weights)
        engines["end_of_turn"] = NanoEndOfTurn(weights.lexicon)
    return {role: engines[role] for role in roles}


def _weights(folder: Path | None, codec: Path | None, warm: bool) -> Any:
    """The weights of these folders; those in use already are shared, so that two engines hold them once."""
    from roundelay.voice.engines.nano.weights import NanoWeights

    with _lock:
        found = _in_use.get((folder, codec))
        if found is None:
            found = _in_use[folder, codec] = NanoWeights.load(folder, codec)
        if warm:
            found.warm_up()
    return found


SPEC = EngineSpec(
    NAME,
    CAPABILITIES,
    load,
    ("folder", "codec", "warm"),
    "the embedded engine: English, 16 kHz, offline, no torch",
)
