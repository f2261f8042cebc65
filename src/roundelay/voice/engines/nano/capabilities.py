"""What the nano engine can do in each role."""

from __future__ import annotations

from collections.abc import Mapping

from roundelay.voice.interfaces import Capability, EngineRole

NAME = "nano"
CAPABILITIES: Mapping[EngineRole, frozenset[Capability]] = {
    "transcriber": frozenset({Capability.CONFIDENCE, Capability.WORD_TIMES}),
    "responder": frozenset(),
    "synthesizer": frozenset({Capability.CLONE, Capability.CANDIDATES}),
    "end_of_turn": frozenset(),
}
