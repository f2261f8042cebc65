"""The engine of a role that is not needed, so that nothing is loaded for it (ours)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Capability,
    Request,
    Response,
    ToolCall,
    Transcript,
    Utterance,
)
from roundelay.voice.voices import Voice


@dataclass(frozen=True, slots=True)
class AbsentEngine:
    """An engine in every role that raises `BadInput` when it is called; its end of turn is unknown."""

    name: ClassVar[str] = "none"
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    rate_hz: ClassVar[int] = 16_000

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """Raise `BadInput`."""
        raise _absent("transcriber")

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[str | ToolCall | Response]:
        """Raise `BadInput`."""
        raise _absent("responder")

    def voices(self) -> Sequence[Voice]:
        """No voices."""
        return ()

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        """Raise `BadInput`."""
        raise _absent("synthesizer")

    def probability(self, text: str, domain_only: bool) -> float | None:
        """None: unknown."""
        return None


def _absent(role: str) -> BadInput:
    return BadInput("pipeline", "", f"was loaded without a {role}; name one in Pipeline.load")
