"""The events that a conversation's state machine takes; `actions.py` has what it returns. Both are its whole interface.

`Session.feed(event) -> list[Action]` has no other input. Time is `at_ms` in the event, never a clock.
Positions in the input are samples at `INPUT_RATE_HZ` since the session began; lengths of a reply are samples at that
reply's own rate, which every `ReplyAudio` carries. A *turn* (of the user) and a *reply* (of the bot) are numbered from
1, never twice.

All ours: the paper (arXiv 2502.11946, real-time inference) names the components and publishes no interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from roundelay import machine
from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core.settings import Thresholds

INPUT_RATE_HZ = 16_000  # of the input: what voice activity detection and the codec of the paper work at

Code = Literal[
    "earlier",  # at_ms is before that of the last event
    "closed",  # the session is closed, or closing and takes no new turn
    "wrong_state",  # the event cannot happen in this state
    "already_replying",  # ReplyRequested while a reply is active
    "not_replying",  # ReplyCancelled while there is none
    "unknown",  # there never was a turn, reply, call or message of that name
    "out_of_range",  # more played than released, a probability above 1, a turn that ends before it starts
    "too_many",  # pending calls, messages or bytes beyond a limit
]


class IllegalEvent(machine.IllegalEvent):
    """The event cannot happen now; the session is as it was. `code` says which rule, for a protocol's error codes."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(code, why)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `at_ms`, never earlier than the previous event."""

    at_ms: int


# ---- speech ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """Time passed. Legal in every state; send one with every block of audio, or at `Session.wake_ms`."""


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Speech started at `sample`; `echo` (0 to 1) is the share of it that the bot's playback explains."""

    sample: int
    echo: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStopped(Event):
    """Speech stopped at `sample`; the detector reports it a little later, at `at_ms`."""

    sample: int


@dataclass(frozen=True, slots=True)
class EndOfTurnPredicted(Event):
    """The answer to `PredictEndOfTurn`: the probability (0 to 1) that the user has said all of `turn`."""

    turn: int
    probability: float


@dataclass(frozen=True, slots=True)
class Transcribed(Event):
    """The transcript of `turn` up to `sample`: "" where there were no words."""

    turn: int
    text: str
    sample: int


@dataclass(frozen=True, slots=True)
class PartialTranscript(Event):
    """What a quick recogniser heard of `turn` up to `sample`; a `Transcribed` replaces it. Shown, not answered."""

    turn: int
    text: str
    sample: int


# ---- the client --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnEnded(Event):
    """The client ends the turn (a commit). `start` and `sample` bound it where no detector found it."""

    start: int
    sample: int


@dataclass(frozen=True, slots=True)
class InputCleared(Event):
    """The client discards the speech since the last commit."""


@dataclass(frozen=True, slots=True)
class ReplyRequested(Event):
    """The client requests a reply; `options` are passed on to its `Draft`. Illegal while a reply is active.

    While the user speaks the request waits, and the reply to that turn fulfils it.
    """

    options: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReplyCancelled(Event):
    """The client stops the active reply. Illegal while there is none."""


@dataclass(frozen=True, slots=True)
class Played(Event):
    """The first `samples` of `reply` have been played. Never fewer than before, never more than were released."""

    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class Truncated(Event):
    """The client reports that only the first `samples` of an active or past `reply` were heard. An active one stops."""

    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class MessageAdded(Event):
    """The client adds a message to the history (typed text, an earlier conversation). It requests no reply."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageRemoved(Event):
    """The client removes the message named `key` from the history. Illegal where there is none."""

    key: str


@dataclass(frozen=True, slots=True)
class Configured(Event):
    """New thresholds take effect, also for deadlines that are already running."""

    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class CloseRequested(Event):
    """The session is to end: after the active reply, or `at_once`. No new turn starts."""

    at_once: bool = False


# ---- the work ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """The next clause of `reply`; the `ReplyAudio` that follow speak it. Ignored for a reply that was dropped."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyAudio(Event):
    """The next audio of `reply`, float32 [n]. All audio of one reply has the same rate."""

    reply: int
    samples: np.ndarray = field(compare=False, repr=False)
    rate_hz: int


@dataclass(frozen=True, slots=True)
class ReplyWaiting(Event):
    """`reply` is still being made; other conversations hold it up."""

    reply: int


@dataclass(frozen=True, slots=True)
class ReplyDone(Event):
    """`reply` is complete."""

    reply: int


@dataclass(frozen=True, slots=True)
class ReplyFailed(Event):
    """Making `reply` failed; `why` is one line."""

    reply: int
    why: str


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """`reply` calls a tool with arguments as JSON text. A `call` id that is already in use is replaced by a new one."""

    reply: int
    call: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolReturned(Event):
    """The result of `call`. With `follow_up` a reply to it, made with `options`, starts at the next silence."""

    call: str
    output: str
    follow_up: bool = True
    options: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Summarised(Event):
    """The answer to `Summarise`: `text` replaces the messages up to and including the one named `key`."""

    key: str
    text: str
