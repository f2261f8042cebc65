"""What a conversation's machine is told. What it asks for stands in `actions.py`; both are the contract of the room.

`Session.feed(event) -> list[Action]` knows nothing else of the world. Time is `at_ms` in the event, never a clock.
Places in what the microphone gave are samples at 16 kHz since the session began; lengths of a reply are samples at
16 kHz of that reply. A *turn* (of the user) and a *reply* (of the bot) are numbered from 1, never twice.

Everything here is ours: the paper's section on its real-time pipeline names the parts and publishes no interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from roundelay import machine
from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core.settings import Thresholds

RATE_HZ = 16_000  # of every sample count here: the embedded codec's rate

Code = Literal[
    "earlier",  # at_ms is before the last event's
    "closed",  # the session is over, or closing and takes nothing new
    "wrong_state",  # such an event cannot happen in this state
    "already_replying",  # ReplyRequested while a reply is active
    "not_replying",  # ReplyCancelled while there is none
    "unknown",  # a turn, reply, call or message of that name never was
    "out_of_range",  # more heard than was given, a probability above 1, a turn that ends before it begins
    "too_many",  # calls waiting, messages, or bytes beyond the limit
]


class IllegalEvent(machine.IllegalEvent):
    """The event cannot happen now; the session is as it was. `code` says which rule, for a protocol's error codes."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(code, why)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened `at_ms`; never earlier than the event before it."""

    at_ms: int


# ---- the ears ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """Time went by. Legal in every state; send one with every block of audio, or at `Session.wake_ms`."""


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """A voice began at `sample`; `echo` (0 to 1) is the share of it that the bot's own sound explains."""

    sample: int
    echo: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStopped(Event):
    """The voice ended at `sample` (the detector knows a little later, hence `at_ms`)."""

    sample: int


@dataclass(frozen=True, slots=True)
class EndOfTurnPredicted(Event):
    """The answer to `PredictEndOfTurn`: the probability (0 to 1) that the user has said all of `turn`."""

    turn: int
    probability: float


@dataclass(frozen=True, slots=True)
class Transcribed(Event):
    """What was read of `turn` in the samples up to `sample`: "" where there were no words."""

    turn: int
    text: str
    sample: int


# ---- the client --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnEnded(Event):
    """The client says that the turn is over (a commit). `start` and `sample` bound it where no detector found it."""

    start: int
    sample: int


@dataclass(frozen=True, slots=True)
class InputCleared(Event):
    """The client takes back what was said since the last commit."""


@dataclass(frozen=True, slots=True)
class ReplyRequested(Event):
    """The client wants a reply; `options` go to the work unread. Illegal while a reply is active.

    While the user speaks it waits: the reply to that turn is the one asked for.
    """

    options: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReplyCancelled(Event):
    """The client stops the active reply. Illegal while there is none."""


@dataclass(frozen=True, slots=True)
class Played(Event):
    """The first `samples` of `reply` have been heard. Never fewer than before, never more than were given out."""

    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class Truncated(Event):
    """The client corrects: of an active or past `reply` the first `samples` were heard. An active one stops."""

    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class MessageAdded(Event):
    """The client puts a message into the history (typed text, an earlier conversation). Asks for no reply."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageRemoved(Event):
    """The client takes the message named `key` out of the history. Illegal where there is none."""

    key: str


@dataclass(frozen=True, slots=True)
class Configured(Event):
    """Other thresholds hold from now on, for what is waited for already too."""

    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class CloseRequested(Event):
    """The session is to end: after what is being said, or `at_once`. No new turn begins then."""

    at_once: bool = False


# ---- the work ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplyText(Event):
    """The next clause of `reply`; the `ReplyAudio` that follow speak it. Late news of a dropped reply is ignored."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyAudio(Event):
    """The next sound of `reply`, float32 [n] at 16 kHz."""

    reply: int
    sound: np.ndarray = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ReplyDone(Event):
    """All of `reply` was given."""

    reply: int


@dataclass(frozen=True, slots=True)
class ReplyFailed(Event):
    """The work on `reply` failed; `why` is one line."""

    reply: int
    why: str


@dataclass(frozen=True, slots=True)
class ToolCalled(Event):
    """The text of `reply` calls a tool, with arguments as JSON text. A `call` that was there before gets a new name."""

    reply: int
    call: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolReturned(Event):
    """The result of `call`. With `fold` a reply that tells it follows as soon as nobody speaks, made with `options`."""

    call: str
    output: str
    follow_up: bool = True
    options: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Summarised(Event):
    """The answer to `Summarise`: `text` stands for the messages up to and with the one named `key`."""

    key: str
    text: str
