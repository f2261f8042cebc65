"""What the Kokoro engine can do."""

from __future__ import annotations

from roundelay.voice.interfaces import Capability

NAME = "kokoro"
CAPABILITIES = frozenset({Capability.SPEED, Capability.LANGUAGE})
