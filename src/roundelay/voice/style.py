"""Style: how an utterance is to be spoken. An engine names the fields it follows among its capabilities (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from roundelay.errors import BadInput

MIN_SPEED, MAX_SPEED = 0.25, 4.0  # the range of OpenAI's speech endpoint


@dataclass(frozen=True, slots=True)
class Style:
    """A manner of speaking. `speed` is a ratio to the voice's own; None leaves a field to the engine.

    `language` is a BCP 47 tag, `dialect` and `emotion` are an engine's own names, `instructions` are any words, as
    "cheerful". Raises `BadInput` for a speed out of range.
    """

    speed: float = 1.0
    emotion: str | None = None
    language: str | None = None
    dialect: str | None = None
    mode: Literal["speak", "sing", "rap"] = "speak"
    instructions: str | None = None

    def __post_init__(self) -> None:
        if not MIN_SPEED <= self.speed <= MAX_SPEED:
            raise BadInput("speed", self.speed, f"must be {MIN_SPEED} to {MAX_SPEED}")


PLAIN = Style()
