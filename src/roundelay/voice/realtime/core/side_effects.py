"""What a session does about events that take the floor from nobody: tools, the history, thresholds, the end.

Effects of the table, as in `replies.py`.
"""

from __future__ import annotations

from dataclasses import replace

from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.replies import Out, remembering, stop_for
from roundelay.voice.realtime.core.state import Call, Memory
from roundelay.voice.realtime.core.turns import drop_turn, resume

NO_ANSWER = "no answer in time"


def stay(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Nothing."""
    return m


# ---- tools


def tool_returned(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Put the tool's result into the history, to be told when nobody speaks."""
    assert isinstance(event, ev.ToolReturned)
    call = next((call for call in m.calls if call.action.call == event.call), None)
    m = _late(m, event, out) if call is None else _result(m, call, event.output, event.fold, out)
    return replace(m, fold_options=event.options) if event.options is not None and event.call in m.unfolded else m


def _late(m: Memory, event: ev.ToolReturned, out: Out) -> Memory:
    """Put a result that nobody waits for any more in the place of the words that there was none."""
    for old in (*m.results, *m.context.messages):
        if old.key == event.call and old.role == "tool" and old.text.endswith(f" = {NO_ANSWER}"):
            new = replace(old, text=old.text.removesuffix(NO_ANSWER) + event.output)
            if event.fold and not m.closing and event.call not in m.unfolded:
                m = replace(m, unfolded=(*m.unfolded, event.call))
            if old in m.results:
                return replace(m, results=tuple(new if each is old else each for each in m.results))
            return remembering(m, m.context.add(new), out)
    return m


def tool_late(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Wait no longer for the tool, and remember that it did not answer."""
    for call in m.calls:
        if call.due_ms <= m.now_ms:
            out.append(do.AbandonTool(call.action.call))
            m = _result(m, call, NO_ANSWER, True, out)
    return m


def _result(m: Memory, call: Call, output: str, fold: bool, out: Out) -> Memory:
    action = call.action
    m = m.without_call(action.call)
    if fold and not m.closing:
        m = replace(m, unfolded=(*m.unfolded, action.call))
    message = ev.Message("tool", f"{action.name}({action.arguments}) = {output}", action.call)
    if m.reply is not None:
        return replace(m, results=(*m.results, message))
    return remembering(m, m.context.add(message), out)


# ---- the history


def message_added(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Put the client's message into the history."""
    assert isinstance(event, ev.MessageAdded)
    message = event.message
    if not message.key:
        message = replace(message, key=f"message-{m.added + 1}")
        m = replace(m, added=m.added + 1)
    return remembering(m, m.context.add(message), out)


def message_removed(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Take the message out of the history."""
    assert isinstance(event, ev.MessageRemoved)
    unfolded = tuple(call for call in m.unfolded if call != event.key)
    results = tuple(result for result in m.results if result.key != event.key)
    m = replace(m, unfolded=unfolded, results=results, fold_options=m.fold_options if unfolded else None)
    return remembering(m, m.context.remove(event.key), out)


def summarised(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Put the summary into the history, in the place of what it stands for."""
    assert isinstance(event, ev.Summarised)
    if event.key != m.summarising:
        return m
    return remembering(replace(m, summarising=None), m.context.summarised(event.key, event.text), out)


def configured(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Let other thresholds hold."""
    assert isinstance(event, ev.Configured)
    return remembering(replace(m, thresholds=event.thresholds), m.context, out)


# ---- the end


def close_later(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Take nothing new; end when the bot has said what it says."""
    return replace(m, closing=True, unfolded=(), asked=None)


def close_later_and_resume(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Take nothing new; let the bot say on what it says, and end then."""
    return close_later(resume(m, event, out), event, out)


def close(m: Memory, event: ev.Event, out: Out) -> Memory:
    """End: stop and drop everything."""
    if m.reply is not None:
        m = stop_for(m, event, out)
    m = drop_turn(m, event, out)
    out += [do.AbandonTool(call.action.call) for call in m.calls]
    out.append(do.Close())
    return replace(m, calls=(), unfolded=(), asked=None, closing=True)
