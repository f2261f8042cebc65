"""Effects of events that do not take the floor: tools, the history, thresholds, the end of the session.

Their form is that of `replies.py`.
"""

from __future__ import annotations

from dataclasses import replace

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.replies import Out, stop_for, with_context
from roundelay.voice.realtime.core.state import PendingCall, SessionState
from roundelay.voice.realtime.core.turns import drop_turn, resume

NO_ANSWER = "no answer in time"


def ignore(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Nothing changes."""
    return s


# ---- tools


def tool_returned(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Add the tool's result to the history; a reply to it follows at the next silence."""
    assert isinstance(event, ev.ToolReturned)
    call = next((call for call in s.calls if call.action.call == event.call), None)
    s = _late_result(s, event, out) if call is None else _result(s, call, event.output, event.follow_up, out)
    return (
        replace(s, follow_up_options=event.options)
        if event.options is not None and event.call in s.pending_results
        else s
    )


def _late_result(s: SessionState, event: ev.ToolReturned, out: Out) -> SessionState:
    """Replace the "no answer in time" entry by the late result."""
    for old in (*s.deferred_results, *s.context.messages):
        if old.key == event.call and old.role == "tool" and old.text.endswith(f" = {NO_ANSWER}"):
            new = replace(old, text=old.text.removesuffix(NO_ANSWER) + event.output)
            if event.follow_up and not s.closing and event.call not in s.pending_results:
                s = replace(s, pending_results=(*s.pending_results, event.call))
            if old in s.deferred_results:
                return replace(s, deferred_results=tuple(new if each is old else each for each in s.deferred_results))
            return with_context(s, s.context.add(new), out)
    return s


def tool_timed_out(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Stop waiting for the tool; record "no answer in time" as its result."""
    for call in s.calls:
        if call.due_ms <= s.now_ms:
            out.append(do.AbandonTool(call.action.call))
            s = _result(s, call, NO_ANSWER, True, out)
    return s


def _result(s: SessionState, call: PendingCall, output: str, follow_up: bool, out: Out) -> SessionState:
    action = call.action
    s = s.without_call(action.call)
    if follow_up and not s.closing:
        s = replace(s, pending_results=(*s.pending_results, action.call))
    message = Message("tool", f"{action.name}({action.arguments}) = {output}", action.call)
    if s.reply is not None:
        return replace(s, deferred_results=(*s.deferred_results, message))
    return with_context(s, s.context.add(message), out)


# ---- the history


def message_added(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Add the client's message to the history."""
    assert isinstance(event, ev.MessageAdded)
    message = event.message
    if not message.key:
        message = replace(message, key=f"message-{s.messages_added + 1}")
        s = replace(s, messages_added=s.messages_added + 1)
    return with_context(s, s.context.add(message), out)


def message_removed(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Remove the message from the history."""
    assert isinstance(event, ev.MessageRemoved)
    pending_results = tuple(call for call in s.pending_results if call != event.key)
    results = tuple(result for result in s.deferred_results if result.key != event.key)
    s = replace(
        s,
        pending_results=pending_results,
        deferred_results=results,
        follow_up_options=s.follow_up_options if pending_results else None,
    )
    return with_context(s, s.context.remove(event.key), out)


def summarised(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Replace the summarised messages in the history by their summary."""
    assert isinstance(event, ev.Summarised)
    if event.key != s.summarising:
        return s
    return with_context(replace(s, summarising=None), s.context.summarised(event.key, event.text), out)


def configured(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Apply the new thresholds."""
    assert isinstance(event, ev.Configured)
    return with_context(replace(s, thresholds=event.thresholds), s.context, out)


# ---- the end


def close_later(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Accept no new turn; close after the active reply."""
    return replace(s, closing=True, pending_results=(), requested=None)


def close_later_and_resume(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Accept no new turn; resume the held reply and close after it."""
    return close_later(resume(s, event, out), event, out)


def close(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Close: stop the reply, drop the turn, abandon the tools."""
    if s.reply is not None:
        s = stop_for(s, event, out)
    s = drop_turn(s, event, out)
    out += [do.AbandonTool(call.action.call) for call in s.calls]
    out.append(do.Close())
    return replace(s, calls=(), pending_results=(), requested=None, closing=True)
