"""What the Whisper engine can do; `LANGUAGE` only with a model of many languages."""

from __future__ import annotations

from roundelay.voice.interfaces import Capability

NAME = "whisper"
ENGLISH_ONLY = frozenset({Capability.WORD_TIMES, Capability.CONFIDENCE})
CAPABILITIES = ENGLISH_ONLY | {Capability.LANGUAGE}
