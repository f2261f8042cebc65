"""Effects on the bot's replies: draft, begin, release, hold, stop, record in the history.

An effect takes the state, the event and the list of actions to append to, and returns the next state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.context import Clause, Context
from roundelay.voice.realtime.core.state import MAX_PAST_REPLIES, PlaybackEnded, Reply, SessionState, State, Turn

Out = list[do.Action]
Options = Mapping[str, Any] | None


def with_context(s: SessionState, context: Context, out: Out) -> SessionState:
    """With `context` as the history, trimmed to its limits; requests a summary of a long one."""
    limits = s.thresholds
    context = context.within(2 * limits.context_tokens, limits.messages_max, limits.context_keep)
    waiting = s.summarising if s.summarising is not None and s.summarising in context else None
    old = context.summarisable(limits.context_keep)
    if waiting is None and context.tokens > limits.context_tokens and old:
        waiting = old[-1].key
        out.append(do.Summarise(old, waiting))
    return replace(s, context=context, summarising=waiting)


# ---- generation


def draft(
    s: SessionState,
    out: Out,
    cause: Literal["turn", "request", "tool"],
    turn: Turn | None = None,
    options: Options = None,
) -> SessionState:
    """With a new draft; the oldest one is dropped when too many are alive."""
    while len(s.drafts) >= s.thresholds.drafts_alive:
        out.append(do.Drop(s.drafts[0].number))
        s = replace(s, drafts=s.drafts[1:])
    number = s.replies + 1
    heard = turn.text if turn and turn.transcribed else None
    start, end, exact = (turn.start, turn.end, turn.exact) if turn else (0, 0, False)
    name = turn.number if turn else None
    out.append(do.Draft(number, cause, s.context.messages, name, start, end, heard, options, exact))
    made = Reply(number, cause, s.now_ms, s.now_ms, name, heard, frozenset(s.pending_results), options)
    return replace(s, replies=number, drafts=(*s.drafts, made))


def drop_drafts(s: SessionState, out: Out) -> SessionState:
    """Without drafts."""
    out.extend(do.Drop(reply.number) for reply in s.drafts)
    return replace(s, drafts=())


def begin(s: SessionState, out: Out) -> SessionState:
    """With the newest draft begun and released as far as it is generated, the others dropped."""
    *others, newest = s.drafts
    s = drop_drafts(replace(s, drafts=tuple(others)), out)
    out.append(do.Begin(newest.number, newest.turn, s.now_ms - newest.drafted_ms, newest.options))
    reply = replace(newest, begun=True, progress_ms=s.now_ms)
    unused = tuple(call for call in s.pending_results if call not in reply.known_results)
    options = s.follow_up_options if unused else None
    return release(replace(s, reply=reply, requested=None, pending_results=unused, follow_up_options=options), out)


def reply_to_request(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Draft a reply to the history and begin it."""
    options = event.options if isinstance(event, ev.ReplyRequested) else s.requested[0] if s.requested else None
    last = s.context.entries[-1] if s.context.entries else None
    for turn in s.untranscribed:  # the turn to be answered has no transcript yet: answer its audio
        if last and last.audio_ms and last.message.key == f"turn-{turn.number}":
            return begin(draft(s, out, "turn", turn, options), out)
    return begin(draft(s, out, "request", None, options), out)


def follow_up(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Draft a reply to the tools' results and begin it."""
    return begin(draft(s, out, "tool", options=s.follow_up_options), out)


def defer_request(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Keep the request until the turn ends."""
    assert isinstance(event, ev.ReplyRequested)
    return replace(s, requested=(event.options,))


# ---- release


def release(s: SessionState, out: Out) -> SessionState:
    """With the queue of the active reply released."""
    reply = s.reply
    assert reply is not None
    queue, s = reply.queue, s.with_reply(replace(reply, queue=()))
    for action in queue:
        s = _release_action(s, action, out, held=False)
    return s


def _release_action(s: SessionState, action: do.Action, out: Out, held: bool) -> SessionState:
    number: int = action.reply  # type: ignore[attr-defined]
    reply = s.find_reply(number)
    assert reply is not None
    if isinstance(action, do.CallTool) and reply.begun:  # a tool does not wait for the audio
        out.append(action)
        return s.with_call(action)
    if held or not reply.begun:
        return s.with_reply(reply.with_queued(action))
    out.append(action)
    return s.with_reply(reply.after_release(action))


def add_output(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Release new output of the reply, or queue it while it may not be heard; ignore output of a dropped one."""
    reply = s.find_reply(event.reply)  # type: ignore[attr-defined]
    if reply is None:
        return s
    clauses = reply.clauses
    action: do.Action | None = None
    if isinstance(event, ev.ReplyText):
        clauses = (*_complete(clauses), Clause(event.text))
        action = do.Say(reply.number, event.text)
    elif isinstance(event, ev.ReplyAudio):
        last = clauses[-1] if clauses else Clause("")
        clauses = (*clauses[:-1], replace(last, samples=last.samples + len(event.samples)))
        reply = replace(reply, rate_hz=event.rate_hz)
        action = do.Play(reply.number, event.samples, event.rate_hz)
    elif isinstance(event, ev.ToolCalled):
        action = do.CallTool(reply.number, s.unique_call_id(event.call, reply), event.name, event.arguments)
    elif isinstance(event, ev.ReplyDone):
        clauses = _complete(clauses)
        reply = replace(reply, done=True)
        action = do.Finish(reply.number)
    assert action is not None
    s = s.with_reply(replace(reply, clauses=clauses, progress_ms=s.now_ms))
    return _release_action(s, action, out, held=s.state is State.OVERLAP)


def _complete(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    return (*clauses[:-1], replace(clauses[-1], complete=True)) if clauses else ()


def note_waiting(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Record that the reply is still being made."""
    assert isinstance(event, ev.ReplyWaiting)
    reply = s.find_reply(event.reply)
    return s if reply is None else s.with_reply(replace(reply, progress_ms=s.now_ms))


def note_playback(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Record how much of the active reply was played."""
    assert isinstance(event, ev.Played)
    if s.reply is None or s.reply.number != event.reply:
        return s
    return s.with_reply(replace(s.reply, played=event.samples, progress_ms=s.now_ms))


# ---- ending


def finish(s: SessionState, out: Out) -> SessionState:
    """Without the active reply, which was played to its end and enters the history."""
    s = release(s, out)
    assert s.reply is not None
    text = s.reply.spoken_prefix(s.thresholds.ms_per_character)
    out.append(do.End(s.reply.number, text))
    return _archive(s, text, out)


Why = Literal["barge-in", "cancelled", "truncated", "failed", "closed"]


def stop(s: SessionState, out: Out, why: Why) -> SessionState:
    """Without the active reply, which is stopped; what was heard of it enters the history."""
    assert s.reply is not None
    text = s.reply.spoken_prefix(s.thresholds.ms_per_character)
    out.append(do.Stop(s.reply.number, s.reply.played, text, why))
    if not s.reply.done:
        out.append(do.Drop(s.reply.number))
    return _archive(s, text, out)


def _archive(s: SessionState, text: str, out: Out) -> SessionState:
    assert s.reply is not None
    past = (*s.past_replies, replace(s.reply, queue=()))[-MAX_PAST_REPLIES:]
    context = s.context.add(Message("assistant", text, f"reply-{s.reply.number}")) if text else s.context
    for result in s.deferred_results:
        context = context.add(result)
    return with_context(
        replace(s, reply=None, past_replies=past, deferred_results=(), reply_ended_ms=s.now_ms), context, out
    )


def stop_for(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Stop the active reply for the reason that the event gives."""
    reply = s.reply
    why: Why = "closed"
    assert reply is not None
    if isinstance(event, ev.ReplyCancelled):
        why = "cancelled"
    elif isinstance(event, ev.Truncated):
        why = "truncated"
        s = s.with_reply(replace(reply, played=event.samples))
    elif not isinstance(event, ev.CloseRequested):
        why = "failed"
        text = event.why if isinstance(event, ev.ReplyFailed) else "stalled"
        out.append(do.Fail(reply.number, text))
    return stop(s, out, why)


def end_reply(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """End the reply, played to its end or stopped; silence follows."""
    s = finish(s, out) if isinstance(event, PlaybackEnded) else stop_for(s, event, out)
    return replace(s, turn=None)


def draft_failed(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Remove the failed draft; at the commit another is made."""
    assert isinstance(event, ev.ReplyFailed)
    return replace(s, drafts=tuple(reply for reply in s.drafts if reply.number != event.reply))


def correct_past_reply(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Correct the heard part of a past reply in the history."""
    assert isinstance(event, ev.Truncated)
    for reply in s.past_replies:
        if reply.number == event.reply:
            text = replace(reply, played=event.samples).spoken_prefix(s.thresholds.ms_per_character)
            return with_context(s, s.context.set_text(f"reply-{reply.number}", text), out)
    return s
