"""The actions that a conversation's state machine returns, to be carried out in order by its caller.

Samples and numbers are those of `events.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from roundelay.voice.interfaces import Message


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the caller must do."""


# ---- the turn ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTurn(Action):
    """Tell the client that the user started to speak at `sample` (speech_started); it then flushes its playback."""

    turn: int
    sample: int


@dataclass(frozen=True, slots=True)
class StopTurn(Action):
    """Tell the client that the user stopped at `sample` (speech_stopped). `CommitTurn` or `DropTurn` follows."""

    turn: int
    sample: int


@dataclass(frozen=True, slots=True)
class CommitTurn(Action):
    """The turn, samples `start` to `end`, is committed and part of the history."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DropTurn(Action):
    """The turn is discarded: it was noise, or the client cleared it."""

    turn: int


@dataclass(frozen=True, slots=True)
class Caption(Action):
    """The transcript of the turn so far; `final` when it covers a committed turn."""

    turn: int
    text: str
    final: bool


# ---- models ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PredictEndOfTurn(Action):
    """Predict whether the turn, samples `start` to `end`, is over -> `EndOfTurnPredicted`."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Transcribe(Action):
    """Transcribe samples `start` to `end` -> `Transcribed`. `exact`: the client set the start,
    so that no pre-roll is added."""

    turn: int
    start: int
    end: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Draft(Action):
    """Generate a reply -> `ReplyText`, `ReplyAudio`…, `ToolCalled`…, `ReplyDone` or `ReplyFailed`.

    cause "turn": answer samples `start` to `end` (send `Transcribed` too, unless `heard` has their text already).
    cause "request": answer the last message of `history`. cause "tool": answer the tool's result, the last message.
    """

    reply: int
    cause: Literal["turn", "request", "tool"]
    history: tuple[Message, ...]
    turn: int | None = None
    start: int = 0
    end: int = 0
    heard: str | None = None
    options: Mapping[str, Any] | None = field(default=None, compare=False)
    exact: bool = False  # as in `Transcribe`


@dataclass(frozen=True, slots=True)
class Drop(Action):
    """Cancel the generation of a reply. Follows `Stop` for a reply that had begun; alone for a draft."""

    reply: int


@dataclass(frozen=True, slots=True)
class Summarise(Action):
    """Summarise these messages -> `Summarised` with the `key` of the last of them."""

    messages: tuple[Message, ...]
    key: str


# ---- the reply --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin(Action):
    """The reply is committed (response.created). It was drafted `ahead_ms` ago: 0 without speculation."""

    reply: int
    turn: int | None
    ahead_ms: int
    options: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Say(Action):
    """The next clause of the reply, for captions; its audio follows."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class Play(Action):
    """Send this audio, float32 [n] at the reply's own rate, after what was sent before."""

    reply: int
    samples: np.ndarray = field(compare=False, repr=False)
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Hold(Action):
    """Pause sending the reply: there is speech over it. The client may play what it has buffered."""

    reply: int


@dataclass(frozen=True, slots=True)
class Resume(Action):
    """Continue sending where `Hold` paused: the speech was noise, a backchannel or echo."""

    reply: int


@dataclass(frozen=True, slots=True)
class Stop(Action):
    """The reply ends early: discard what was not sent. `samples` and `text` of it were heard, as far as is known."""

    reply: int
    samples: int
    text: str
    why: Literal["barge-in", "cancelled", "truncated", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class Finish(Action):
    """All of the reply was released (response.done); it is still playing."""

    reply: int


@dataclass(frozen=True, slots=True)
class End(Action):
    """All of the reply was played; `text` is what the history holds of it."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class Fail(Action):
    """Generating a reply that had begun failed; `Stop` follows."""

    reply: int
    why: str


# ---- tools and the end ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallTool(Action):
    """Call the tool while the reply goes on -> `ToolReturned`. Only for a reply that has begun."""

    reply: int
    call: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class AbandonTool(Action):
    """The result of this call is no longer awaited."""

    call: str


@dataclass(frozen=True, slots=True)
class Close(Action):
    """The session is over; the last action."""
