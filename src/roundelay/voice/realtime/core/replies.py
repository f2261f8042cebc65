"""What a session does about the bot's replies: draft, begin, give out, hold, stop, remember. Effects of the table.

An effect takes the memory, the event and the list of actions to add to, and returns the next memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.context import Clause, Context
from roundelay.voice.realtime.core.state import PAST_REPLIES, AllHeard, Memory, Reply, State, Turn

Out = list[do.Action]
Options = Mapping[str, Any] | None


def remembering(m: Memory, context: Context, out: Out) -> Memory:
    """The memory with another history, kept within its limits; asks for a summary when it is long."""
    limits = m.thresholds
    context = context.within(2 * limits.context_tokens, limits.messages_max, limits.context_keep)
    waiting = m.summarising if m.summarising is not None and m.summarising in context else None
    if waiting is None and context.tokens > limits.context_tokens and (old := context.old(limits.context_keep)):
        waiting = old[-1].key
        out.append(do.Summarise(old, waiting))
    return replace(m, context=context, summarising=waiting)


# ---- making


def draft(
    m: Memory, out: Out, cause: Literal["turn", "asked", "tool"], turn: Turn | None = None, options: Options = None
) -> Memory:
    """With one more draft, the newest; the oldest goes when too many are alive."""
    while len(m.drafts) >= m.thresholds.drafts_alive:
        out.append(do.Drop(m.drafts[0].number))
        m = replace(m, drafts=m.drafts[1:])
    number = m.replies + 1
    heard = turn.text if turn and turn.read else None
    start, end, exact = (turn.start, turn.end, turn.exact) if turn else (0, 0, False)
    name = turn.number if turn else None
    out.append(do.Draft(number, cause, m.context.messages, name, start, end, heard, options, exact))
    made = Reply(number, cause, m.now_ms, m.now_ms, name, heard, frozenset(m.unfolded), options)
    return replace(m, replies=number, drafts=(*m.drafts, made))


def drop_drafts(m: Memory, out: Out) -> Memory:
    """Without any draft."""
    out.extend(do.Drop(reply.number) for reply in m.drafts)
    return replace(m, drafts=())


def begin(m: Memory, out: Out) -> Memory:
    """With the newest draft committed and given out as far as it is made, the others dropped."""
    *others, newest = m.drafts
    m = drop_drafts(replace(m, drafts=tuple(others)), out)
    out.append(do.Begin(newest.number, newest.turn, m.now_ms - newest.made_ms, newest.options))
    reply = replace(newest, begun=True, news_ms=m.now_ms)
    told = tuple(call for call in m.unfolded if call not in reply.knows)
    options = m.fold_options if told else None
    return release(replace(m, reply=reply, asked=None, unfolded=told, fold_options=options), out)


def ask(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Draft a reply to the history, and begin it."""
    options = event.options if isinstance(event, ev.ReplyAsked) else m.asked[0] if m.asked else None
    last = m.context.entries[-1] if m.context.entries else None
    for turn in m.unread:  # the turn that is to be answered has not been read yet: its sound is answered
        if last and last.audio_ms and last.message.key == f"turn-{turn.number}":
            return begin(draft(m, out, "turn", turn, options), out)
    return begin(draft(m, out, "asked", None, options), out)


def fold(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Draft a reply that tells the tools' results, and begin it."""
    return begin(draft(m, out, "tool", options=m.fold_options), out)


def ask_later(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Keep in mind that a reply is asked for."""
    assert isinstance(event, ev.ReplyAsked)
    return replace(m, asked=(event.options,))


# ---- giving out


def release(m: Memory, out: Out) -> Memory:
    """With everything given out that waited in the active reply."""
    reply = m.reply
    assert reply is not None
    queue, m = reply.queue, m.put(replace(reply, queue=()))
    for action in queue:
        m = _give(m, action, out, held=False)
    return m


def _give(m: Memory, action: do.Action, out: Out, held: bool) -> Memory:
    number: int = action.reply  # type: ignore[attr-defined]
    reply = m.find(number)
    assert reply is not None
    if isinstance(action, do.CallTool) and reply.begun:  # a tool does not wait for the voice
        out.append(action)
        return m.with_call(action)
    if held or not reply.begun:
        return m.put(reply.with_queue(action))
    out.append(action)
    return m.put(reply.given_out(action))


def work(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Give out what was made of the reply, or keep it while it may not be heard; ignore news of a dropped one."""
    reply = m.find(event.reply)  # type: ignore[attr-defined]
    if reply is None:
        return m
    clauses = reply.clauses
    action: do.Action | None = None
    if isinstance(event, ev.ReplyText):
        clauses = (*_complete(clauses), Clause(event.text))
        action = do.Say(reply.number, event.text)
    elif isinstance(event, ev.ReplyAudio):
        last = clauses[-1] if clauses else Clause("")
        clauses = (*clauses[:-1], replace(last, samples=last.samples + len(event.sound)))
        action = do.Play(reply.number, event.sound)
    elif isinstance(event, ev.ToolCalled):
        action = do.CallTool(reply.number, m.fresh(event.call, reply), event.name, event.arguments)
    elif isinstance(event, ev.ReplyDone):
        clauses = _complete(clauses)
        reply = replace(reply, done=True)
        action = do.Finish(reply.number)
    assert action is not None
    m = m.put(replace(reply, clauses=clauses, news_ms=m.now_ms))
    return _give(m, action, out, held=m.state is State.OVERLAP)


def _complete(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    return (*clauses[:-1], replace(clauses[-1], complete=True)) if clauses else ()


def played(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Note how much of the active reply was heard."""
    assert isinstance(event, ev.Played)
    if m.reply is None or m.reply.number != event.reply:
        return m
    return m.put(replace(m.reply, played=event.samples, news_ms=m.now_ms))


# ---- ending


def finish(m: Memory, out: Out) -> Memory:
    """Without an active reply: all of it was heard, and is history."""
    m = release(m, out)
    assert m.reply is not None
    text = m.reply.heard(m.thresholds.ms_per_character)
    out.append(do.End(m.reply.number, text))
    return _past(m, text, out)


Why = Literal["barge-in", "cancelled", "truncated", "failed", "closed"]


def stop(m: Memory, out: Out, why: Why) -> Memory:
    """Without an active reply: it was stopped, and history is what was heard of it."""
    assert m.reply is not None
    text = m.reply.heard(m.thresholds.ms_per_character)
    out.append(do.Stop(m.reply.number, m.reply.played, text, why))
    if not m.reply.done:
        out.append(do.Drop(m.reply.number))
    return _past(m, text, out)


def _past(m: Memory, text: str, out: Out) -> Memory:
    assert m.reply is not None
    past = (*m.past, replace(m.reply, queue=()))[-PAST_REPLIES:]
    context = m.context.add(ev.Message("assistant", text, f"reply-{m.reply.number}")) if text else m.context
    for result in m.results:
        context = context.add(result)
    return remembering(replace(m, reply=None, past=past, results=(), quiet_ms=m.now_ms), context, out)


def stop_for(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Stop the active reply for the reason that the event is."""
    reply = m.reply
    why: Why = "closed"
    assert reply is not None
    if isinstance(event, ev.ReplyCancelled):
        why = "cancelled"
    elif isinstance(event, ev.Truncated):
        why = "truncated"
        m = m.put(replace(reply, played=event.samples))
    elif not isinstance(event, ev.CloseAsked):
        why = "failed"
        text = event.why if isinstance(event, ev.ReplyFailed) else "stalled"
        out.append(do.Fail(reply.number, text))
    return stop(m, out, why)


def end_reply(m: Memory, event: ev.Event, out: Out) -> Memory:
    """End the reply, heard to its end or stopped; nobody speaks."""
    m = finish(m, out) if isinstance(event, AllHeard) else stop_for(m, event, out)
    return replace(m, turn=None)


def draft_failed(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Forget the draft that failed; when the turn is committed another is made."""
    assert isinstance(event, ev.ReplyFailed)
    return replace(m, drafts=tuple(reply for reply in m.drafts if reply.number != event.reply))


def correct(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Correct what was heard of a past reply."""
    assert isinstance(event, ev.Truncated)
    for reply in m.past:
        if reply.number == event.reply:
            text = replace(reply, played=event.samples).heard(m.thresholds.ms_per_character)
            return remembering(m, m.context.set_text(f"reply-{reply.number}", text), out)
    return m
