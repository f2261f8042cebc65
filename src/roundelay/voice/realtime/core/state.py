"""What a session has_message between two events, and when it must be woken. Frozen: a step gives a new one, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core.actions import Action, CallTool, Play, Say
from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.realtime.core.context import Clause, Context, spoken_prefix
from roundelay.voice.realtime.core.events import RATE_HZ, Event
from roundelay.voice.realtime.core.settings import Thresholds

MAX_PAST_REPLIES = 16  # a client may correct what was heard of so many
MAX_PAST_CALLS = 64  # an answer that comes late is known to be late for so many
ECHO_WORDS_KEPT = 60  # words of the bot's that an echo is looked for in: about twenty seconds


class State(Enum):
    """Who has the floor: the paper's four, `Overlap` for a voice over the bot's, not yet understood, and the end."""

    SILENCE = "Silence"
    USER_SPEAKING = "UserSpeaking"
    USER_PAUSED = "UserPaused"
    BOT_REPLYING = "BotReplying"
    OVERLAP = "Overlap"
    CLOSED = "Closed"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user is saying: samples `start` to `end`, `voiced` of them voice before the voice going on now."""

    number: int
    start: int
    end: int
    voice_start: int
    started_ms: int
    since_ms: int  # when the voice, or the silence, that lasts began
    voiced: int = 0
    speaking: bool = True
    end_probability: float | None = None
    text: str | None = None
    text_sample: int = -1
    drafts: int = 0
    announced: bool = True
    after_reply: bool = False  # it began over the last words of a reply that was heard to its end
    exact: bool = False  # the client said where it begins

    @property
    def voiced_ms(self) -> int:
        """How much voice there was before the voice that goes on."""
        return self.voiced * 1000 // RATE_HZ

    @property
    def transcribed(self) -> bool:
        """Whether the text known is that of the whole turn so far."""
        return self.text is not None and not self.speaking and self.text_sample >= self.end


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply being made: a draft until `begun`. `queue` holds what may not be given out yet."""

    number: int
    cause: Literal["turn", "request", "tool"]
    drafted_ms: int
    progress_ms: int
    turn: int | None = None
    source_text: str | None = None  # the turn's text as this draft took it
    known_results: frozenset[str] = frozenset()  # results of calls that its history held
    options: Mapping[str, Any] | None = field(default=None, compare=False)
    begun: bool = False
    queue: tuple[Action, ...] = ()
    clauses: tuple[Clause, ...] = ()
    released_clauses: int = 0  # clauses given out
    released: int = 0  # samples given out
    played: int = 0
    done: bool = False

    @property
    def samples(self) -> int:
        """All the sound made so far."""
        return sum(clause.samples for clause in self.clauses)

    @property
    def playback_ended(self) -> bool:
        """Whether all of it was made and heard."""
        return self.done and self.played >= self.samples

    def spoken_prefix(self, ms_per_character: int) -> str:
        """The words that the user heard."""
        return spoken_prefix(self.clauses[: self.released_clauses], self.played, ms_per_character)

    def recent_text(self) -> str:
        """What the bot said lately, to know its echo by."""
        return " ".join(words(" ".join(clause.text for clause in self.clauses[-8:]))[-ECHO_WORDS_KEPT:])

    def with_queued(self, action: Action) -> Reply:
        """With one more action that waits."""
        return replace(self, queue=(*self.queue, action))

    def after_release(self, action: Action) -> Reply:
        """With the counts after the action was given out."""
        if isinstance(action, Play):
            return replace(self, released=self.released + len(action.sound))
        return replace(self, released_clauses=self.released_clauses + 1) if isinstance(action, Say) else self


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A tool's answer that is waited for."""

    action: CallTool
    due_ms: int


@dataclass(frozen=True, slots=True)
class SessionState:
    """All of a session's memory."""

    thresholds: Thresholds
    state: State = State.SILENCE
    now_ms: int = 0
    turns: int = 0
    replies: int = 0
    turn: Turn | None = None
    reply: Reply | None = None
    drafts: tuple[Reply, ...] = ()  # oldest first
    untranscribed: tuple[Turn, ...] = ()  # committed turns whose words are not known yet
    # options of a reply that is requested and waits until nobody speaks
    requested: tuple[Mapping[str, Any] | None] | None = field(default=None, compare=False)
    calls: tuple[PendingCall, ...] = ()
    past_call_ids: tuple[str, ...] = ()
    pending_results: tuple[str, ...] = ()  # results that no reply has told yet
    follow_up_options: Mapping[str, Any] | None = field(default=None, compare=False)  # of the reply that will
    deferred_results: tuple[Message, ...] = ()  # of tools, that came during the active reply: history after it
    context: Context = field(default_factory=Context)
    summarising: str | None = None
    past_replies: tuple[Reply, ...] = ()
    reply_ended_ms: int = -(10**9)  # when the bot last sounded
    closing: bool = False
    messages_added: int = 0  # messages of the client's without a key

    def find_reply(self, number: int) -> Reply | None:
        """The active reply or living draft of that number."""
        alive = (*self.drafts, self.reply) if self.reply else self.drafts
        return next((reply for reply in alive if reply.number == number), None)

    def with_reply(self, reply: Reply) -> SessionState:
        """With the reply or draft in the place of its former self."""
        if self.reply and self.reply.number == reply.number:
            return replace(self, reply=reply)
        return replace(self, drafts=tuple(reply if old.number == reply.number else old for old in self.drafts))

    def has_message(self, key: str) -> bool:
        """Whether a message of that key is in the history, or will be."""
        return key in self.context or any(result.key == key for result in self.deferred_results)

    def unique_call_id(self, call: str, reply: Reply) -> str:
        """A name for a call that no call had lately: chat models may count from 0 in every answer."""
        queued = [action for each in (*self.drafts, reply) for action in each.queue if isinstance(action, CallTool)]
        known = {each.call for each in queued} | {each.action.call for each in self.calls} | set(self.past_call_ids)
        made, at = call, 1
        while made in known or made in self.context:
            at += 1
            made = f"{call}-{reply.number}-{at}"
        return made

    def with_call(self, action: CallTool) -> SessionState:
        """With one more call that waits for its answer."""
        call = PendingCall(action, self.now_ms + self.thresholds.tool_timeout_ms)
        return replace(self, calls=(*self.calls, call))

    def without_call(self, name: str) -> SessionState:
        """Without that call, which is now a past one."""
        calls = tuple(call for call in self.calls if call.action.call != name)
        return replace(self, calls=calls, past_call_ids=(*self.past_call_ids, name)[-MAX_PAST_CALLS:])


# ---- what falls due: events that time alone makes


@dataclass(frozen=True, slots=True)
class CommitDue(Event):
    """The silence has lasted long enough: the turn is over."""


@dataclass(frozen=True, slots=True)
class TurnTooLong(Event):
    """The turn has reached its limit."""


@dataclass(frozen=True, slots=True)
class BargeInDue(Event):
    """The voice over the bot's has lasted too long for a backchannel."""


@dataclass(frozen=True, slots=True)
class VerdictDue(Event):
    """No word was read of a short sound over the bot's."""


@dataclass(frozen=True, slots=True)
class PlaybackEnded(Event):
    """All of the reply was made and heard."""


@dataclass(frozen=True, slots=True)
class StallDue(Event):
    """The work on the reply, or its playback, is silent for too long."""


@dataclass(frozen=True, slots=True)
class ToolDue(Event):
    """A call has waited too long."""


@dataclass(frozen=True, slots=True)
class ReplyDue(Event):
    """A reply that was asked for while the user spoke can begin: nobody speaks."""


@dataclass(frozen=True, slots=True)
class FollowUpDue(Event):
    """A tool's result can be told: nobody speaks."""


@dataclass(frozen=True, slots=True)
class CloseDue(Event):
    """Nothing is left to be said."""


def deadlines(s: SessionState) -> Iterator[Event]:
    """All that will fall due if nothing else happens; what is due already has a time in the past."""
    limits, state, turn, reply = s.thresholds, s.state, s.turn, s.reply
    if state is State.CLOSED:
        return
    if reply is not None and reply.playback_ended:
        yield PlaybackEnded(s.now_ms)
    if state is State.USER_SPEAKING and turn:
        yield TurnTooLong(turn.started_ms + limits.turn_max_ms)
    if state is State.USER_PAUSED and turn and (wait_ms := limits.wait_ms(turn.end_probability)) is not None:
        yield CommitDue(turn.since_ms + max(0, wait_ms - limits.silence_min_ms))  # that much silence had passed before
    if state is State.OVERLAP and turn:
        if turn.speaking:
            yield BargeInDue(turn.since_ms + max(0, limits.barge_in_ms - turn.voiced_ms))
        else:
            yield VerdictDue(turn.since_ms + limits.verdict_ms)
    if state is State.BOT_REPLYING and reply:
        yield StallDue(reply.progress_ms + limits.stall_ms + (reply.released - reply.played) * 1000 // RATE_HZ)
    if s.calls:
        yield ToolDue(min(call.due_ms for call in s.calls))
    if state is State.SILENCE:
        if s.closing:
            yield CloseDue(s.now_ms)
        elif s.requested:
            yield ReplyDue(s.now_ms)
        elif s.pending_results:
            yield FollowUpDue(s.now_ms)


def next_due(s: SessionState) -> Event | None:
    """What falls due first; of two at the same time the one named first in `deadlines`."""
    return min(deadlines(s), key=lambda event: event.at_ms, default=None)
