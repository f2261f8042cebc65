"""Whether an event can be true at all, whatever the state: numbers that were given out, ranges, limits. Ours."""

from __future__ import annotations

from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.actions import CallTool
from roundelay.voice.realtime.core.events import IllegalEvent
from roundelay.voice.realtime.core.state import Memory, State

NEW = (ev.ReplyAsked, ev.TurnEnded)  # a closing session takes none of them


def check(m: Memory, event: ev.Event) -> None:
    """Raise `IllegalEvent` where the event names what never was, is out of range, or is one too many."""
    if m.closing and isinstance(event, NEW) and m.state is not State.CLOSED:
        raise IllegalEvent("closed", f"the session is closing and takes no {type(event).__name__}")
    if m.state is State.CLOSED:
        return  # the table knows which are merely late
    turn, reply = getattr(event, "turn", None), getattr(event, "reply", None)
    if turn is not None and not 1 <= turn <= m.turns:
        raise IllegalEvent("unknown", f"turn {turn} never was")
    if reply is not None and not 1 <= reply <= m.replies:
        raise IllegalEvent("unknown", f"reply {reply} never was")
    if isinstance(event, ev.SpeechStarted | ev.SpeechStopped | ev.TurnEnded | ev.TurnJudged):
        _check_voice(m, event)
    elif isinstance(event, ev.Played | ev.Truncated):
        _check_heard(m, event)
    elif isinstance(event, ev.ReplyText | ev.ReplyAudio | ev.ReplyDone | ev.ReplyFailed | ev.ToolCalled):
        _check_work(m, event)
    elif isinstance(event, ev.ToolReturned):
        if event.call not in m.past_calls and all(call.action.call != event.call for call in m.calls):
            raise IllegalEvent("unknown", f"call {event.call} never was")
    elif isinstance(event, ev.MessageRemoved) and not m.remembers(event.key):
        raise IllegalEvent("unknown", f"message {event.key} is not in the history")


def _check_voice(m: Memory, event: ev.Event) -> None:
    if isinstance(event, ev.TurnJudged):
        if not 0 <= event.end <= 1:
            raise IllegalEvent("out_of_range", f"a probability of {event.end}")
        return
    if isinstance(event, ev.TurnEnded) and not 0 <= event.start <= event.sample:
        raise IllegalEvent("out_of_range", f"a turn from sample {event.start} to {event.sample}")
    if isinstance(event, ev.SpeechStarted) and not 0 <= event.echo <= 1:
        raise IllegalEvent("out_of_range", f"an echo of {event.echo}")
    sample: int = event.sample  # type: ignore[attr-defined]
    held = m.state in (State.USER_SPEAKING, State.USER_PAUSED, State.OVERLAP)
    if held and m.turn is not None and not isinstance(event, ev.TurnEnded):
        if m.turn.speaking == isinstance(event, ev.SpeechStarted):
            raise IllegalEvent("wrong_state", f"{type(event).__name__} twice")
        least = m.turn.voice_from if m.turn.speaking else m.turn.end
    else:
        least = 0
    if sample < least:
        raise IllegalEvent("out_of_range", f"sample {sample} is before {least}")


def _check_heard(m: Memory, event: ev.Played | ev.Truncated) -> None:
    if event.samples < 0:
        raise IllegalEvent("out_of_range", f"{event.samples} samples heard")
    if any(draft.number == event.reply for draft in m.drafts):
        raise IllegalEvent("out_of_range", f"reply {event.reply} has not begun")
    active = m.reply if m.reply and m.reply.number == event.reply else None
    reply = active or next((past for past in m.past if past.number == event.reply), None)
    if reply is not None and event.samples > reply.given:
        raise IllegalEvent("out_of_range", f"{event.samples} samples heard of {reply.given} given")
    if active is not None and isinstance(event, ev.Played) and event.samples < active.played:
        raise IllegalEvent("out_of_range", f"{event.samples} samples heard after {active.played}")


def _check_work(m: Memory, event: ev.Event) -> None:
    reply, limits = m.find(event.reply), m.thresholds  # type: ignore[attr-defined]
    if reply is None:
        return  # of a reply that was dropped: late, and ignored
    if reply.done and not isinstance(event, ev.ReplyFailed):
        raise IllegalEvent("wrong_state", f"reply {reply.number} is done already")
    if isinstance(event, ev.ReplyText) and len(reply.clauses) >= limits.clauses_max:
        raise IllegalEvent("too_many", f"reply {reply.number} has over {limits.clauses_max} clauses")
    if isinstance(event, ev.ReplyAudio):
        if event.sound.ndim != 1:
            raise IllegalEvent("out_of_range", f"sound of shape {event.sound.shape}; give one dimension")
        if (reply.samples + len(event.sound)) * 1000 > limits.reply_max_ms * ev.RATE_HZ:
            raise IllegalEvent("too_many", f"reply {reply.number} is over {limits.reply_max_ms} ms long")
    if isinstance(event, ev.ToolCalled):
        queued = [a for r in (*m.drafts, reply) for a in r.queue if isinstance(a, CallTool)]
        if len(m.calls) + len(queued) >= limits.tools_waiting:
            raise IllegalEvent("too_many", f"{limits.tools_waiting} calls wait already")
