"""The state of a session between two events, and its deadlines. Frozen: a step returns a new state or raises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Literal

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core.actions import Action, CallTool, Play, Say
from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.realtime.core.context import Clause, Context, spoken_prefix
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ, Event
from roundelay.voice.realtime.core.language import NO_LANGUAGE, Language
from roundelay.voice.realtime.core.settings import Thresholds

MAX_PAST_REPLIES = 16  # whose heard part a client may still correct
MAX_PAST_CALLS = 64  # whose late results are still recognised
ECHO_WORDS_KEPT = 60  # of the bot's latest words, about twenty seconds, that are compared with overlapping speech


class State(Enum):
    """Who has the floor: the paper's four states, `Overlap` for unclassified speech over the bot's, and the end."""

    SILENCE = "Silence"
    USER_SPEAKING = "UserSpeaking"
    USER_PAUSED = "UserPaused"
    BOT_REPLYING = "BotReplying"
    OVERLAP = "Overlap"
    CLOSED = "Closed"


@dataclass(frozen=True, slots=True)
class Turn:
    """The user's turn: samples `start` to `end`; `voiced` of them are speech, without the speech now in progress."""

    number: int
    start: int
    end: int
    voice_start: int
    started_ms: int
    since_ms: int  # when the current speech or silence started
    voiced: int = 0
    speaking: bool = True
    end_probability: float | None = None
    text: str | None = None
    text_sample: int = -1
    drafts: int = 0
    announced: bool = True
    after_reply: bool = False  # it started over the last words of a reply that was played to its end
    exact: bool = False  # the client set its start

    @property
    def voiced_ms(self) -> int:
        """Milliseconds of speech, without the speech now in progress."""
        return self.voiced * 1000 // INPUT_RATE_HZ

    @property
    def transcribed(self) -> bool:
        """Whether `text` is the transcript of the whole turn so far."""
        return self.text is not None and not self.speaking and self.text_sample >= self.end


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply being generated: a draft until `begun`. `queue` holds actions that may not be released yet."""

    number: int
    cause: Literal["turn", "request", "tool"]
    drafted_ms: int
    progress_ms: int
    turn: int | None = None
    source_text: str | None = None  # the transcript that this draft answers
    known_results: frozenset[str] = frozenset()  # tool results that its history held
    options: Mapping[str, Any] | None = field(default=None, compare=False)
    begun: bool = False
    queue: tuple[Action, ...] = ()
    clauses: tuple[Clause, ...] = ()
    released_clauses: int = 0  # clauses sent
    released: int = 0  # samples sent
    played: int = 0
    rate_hz: int = 0  # of its samples; 0 until the first audio
    done: bool = False

    @property
    def samples(self) -> int:
        """Samples generated so far."""
        return sum(clause.samples for clause in self.clauses)

    @property
    def unheard_ms(self) -> int:
        """The length of what was sent and not played yet."""
        return (self.released - self.played) * 1000 // self.rate_hz if self.rate_hz else 0

    @property
    def playback_ended(self) -> bool:
        """Whether all of it was generated and played."""
        return self.done and self.played >= self.samples

    def spoken_prefix(self, ms_per_character: int) -> str:
        """The words that were played to the user."""
        return spoken_prefix(self.clauses[: self.released_clauses], self.played, ms_per_character, self.rate_hz)

    def recent_text(self) -> str:
        """The bot's latest words, to recognise their echo."""
        return " ".join(words(" ".join(clause.text for clause in self.clauses[-8:]))[-ECHO_WORDS_KEPT:])

    def with_queued(self, action: Action) -> Reply:
        """With the action appended to the queue."""
        return replace(self, queue=(*self.queue, action))

    def after_release(self, action: Action) -> Reply:
        """With the counts as they are after the action was released."""
        if isinstance(action, Play):
            return replace(self, released=self.released + len(action.samples))
        return replace(self, released_clauses=self.released_clauses + 1) if isinstance(action, Say) else self


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A tool call whose result is awaited until `due_ms`."""

    action: CallTool
    due_ms: int


@dataclass(frozen=True, slots=True)
class SessionState:
    """The whole state of a session."""

    thresholds: Thresholds
    language: Language = NO_LANGUAGE
    state: State = State.SILENCE
    now_ms: int = 0
    turns: int = 0
    replies: int = 0
    turn: Turn | None = None
    reply: Reply | None = None
    drafts: tuple[Reply, ...] = ()  # oldest first
    untranscribed: tuple[Turn, ...] = ()  # committed turns without a transcript yet
    # options of a reply that is requested and waits for silence
    requested: tuple[Mapping[str, Any] | None] | None = field(default=None, compare=False)
    calls: tuple[PendingCall, ...] = ()
    past_call_ids: tuple[str, ...] = ()
    pending_results: tuple[str, ...] = ()  # calls whose results no reply has used yet
    follow_up_options: Mapping[str, Any] | None = field(default=None, compare=False)  # of the reply that will use them
    deferred_results: tuple[Message, ...] = ()  # of tools, that came during the active reply: history after it
    context: Context = field(default_factory=Context)
    summarising: str | None = None
    past_replies: tuple[Reply, ...] = ()
    reply_ended_ms: int = -(10**9)  # when the last reply ended
    closing: bool = False
    messages_added: int = 0  # client messages without a key of their own

    def find_reply(self, number: int) -> Reply | None:
        """The active reply or draft of that number, or None."""
        alive = (*self.drafts, self.reply) if self.reply else self.drafts
        return next((reply for reply in alive if reply.number == number), None)

    def with_reply(self, reply: Reply) -> SessionState:
        """With the active reply or draft of the same number replaced by `reply`."""
        if self.reply and self.reply.number == reply.number:
            return replace(self, reply=reply)
        return replace(self, drafts=tuple(reply if old.number == reply.number else old for old in self.drafts))

    def has_message(self, key: str) -> bool:
        """Whether a message named `key` is in the history or deferred."""
        return key in self.context or any(result.key == key for result in self.deferred_results)

    def unique_call_id(self, call: str, reply: Reply) -> str:
        """A call id not used recently, `call` if possible: chat models may number calls from 0 in every answer."""
        queued = [action for each in (*self.drafts, reply) for action in each.queue if isinstance(action, CallTool)]
        known = {each.call for each in queued} | {each.action.call for each in self.calls} | set(self.past_call_ids)
        made, at = call, 1
        while made in known or made in self.context:
            at += 1
            made = f"{call}-{reply.number}-{at}"
        return made

    def with_call(self, action: CallTool) -> SessionState:
        """With one more pending call."""
        call = PendingCall(action, self.now_ms + self.thresholds.tool_timeout_ms)
        return replace(self, calls=(*self.calls, call))

    def without_call(self, name: str) -> SessionState:
        """With the call moved from the pending to the past ones."""
        calls = tuple(call for call in self.calls if call.action.call != name)
        return replace(self, calls=calls, past_call_ids=(*self.past_call_ids, name)[-MAX_PAST_CALLS:])


# ---- deadlines: events caused by time alone


@dataclass(frozen=True, slots=True)
class CommitDue(Event):
    """The silence after the speech is long enough to end the turn."""


@dataclass(frozen=True, slots=True)
class TurnTooLong(Event):
    """The turn has reached its limit."""


@dataclass(frozen=True, slots=True)
class BargeInDue(Event):
    """The overlapping speech is too long for a backchannel."""


@dataclass(frozen=True, slots=True)
class VerdictDue(Event):
    """No transcript of a short overlapping sound arrived in time."""


@dataclass(frozen=True, slots=True)
class PlaybackEnded(Event):
    """All of the reply was generated and played."""


@dataclass(frozen=True, slots=True)
class StallDue(Event):
    """Generation or playback of the reply made no progress for too long."""


@dataclass(frozen=True, slots=True)
class ToolDue(Event):
    """A tool did not return in time."""


@dataclass(frozen=True, slots=True)
class ReplyDue(Event):
    """A reply requested while the user spoke can start: there is silence."""


@dataclass(frozen=True, slots=True)
class FollowUpDue(Event):
    """A reply to tool results can start: there is silence."""


@dataclass(frozen=True, slots=True)
class CloseDue(Event):
    """The closing session has nothing left to say."""


def deadlines(s: SessionState) -> Iterator[Event]:
    """Yield every deadline that stands if nothing else happens; one that has passed lies in the past."""
    limits, state, turn, reply = s.thresholds, s.state, s.turn, s.reply
    if state is State.CLOSED:
        return
    if reply is not None and reply.playback_ended:
        yield PlaybackEnded(s.now_ms)
    if state is State.USER_SPEAKING and turn:
        yield TurnTooLong(turn.started_ms + limits.turn_max_ms)
    if state is State.USER_PAUSED and turn and (wait_ms := limits.wait_ms(turn.end_probability)) is not None:
        # silence_min_ms had passed before SpeechStopped was reported
        yield CommitDue(turn.since_ms + max(0, wait_ms - limits.silence_min_ms))
    if state is State.OVERLAP and turn:
        if turn.speaking:
            yield BargeInDue(turn.since_ms + max(0, limits.barge_in_ms - turn.voiced_ms))
        else:
            yield VerdictDue(turn.since_ms + limits.verdict_ms)
    if state is State.BOT_REPLYING and reply:
        yield StallDue(reply.progress_ms + limits.stall_ms + reply.unheard_ms)
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
    """The earliest deadline, or None; of two at the same time the one that `deadlines` yields first."""
    return min(deadlines(s), key=lambda event: event.at_ms, default=None)
