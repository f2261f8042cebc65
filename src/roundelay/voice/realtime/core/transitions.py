"""The transition table of a conversation: state, event, guard, effect, next state.

`Session` executes it and `docs/make_session.py` draws it, with the docstrings of guards and effects as its sentences.
Rows are tried in order; where none fits, the event is illegal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core import replies, side_effects, turns
from roundelay.voice.realtime.core import state as due
from roundelay.voice.realtime.core.backchannel import wants_floor, words
from roundelay.voice.realtime.core.replies import Out
from roundelay.voice.realtime.core.state import SessionState, State

Effect = Callable[[SessionState, ev.Event, Out], SessionState]
Guard = Callable[[SessionState, ev.Event], bool]
S, U, P, B, O, C = State  # noqa: E741


def always(s: SessionState, e: ev.Event) -> bool:
    """"""
    return True


def cannot_interrupt(s: SessionState, e: ev.Event) -> bool:
    """interruption is off, or the session is closing"""
    return not s.thresholds.interrupt or ignores_speech(s, e)


def ignores_speech(s: SessionState, e: ev.Event) -> bool:
    """only the client ends turns, or the session is closing"""
    return s.closing or s.thresholds.detection == "none"


def is_echo(s: SessionState, e: ev.Event) -> bool:
    """it is echo of the bot"""
    assert isinstance(e, ev.SpeechStarted)
    sounding = s.reply is not None or s.now_ms - s.reply_ended_ms <= s.thresholds.echo_tail_ms
    return sounding and e.echo >= s.thresholds.echo


def too_short(s: SessionState, e: ev.Event) -> bool:
    """the speech was too short for a turn"""
    assert isinstance(e, ev.SpeechStopped) and s.turn
    voiced = s.turn.voiced + e.sample - s.turn.voice_start
    return voiced * 1000 < s.thresholds.turn_min_ms * ev.INPUT_RATE_HZ


def _about_turn(s: SessionState, e: ev.Event) -> bool:
    return s.turn is not None and e.turn == s.turn.number  # type: ignore[attr-defined]


def of_this_turn(s: SessionState, e: ev.Event) -> bool:
    """it is of this turn"""
    return _about_turn(s, e)


def is_noise(s: SessionState, e: ev.Event) -> bool:
    """a short sound without words, or a backchannel to the end of a reply"""
    assert isinstance(e, ev.Transcribed)
    if not (_about_turn(s, e) and s.turn and e.sample >= s.turn.end):
        return False
    if s.turn.after_reply and s.past_replies and words(e.text):
        return not wants_floor(e.text, s.past_replies[-1].recent_text(), s.language)
    return not words(e.text) and s.turn.voiced_ms < s.thresholds.noise_max_ms


def is_corrected(s: SessionState, e: ev.Event) -> bool:
    """the transcript differs from the one that the draft answers"""
    assert isinstance(e, ev.Transcribed)
    if not (_about_turn(s, e) and s.turn and e.sample >= s.turn.end and s.drafts and words(e.text)):
        return False
    source_text = s.drafts[-1].source_text
    return (
        source_text is not None and words(source_text) != words(e.text) and s.turn.drafts < s.thresholds.drafts_per_turn
    )


def is_addressed(s: SessionState, e: ev.Event) -> bool:
    """the words are neither backchannel nor echo"""
    assert isinstance(e, ev.Transcribed)
    return _about_turn(s, e) and s.reply is not None and wants_floor(e.text, s.reply.recent_text(), s.language)


def is_addressed_while_speaking(s: SessionState, e: ev.Event) -> bool:
    """the words are neither backchannel nor echo, and the user still speaks"""
    return is_addressed(s, e) and s.turn is not None and s.turn.speaking


def is_dismissed(s: SessionState, e: ev.Event) -> bool:
    """the speech is over, and was no words, a backchannel or echo"""
    assert isinstance(e, ev.Transcribed)
    whole = s.turn is not None and not s.turn.speaking and e.sample >= s.turn.end
    return _about_turn(s, e) and whole and not is_addressed(s, e)


def is_still_speaking(s: SessionState, e: ev.Event) -> bool:
    """the user still speaks"""
    return s.turn is not None and s.turn.speaking


def of_active_reply(s: SessionState, e: ev.Event) -> bool:
    """it is of the active reply"""
    return s.reply is not None and s.reply.number == e.reply  # type: ignore[attr-defined]


def of_active_reply_while_speaking(s: SessionState, e: ev.Event) -> bool:
    """it is of the active reply, and the user still speaks"""
    return of_active_reply(s, e) and is_still_speaking(s, e)


def replies_automatically(s: SessionState, e: ev.Event) -> bool:
    """replies are automatic, or one was requested"""
    return s.thresholds.create_reply or s.requested is not None


def at_once(s: SessionState, e: ev.Event) -> bool:
    """at once"""
    assert isinstance(e, ev.CloseRequested)
    return e.at_once


@dataclass(frozen=True, slots=True)
class Row:
    """In `state`, on `event`, if `guard` holds: apply `effect` and go to `to`."""

    state: State
    event: type[ev.Event]
    guard: Guard
    effect: Effect
    to: State


ROWS = (
    # -- silence
    Row(S, ev.SpeechStarted, ignores_speech, side_effects.ignore, S),
    Row(S, ev.SpeechStarted, is_echo, side_effects.ignore, S),
    Row(S, ev.SpeechStarted, always, turns.start_turn, U),
    Row(S, ev.SpeechStopped, always, side_effects.ignore, S),
    Row(S, ev.TurnEnded, always, turns.commit_span, S),
    Row(S, ev.InputCleared, always, side_effects.ignore, S),
    Row(S, ev.ReplyRequested, always, replies.reply_to_request, B),
    Row(S, due.ReplyDue, always, replies.reply_to_request, B),
    Row(S, due.FollowUpDue, always, replies.follow_up, B),
    Row(S, due.CloseDue, always, side_effects.close, C),
    # -- the user speaks
    Row(U, ev.SpeechStopped, too_short, turns.drop_turn, S),
    Row(U, ev.SpeechStopped, always, turns.pause, P),
    Row(U, ev.Transcribed, of_this_turn, turns.note_transcript, U),
    Row(U, ev.PartialTranscript, of_this_turn, turns.show_partial, U),
    Row(U, due.TurnTooLong, replies_automatically, turns.cut_and_begin, B),
    Row(U, due.TurnTooLong, always, turns.cut, S),
    Row(U, ev.TurnEnded, always, turns.commit, S),
    Row(U, ev.InputCleared, always, turns.drop_turn, S),
    Row(U, ev.ReplyRequested, always, replies.defer_request, U),
    # -- the user pauses: is the turn over?
    Row(P, ev.SpeechStarted, always, turns.resume_turn, U),
    Row(P, ev.EndOfTurnPredicted, of_this_turn, turns.note_probability, P),
    Row(P, ev.Transcribed, is_noise, turns.drop_turn, S),
    Row(P, ev.Transcribed, is_corrected, turns.redraft, P),
    Row(P, ev.Transcribed, of_this_turn, turns.note_transcript, P),
    Row(P, ev.PartialTranscript, of_this_turn, turns.show_partial, P),
    Row(P, due.CommitDue, replies_automatically, turns.commit_and_begin, B),
    Row(P, due.CommitDue, always, turns.commit, S),
    Row(P, ev.TurnEnded, always, turns.commit, S),
    Row(P, ev.InputCleared, always, turns.drop_turn, S),
    Row(P, ev.ReplyRequested, always, turns.commit_and_begin, B),
    # -- the bot replies
    Row(B, ev.SpeechStarted, cannot_interrupt, side_effects.ignore, B),
    Row(B, ev.SpeechStarted, is_echo, side_effects.ignore, B),
    Row(B, ev.SpeechStarted, always, turns.hold, O),
    Row(B, ev.SpeechStopped, always, side_effects.ignore, B),
    Row(B, ev.Transcribed, is_addressed, turns.yield_floor, P),
    Row(B, ev.TurnEnded, always, turns.commit_span, B),
    Row(B, ev.InputCleared, always, side_effects.ignore, B),
    Row(B, due.PlaybackEnded, always, replies.end_reply, S),
    Row(B, due.StallDue, always, replies.end_reply, S),
    Row(B, ev.ReplyCancelled, always, replies.end_reply, S),
    Row(B, ev.Truncated, of_active_reply, replies.end_reply, S),
    Row(B, ev.ReplyFailed, of_active_reply, replies.end_reply, S),
    # -- the user speaks over the bot, which is held: barge-in or not?
    Row(O, ev.SpeechStarted, always, turns.voice_resumed, O),
    Row(O, ev.SpeechStopped, always, turns.voice_stopped, O),
    Row(O, due.BargeInDue, always, turns.yield_floor, U),
    Row(O, ev.Transcribed, is_addressed_while_speaking, turns.yield_floor, U),
    Row(O, ev.Transcribed, is_addressed, turns.yield_floor, P),
    Row(O, ev.Transcribed, is_dismissed, turns.resume, B),
    Row(O, due.VerdictDue, always, turns.resume, B),
    Row(O, ev.InputCleared, always, turns.resume, B),
    Row(O, ev.TurnEnded, always, turns.take_floor_and_commit, S),
    Row(O, due.PlaybackEnded, is_still_speaking, turns.yield_floor, U),
    Row(O, due.PlaybackEnded, always, turns.yield_floor, P),
    Row(O, ev.ReplyCancelled, is_still_speaking, turns.yield_floor, U),
    Row(O, ev.ReplyCancelled, always, turns.yield_floor, P),
    Row(O, ev.Truncated, of_active_reply_while_speaking, turns.yield_floor, U),
    Row(O, ev.Truncated, of_active_reply, turns.yield_floor, P),
    Row(O, ev.ReplyFailed, of_active_reply_while_speaking, turns.yield_floor, U),
    Row(O, ev.ReplyFailed, of_active_reply, turns.yield_floor, P),
    # -- the end
    *(Row(state, ev.CloseRequested, at_once, side_effects.close, C) for state in (S, U, P, B, O)),
    Row(S, ev.CloseRequested, always, side_effects.close, C),
    Row(U, ev.CloseRequested, always, side_effects.close, C),
    Row(P, ev.CloseRequested, always, side_effects.close, C),
    Row(B, ev.CloseRequested, always, side_effects.close_later, B),
    Row(O, ev.CloseRequested, always, side_effects.close_later_and_resume, B),
)

# In every state but Closed; they do not move the floor.
ANYWHERE: tuple[tuple[type[ev.Event], Effect], ...] = (
    (ev.Tick, side_effects.ignore),
    (ev.EndOfTurnPredicted, side_effects.ignore),
    (ev.Transcribed, turns.late_transcript),
    (ev.PartialTranscript, side_effects.ignore),
    (ev.Played, replies.note_playback),
    (ev.Truncated, replies.correct_past_reply),
    (ev.ReplyText, replies.add_output),
    (ev.ReplyAudio, replies.add_output),
    (ev.ReplyWaiting, replies.note_waiting),
    (ev.ReplyDone, replies.add_output),
    (ev.ToolCalled, replies.add_output),
    (ev.ReplyFailed, replies.draft_failed),
    (ev.ToolReturned, side_effects.tool_returned),
    (due.ToolDue, side_effects.tool_timed_out),
    (ev.Summarised, side_effects.summarised),
    (ev.MessageAdded, side_effects.message_added),
    (ev.MessageRemoved, side_effects.message_removed),
    (ev.Configured, side_effects.configured),
)
# Events that may still arrive in Closed, and are ignored there.
LATE = (
    ev.Tick, ev.SpeechStarted, ev.SpeechStopped, ev.EndOfTurnPredicted, ev.Transcribed, ev.PartialTranscript,
    ev.Played, ev.ReplyText, ev.ReplyAudio, ev.ReplyWaiting, ev.ReplyDone, ev.ToolCalled, ev.ReplyFailed,
    ev.ToolReturned, ev.Summarised, ev.CloseRequested,
)  # fmt: skip


def all_rows() -> tuple[Row, ...]:
    """Every row in the order in which they are tried, the general ones expanded for each state."""
    general = tuple(Row(state, event, always, effect, state) for state in (S, U, P, B, O) for event, effect in ANYWHERE)
    return (*ROWS, *general, *(Row(C, event, always, side_effects.ignore, C) for event in LATE))
