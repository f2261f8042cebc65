"""The one table of a conversation: in which state which event, under which condition, does what and leads where.

`Session` reads it, and `docs/make_session.py` draws it. Rows are tried in order; where none fits, the event is illegal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core import replies, side_effects, turns
from roundelay.voice.realtime.core import state as due
from roundelay.voice.realtime.core.backchannel import wants_floor, words
from roundelay.voice.realtime.core.replies import Out
from roundelay.voice.realtime.core.state import Memory, State

Effect = Callable[[Memory, ev.Event, Out], Memory]
Guard = Callable[[Memory, ev.Event], bool]
S, U, P, B, O, C = State  # noqa: E741


def always(m: Memory, e: ev.Event) -> bool:
    """"""
    return True


def cannot_interrupt(m: Memory, e: ev.Event) -> bool:
    """a voice may not interrupt, or the session closes"""
    return not m.thresholds.interrupt or takes_no_voice(m, e)


def takes_no_voice(m: Memory, e: ev.Event) -> bool:
    """only the client ends turns, or the session closes"""
    return m.closing or m.thresholds.detection == "none"


def is_echo(m: Memory, e: ev.Event) -> bool:
    """it is the echo of the bot"""
    assert isinstance(e, ev.SpeechStarted)
    sounding = m.reply is not None or m.now_ms - m.quiet_ms <= m.thresholds.echo_tail_ms
    return sounding and e.echo >= m.thresholds.echo


def too_short(m: Memory, e: ev.Event) -> bool:
    """the voice was too short for a turn"""
    assert isinstance(e, ev.SpeechStopped) and m.turn
    voiced = m.turn.voiced + e.sample - m.turn.voice_from
    return voiced * 1000 < m.thresholds.turn_min_ms * ev.RATE_HZ


def _about_turn(m: Memory, e: ev.Event) -> bool:
    return m.turn is not None and e.turn == m.turn.number  # type: ignore[attr-defined]


def of_this_turn(m: Memory, e: ev.Event) -> bool:
    """it is about this turn"""
    return _about_turn(m, e)


def is_noise(m: Memory, e: ev.Event) -> bool:
    """a short sound without a word, or a backchannel to the end of a reply"""
    assert isinstance(e, ev.Transcribed)
    if not (_about_turn(m, e) and m.turn and e.sample >= m.turn.end):
        return False
    if m.turn.over and m.past and words(e.text):
        return not wants_floor(e.text, m.past[-1].lately())
    return not words(e.text) and m.turn.voiced_ms < m.thresholds.noise_max_ms


def is_corrected(m: Memory, e: ev.Event) -> bool:
    """the words are not those the draft answers"""
    assert isinstance(e, ev.Transcribed)
    if not (_about_turn(m, e) and m.turn and e.sample >= m.turn.end and m.drafts and words(e.text)):
        return False
    basis = m.drafts[-1].basis
    return basis is not None and words(basis) != words(e.text) and m.turn.drafts < m.thresholds.drafts_per_turn


def are_words(m: Memory, e: ev.Event) -> bool:
    """they are words to the bot: no backchannel, no echo"""
    assert isinstance(e, ev.Transcribed)
    return _about_turn(m, e) and m.reply is not None and wants_floor(e.text, m.reply.lately())


def are_words_while_voiced(m: Memory, e: ev.Event) -> bool:
    """they are words to the bot, and the voice goes on"""
    return are_words(m, e) and m.turn is not None and m.turn.speaking


def are_nothing(m: Memory, e: ev.Event) -> bool:
    """the sound is over: no word, a backchannel or an echo"""
    assert isinstance(e, ev.Transcribed)
    whole = m.turn is not None and not m.turn.speaking and e.sample >= m.turn.end
    return _about_turn(m, e) and whole and not are_words(m, e)


def voice_goes_on(m: Memory, e: ev.Event) -> bool:
    """the voice goes on"""
    return m.turn is not None and m.turn.speaking


def of_active(m: Memory, e: ev.Event) -> bool:
    """it is the active reply"""
    return m.reply is not None and m.reply.number == e.reply  # type: ignore[attr-defined]


def of_active_while_voiced(m: Memory, e: ev.Event) -> bool:
    """it is the active reply, and the voice goes on"""
    return of_active(m, e) and voice_goes_on(m, e)


def answers(m: Memory, e: ev.Event) -> bool:
    """turns are answered"""
    return m.thresholds.create_reply or m.asked is not None


def at_once(m: Memory, e: ev.Event) -> bool:
    """at once"""
    assert isinstance(e, ev.CloseAsked)
    return e.at_once


@dataclass(frozen=True, slots=True)
class Row:
    """In `state`, on `event`, if `guard`: do `effect` and go to `to`."""

    state: State
    event: type[ev.Event]
    guard: Guard
    effect: Effect
    to: State


ROWS = (
    # -- nobody speaks
    Row(S, ev.SpeechStarted, takes_no_voice, side_effects.stay, S),
    Row(S, ev.SpeechStarted, is_echo, side_effects.stay, S),
    Row(S, ev.SpeechStarted, always, turns.start_turn, U),
    Row(S, ev.SpeechStopped, always, side_effects.stay, S),
    Row(S, ev.TurnEnded, always, turns.commit_given, S),
    Row(S, ev.InputCleared, always, side_effects.stay, S),
    Row(S, ev.ReplyAsked, always, replies.ask, B),
    Row(S, due.AskDue, always, replies.ask, B),
    Row(S, due.FoldDue, always, replies.fold, B),
    Row(S, due.CloseDue, always, side_effects.close, C),
    # -- the user speaks
    Row(U, ev.SpeechStopped, too_short, turns.drop_turn, S),
    Row(U, ev.SpeechStopped, always, turns.pause, P),
    Row(U, ev.Transcribed, of_this_turn, turns.read, U),
    Row(U, due.TurnTooLong, answers, turns.cut_and_begin, B),
    Row(U, due.TurnTooLong, always, turns.cut, S),
    Row(U, ev.TurnEnded, always, turns.commit, S),
    Row(U, ev.InputCleared, always, turns.drop_turn, S),
    Row(U, ev.ReplyAsked, always, replies.ask_later, U),
    # -- the user pauses: is the turn over?
    Row(P, ev.SpeechStarted, always, turns.go_on, U),
    Row(P, ev.TurnJudged, of_this_turn, turns.judge, P),
    Row(P, ev.Transcribed, is_noise, turns.drop_turn, S),
    Row(P, ev.Transcribed, is_corrected, turns.redraft, P),
    Row(P, ev.Transcribed, of_this_turn, turns.read, P),
    Row(P, due.CommitDue, answers, turns.commit_and_begin, B),
    Row(P, due.CommitDue, always, turns.commit, S),
    Row(P, ev.TurnEnded, always, turns.commit, S),
    Row(P, ev.InputCleared, always, turns.drop_turn, S),
    Row(P, ev.ReplyAsked, always, turns.commit_and_begin, B),
    # -- the bot replies
    Row(B, ev.SpeechStarted, cannot_interrupt, side_effects.stay, B),
    Row(B, ev.SpeechStarted, is_echo, side_effects.stay, B),
    Row(B, ev.SpeechStarted, always, turns.hold, O),
    Row(B, ev.SpeechStopped, always, side_effects.stay, B),
    Row(B, ev.Transcribed, are_words, turns.yield_floor, P),
    Row(B, ev.TurnEnded, always, turns.commit_given, B),
    Row(B, ev.InputCleared, always, side_effects.stay, B),
    Row(B, due.AllHeard, always, replies.end_reply, S),
    Row(B, due.StallDue, always, replies.end_reply, S),
    Row(B, ev.ReplyCancelled, always, replies.end_reply, S),
    Row(B, ev.Truncated, of_active, replies.end_reply, S),
    Row(B, ev.ReplyFailed, of_active, replies.end_reply, S),
    # -- a voice over the bot's, which is held: barge-in, or nothing?
    Row(O, ev.SpeechStarted, always, turns.again, O),
    Row(O, ev.SpeechStopped, always, turns.listen, O),
    Row(O, due.BargeInDue, always, turns.yield_floor, U),
    Row(O, ev.Transcribed, are_words_while_voiced, turns.yield_floor, U),
    Row(O, ev.Transcribed, are_words, turns.yield_floor, P),
    Row(O, ev.Transcribed, are_nothing, turns.resume, B),
    Row(O, due.VerdictDue, always, turns.resume, B),
    Row(O, ev.InputCleared, always, turns.resume, B),
    Row(O, ev.TurnEnded, always, turns.take_floor_and_commit, S),
    Row(O, due.AllHeard, voice_goes_on, turns.yield_floor, U),
    Row(O, due.AllHeard, always, turns.yield_floor, P),
    Row(O, ev.ReplyCancelled, voice_goes_on, turns.yield_floor, U),
    Row(O, ev.ReplyCancelled, always, turns.yield_floor, P),
    Row(O, ev.Truncated, of_active_while_voiced, turns.yield_floor, U),
    Row(O, ev.Truncated, of_active, turns.yield_floor, P),
    Row(O, ev.ReplyFailed, of_active_while_voiced, turns.yield_floor, U),
    Row(O, ev.ReplyFailed, of_active, turns.yield_floor, P),
    # -- the end
    *(Row(state, ev.CloseAsked, at_once, side_effects.close, C) for state in (S, U, P, B, O)),
    Row(S, ev.CloseAsked, always, side_effects.close, C),
    Row(U, ev.CloseAsked, always, side_effects.close, C),
    Row(P, ev.CloseAsked, always, side_effects.close, C),
    Row(B, ev.CloseAsked, always, side_effects.close_later, B),
    Row(O, ev.CloseAsked, always, side_effects.close_later_and_resume, B),
)

# In every state but the last; they change nobody's floor. After the end they are late, and ignored.
ANYWHERE: tuple[tuple[type[ev.Event], Effect], ...] = (
    (ev.Tick, side_effects.stay),
    (ev.TurnJudged, side_effects.stay),
    (ev.Transcribed, turns.late_words),
    (ev.Played, replies.played),
    (ev.Truncated, replies.correct),
    (ev.ReplyText, replies.work),
    (ev.ReplyAudio, replies.work),
    (ev.ReplyDone, replies.work),
    (ev.ToolCalled, replies.work),
    (ev.ReplyFailed, replies.draft_failed),
    (ev.ToolReturned, side_effects.tool_returned),
    (due.ToolDue, side_effects.tool_late),
    (ev.Summarised, side_effects.summarised),
    (ev.MessageAdded, side_effects.message_added),
    (ev.MessageRemoved, side_effects.message_removed),
    (ev.Configured, side_effects.configured),
)
LATE = (
    ev.Tick, ev.SpeechStarted, ev.SpeechStopped, ev.TurnJudged, ev.Transcribed, ev.Played, ev.ReplyText, ev.ReplyAudio,
    ev.ReplyDone, ev.ToolCalled, ev.ReplyFailed, ev.ToolReturned, ev.Summarised, ev.CloseAsked,
)  # fmt: skip


def all_rows() -> tuple[Row, ...]:
    """Every row, those for everywhere written out; the order is that in which they are tried."""
    general = tuple(Row(state, event, always, effect, state) for state in (S, U, P, B, O) for event, effect in ANYWHERE)
    return (*ROWS, *general, *(Row(C, event, always, side_effects.stay, C) for event in LATE))
