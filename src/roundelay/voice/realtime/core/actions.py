"""What a conversation's machine asks the shell to do: about the turn, the work, the reply and the tools.

The shell does them in order. Samples and numbers are those of `events.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from roundelay.voice.interfaces import Message


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the shell is to do."""


# ---- the turn ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTurn(Action):
    """Tell the client that the user began to speak at `sample` (speech_started); it flushes what it still holds."""

    turn: int
    sample: int


@dataclass(frozen=True, slots=True)
class StopTurn(Action):
    """Tell the client that the user stopped at `sample` (speech_stopped); `CommitTurn` or `DropTurn` follows."""

    turn: int
    sample: int


@dataclass(frozen=True, slots=True)
class CommitTurn(Action):
    """The turn is samples `start` to `end`, and part of the history."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DropTurn(Action):
    """The turn was nothing: a noise, or taken back."""

    turn: int


@dataclass(frozen=True, slots=True)
class Caption(Action):
    """What was read of the turn so far; `final` when it is all of a committed turn."""

    turn: int
    text: str
    final: bool


# ---- the work ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PredictEndOfTurn(Action):
    """Judge whether the turn, samples `start` to `end`, is over -> `EndOfTurnPredicted`."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Transcribe(Action):
    """Read samples `start` to `end` -> `Transcribed`. `exact`: the client said where it begins; what is before is not
    part of it."""

    turn: int
    start: int
    end: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Draft(Action):
    """Make a reply -> `ReplyText`, `ReplyAudio`…, `ToolCalled`…, `ReplyDone` or `ReplyFailed`.

    cause "turn": answer samples `start` to `end` (send `Transcribed` too, unless `heard` has their text already).
    cause "request": answer the last message of `history`. cause "tool": tell the tool's result, which is the last one.
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
    """Cancel the work on a reply. Follows `Stop` for a reply that had begun; alone for a draft nobody heard of."""

    reply: int


@dataclass(frozen=True, slots=True)
class Summarise(Action):
    """The history is long: say these messages shortly -> `Summarised` with the `key` of the last of them."""

    messages: tuple[Message, ...]
    key: str


# ---- the reply --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin(Action):
    """The reply is committed (response.created). It was drafted `ahead_ms` ago: 0 where nothing was gained."""

    reply: int
    turn: int | None
    ahead_ms: int
    options: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Say(Action):
    """The next clause of the reply, for captions; its sound follows."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class Play(Action):
    """Send this sound, float32 [n] at 16 kHz, after what was given before."""

    reply: int
    sound: np.ndarray = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Hold(Action):
    """Send no more of the reply for now: somebody speaks over it. What the client holds it may go on playing."""

    reply: int


@dataclass(frozen=True, slots=True)
class Resume(Action):
    """It was nothing, a backchannel or an echo: send on from where `Hold` stopped."""

    reply: int


@dataclass(frozen=True, slots=True)
class Stop(Action):
    """The reply ends here: throw away what was not sent. `samples` and `text` of it were heard, as far as is known."""

    reply: int
    samples: int
    text: str
    why: Literal["barge-in", "cancelled", "truncated", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class Finish(Action):
    """All of the reply was given out (response.done); it is still being heard."""

    reply: int


@dataclass(frozen=True, slots=True)
class End(Action):
    """All of the reply was heard; `text` is what the history holds of it."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class Fail(Action):
    """The work on a begun reply failed; `Stop` follows."""

    reply: int
    why: str


# ---- tools and the end ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallTool(Action):
    """Call the tool while the reply goes on -> `ToolReturned`. Only ever of a reply that has begun."""

    reply: int
    call: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class AbandonTool(Action):
    """Nobody waits for this call any more."""

    call: str


@dataclass(frozen=True, slots=True)
class Close(Action):
    """The session is over; the last action."""
