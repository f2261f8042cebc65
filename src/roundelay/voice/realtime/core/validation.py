"""Checks on an event that do not depend on the table: known numbers, ranges, limits (ours)."""

from __future__ import annotations

from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.actions import CallTool
from roundelay.voice.realtime.core.events import IllegalEvent
from roundelay.voice.realtime.core.state import SessionState, State

NEW = (ev.ReplyRequested, ev.TurnEnded)  # not accepted by a closing session


def validate(s: SessionState, event: ev.Event) -> None:
    """Raise `IllegalEvent` where the event names something unknown, is out of range, or exceeds a limit."""
    if s.closing and isinstance(event, NEW) and s.state is not State.CLOSED:
        raise IllegalEvent("closed", f"the session is closing and takes no {type(event).__name__}")
    if s.state is State.CLOSED:
        return  # the table ignores those that are merely late
    turn, reply = getattr(event, "turn", None), getattr(event, "reply", None)
    if turn is not None and not 1 <= turn <= s.turns:
        raise IllegalEvent("unknown", f"turn {turn} never was")
    if reply is not None and not 1 <= reply <= s.replies:
        raise IllegalEvent("unknown", f"reply {reply} never was")
    if isinstance(event, ev.SpeechStarted | ev.SpeechStopped | ev.TurnEnded | ev.EndOfTurnPredicted):
        _validate_speech(s, event)
    elif isinstance(event, ev.Played | ev.Truncated):
        _validate_playback(s, event)
    elif isinstance(event, ev.ReplyText | ev.ReplyAudio | ev.ReplyDone | ev.ReplyFailed | ev.ToolCalled):
        _validate_output(s, event)
    elif isinstance(event, ev.ToolReturned):
        if event.call not in s.past_call_ids and all(call.action.call != event.call for call in s.calls):
            raise IllegalEvent("unknown", f"call {event.call} never was")
    elif isinstance(event, ev.MessageRemoved) and not s.has_message(event.key):
        raise IllegalEvent("unknown", f"message {event.key} is not in the history")


def _validate_speech(s: SessionState, event: ev.Event) -> None:
    if isinstance(event, ev.EndOfTurnPredicted):
        if not 0 <= event.probability <= 1:
            raise IllegalEvent("out_of_range", f"a probability of {event.probability}")
        return
    if isinstance(event, ev.TurnEnded) and not 0 <= event.start <= event.sample:
        raise IllegalEvent("out_of_range", f"a turn from sample {event.start} to {event.sample}")
    if isinstance(event, ev.SpeechStarted) and not 0 <= event.echo <= 1:
        raise IllegalEvent("out_of_range", f"an echo of {event.echo}")
    sample: int = event.sample  # type: ignore[attr-defined]
    held = s.state in (State.USER_SPEAKING, State.USER_PAUSED, State.OVERLAP)
    if held and s.turn is not None and not isinstance(event, ev.TurnEnded):
        if s.turn.speaking == isinstance(event, ev.SpeechStarted):
            raise IllegalEvent("wrong_state", f"{type(event).__name__} twice")
        least = s.turn.voice_start if s.turn.speaking else s.turn.end
    else:
        least = 0
    if sample < least:
        raise IllegalEvent("out_of_range", f"sample {sample} is before {least}")


def _validate_playback(s: SessionState, event: ev.Played | ev.Truncated) -> None:
    if event.samples < 0:
        raise IllegalEvent("out_of_range", f"{event.samples} samples heard")
    if any(draft.number == event.reply for draft in s.drafts):
        raise IllegalEvent("out_of_range", f"reply {event.reply} has not begun")
    active = s.reply if s.reply and s.reply.number == event.reply else None
    reply = active or next((past for past in s.past_replies if past.number == event.reply), None)
    if reply is not None and event.samples > reply.released:
        raise IllegalEvent("out_of_range", f"{event.samples} samples heard of {reply.released} given")
    if active is not None and isinstance(event, ev.Played) and event.samples < active.played:
        raise IllegalEvent("out_of_range", f"{event.samples} samples heard after {active.played}")


def _validate_output(s: SessionState, event: ev.Event) -> None:
    reply, limits = s.find_reply(event.reply), s.thresholds  # type: ignore[attr-defined]
    if reply is None:
        return  # output of a dropped reply is ignored
    if reply.done and not isinstance(event, ev.ReplyFailed):
        raise IllegalEvent("wrong_state", f"reply {reply.number} is done already")
    if isinstance(event, ev.ReplyText) and len(reply.clauses) >= limits.clauses_max:
        raise IllegalEvent("too_many", f"reply {reply.number} has over {limits.clauses_max} clauses")
    if isinstance(event, ev.ReplyAudio):
        if event.samples.ndim != 1:
            raise IllegalEvent("out_of_range", f"audio of shape {event.samples.shape}; give one dimension")
        if event.rate_hz <= 0 or event.rate_hz != (reply.rate_hz or event.rate_hz):
            raise IllegalEvent("out_of_range", f"audio at {event.rate_hz} Hz in a reply at {reply.rate_hz} Hz")
        if (reply.samples + len(event.samples)) * 1000 > limits.reply_max_ms * event.rate_hz:
            raise IllegalEvent("too_many", f"reply {reply.number} is over {limits.reply_max_ms} ms long")
    if isinstance(event, ev.ToolCalled):
        queued = [a for r in (*s.drafts, reply) for a in r.queue if isinstance(a, CallTool)]
        if len(s.calls) + len(queued) >= limits.tools_waiting:
            raise IllegalEvent("too_many", f"{limits.tools_waiting} calls wait already")
