"""Effects on the user's turns: start, pause, resume, commit, drop, and speech over the bot's.

Their form is that of `replies.py`.
"""

from __future__ import annotations

from dataclasses import replace

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.replies import (
    Out,
    begin,
    draft,
    drop_drafts,
    finish,
    release,
    stop,
    stop_for,
    with_context,
)
from roundelay.voice.realtime.core.state import SessionState, Turn, VerdictDue

MAX_UNTRANSCRIBED_TURNS = 16  # committed turns whose transcript is still awaited


def _new_turn(s: SessionState, start: int, announced: bool) -> SessionState:
    number = s.turns + 1
    turn = Turn(number, start, start, start, s.now_ms, s.now_ms, announced=announced)
    return replace(s, turns=number, turn=turn)


def _turn(s: SessionState) -> Turn:
    assert s.turn is not None
    return s.turn


def start_turn(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Start a turn and announce it."""
    assert isinstance(event, ev.SpeechStarted)
    out.append(do.StartTurn(s.turns + 1, event.sample))
    return _new_turn(s, event.sample, announced=True)


def _with_silence(s: SessionState, event: ev.Event) -> SessionState:
    assert isinstance(event, ev.SpeechStopped)
    turn = _turn(s)
    voiced = turn.voiced + event.sample - turn.voice_start
    return replace(s, turn=replace(turn, end=event.sample, voiced=voiced, speaking=False, since_ms=s.now_ms))


def _with_voice(s: SessionState, event: ev.Event) -> SessionState:
    assert isinstance(event, ev.SpeechStarted)
    turn = replace(_turn(s), voice_start=event.sample, speaking=True, since_ms=s.now_ms, end_probability=None)
    return replace(s, turn=turn)


def pause(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Note the silence, predict the end of the turn, and draft a reply to what was said so far."""
    return _predict_and_draft(_with_silence(s, event), out)


def _predict_and_draft(s: SessionState, out: Out) -> SessionState:
    limits, turn = s.thresholds, _turn(s)
    if limits.detection == "semantic":
        out.append(do.PredictEndOfTurn(turn.number, turn.start, turn.end))
    if _may_draft(s):
        return _speculate(s, out)
    if not turn.transcribed:
        out.append(do.Transcribe(turn.number, turn.start, turn.end))
    return s


def _may_draft(s: SessionState) -> bool:
    limits = s.thresholds
    wanted = limits.speculate and limits.create_reply and limits.detection != "none"
    return wanted and _turn(s).drafts < limits.drafts_per_turn


def _speculate(s: SessionState, out: Out) -> SessionState:
    s = draft(s, out, "turn", _turn(s))
    return replace(s, turn=replace(_turn(s), drafts=_turn(s).drafts + 1))


def resume_turn(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The user goes on: drop every draft."""
    return drop_drafts(_with_voice(s, event), out)


def note_probability(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Record the end-of-turn probability."""
    assert isinstance(event, ev.EndOfTurnPredicted)
    return replace(s, turn=replace(_turn(s), end_probability=event.probability))


# ---- transcripts


def note_transcript(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Record the transcript of the turn and show it."""
    assert isinstance(event, ev.Transcribed)
    turn = _turn(s)
    if event.sample < turn.text_sample:
        return s
    if turn.announced and event.text != turn.text:
        out.append(do.Caption(turn.number, event.text, final=False))
    s = replace(s, turn=replace(turn, text=event.text, text_sample=event.sample))
    if not _turn(s).transcribed:
        return s
    return replace(
        s, drafts=tuple(replace(d, source_text=event.text) if d.source_text is None else d for d in s.drafts)
    )


def show_partial(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Show the words so far."""
    assert isinstance(event, ev.PartialTranscript)
    turn = _turn(s)
    if turn.announced and event.sample > turn.text_sample and event.text:
        out.append(do.Caption(turn.number, event.text, final=False))
    return s


def redraft(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The transcript differs from the one that the draft answers: draft again; the newest draft will be committed."""
    return _speculate(note_transcript(s, event, out), out)


def late_transcript(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Replace the audio of a committed turn in the history by its transcript. Ignore other late transcripts."""
    assert isinstance(event, ev.Transcribed)
    for turn in s.untranscribed:
        if turn.number == event.turn and event.sample >= turn.end:
            out.append(do.Caption(turn.number, event.text, final=True))
            s = replace(s, untranscribed=tuple(other for other in s.untranscribed if other is not turn))
            return with_context(s, s.context.set_text(f"turn-{turn.number}", event.text.strip()), out)
    return s


# ---- the end of a turn


def drop_turn(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Discard the turn and its drafts."""
    s = drop_drafts(s, out)
    turn = s.turn
    if turn and turn.announced:
        end = max(turn.end, event.sample) if isinstance(event, ev.SpeechStopped) else turn.end
        out += [do.StopTurn(turn.number, end), do.DropTurn(turn.number)]
    return replace(s, turn=None)


def _commit(s: SessionState, out: Out) -> SessionState:
    turn = _turn(s)
    if turn.announced:
        out.append(do.StopTurn(turn.number, turn.end))
    out.append(do.CommitTurn(turn.number, turn.start, turn.end))
    key = f"turn-{turn.number}"
    s = replace(s, turn=None)
    if not turn.transcribed:
        audio_ms = max(1, (turn.end - turn.start) * 1000 // ev.INPUT_RATE_HZ)
        s = replace(s, untranscribed=(*s.untranscribed, turn)[-MAX_UNTRANSCRIBED_TURNS:])
        return with_context(s, s.context.add(Message("user", "", key), audio_ms), out)
    text = (turn.text or "").strip()
    out.append(do.Caption(turn.number, text, final=True))
    return with_context(s, s.context.add(Message("user", text, key)), out) if text else s


def commit(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Commit the turn without a reply."""
    s = drop_drafts(_ended(s, event), out)
    turn = _turn(s)
    if not turn.transcribed:
        out.append(do.Transcribe(turn.number, turn.start, turn.end, turn.exact))
    return _commit(s, out)


def _ended(s: SessionState, event: ev.Event) -> SessionState:
    """With the turn ended where the client says, also while the user speaks."""
    turn = _turn(s)
    if isinstance(event, ev.TurnEnded):
        return replace(s, turn=replace(turn, end=max(turn.start, event.sample), speaking=False))
    return s


def commit_span(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Commit the samples that the client bounds as a turn."""
    assert isinstance(event, ev.TurnEnded)
    missed = s.turn
    s = _new_turn(s, event.start, announced=False)
    s = replace(s, turn=replace(_turn(s), exact=True))
    return replace(commit(s, event, out), turn=missed)


def commit_and_begin(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Commit the turn and begin its newest draft, or draft a reply now."""
    turn, options = _turn(s), s.requested[0] if s.requested else None
    if isinstance(event, ev.ReplyRequested):
        options = event.options
    if options is not None:
        s = drop_drafts(s, out)
    if not s.drafts:
        s = draft(s, out, "turn", turn, options)
    return begin(_commit(s, out), out)


def _cut(s: SessionState) -> SessionState:
    turn = _turn(s)
    passed = (s.now_ms - turn.since_ms) * ev.INPUT_RATE_HZ // 1000
    return replace(s, turn=replace(turn, end=turn.voice_start + max(0, passed), speaking=False))


def cut_and_begin(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The turn is too long: commit it as it is, and answer."""
    return commit_and_begin(_cut(s), event, out)


def cut(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The turn is too long: commit it as it is."""
    return commit(_cut(s), event, out)


# ---- overlapping speech


def hold(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Hold the reply until the overlapping speech is classified."""
    assert isinstance(event, ev.SpeechStarted) and s.reply
    out.append(do.Hold(s.reply.number))
    return _new_turn(s, event.sample, announced=False)


def voice_stopped(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The overlapping speech stopped: transcribe it."""
    s = _with_silence(s, event)
    turn = _turn(s)
    out.append(do.Transcribe(turn.number, turn.start, turn.end))
    return s


def voice_resumed(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The overlapping speech resumed."""
    return _with_voice(s, event)


def yield_floor(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """Give the user the floor: stop the reply unless it is over, and start the turn where the speech started."""
    if isinstance(event, ev.Transcribed):
        s = note_transcript(s, event, out)
    if s.reply is not None and s.reply.playback_ended:
        s = finish(s, out)
        s = replace(s, turn=replace(_turn(s), after_reply=True))
    elif isinstance(event, ev.ReplyCancelled | ev.Truncated | ev.ReplyFailed):
        s = stop_for(s, event, out)
    else:
        s = stop(s, out, "barge-in")
    turn = _turn(s)
    out.append(do.StartTurn(turn.number, turn.start))
    s = replace(s, turn=replace(turn, announced=True))
    return s if turn.speaking else _predict_and_draft(s, out)


def take_floor_and_commit(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """The client commits the overlapping speech: stop the reply and commit the turn."""
    s = stop(s, out, "barge-in")
    turn = _turn(s)
    out.append(do.StartTurn(turn.number, turn.start))
    return commit(replace(s, turn=replace(turn, announced=True)), event, out)


def resume(s: SessionState, event: ev.Event, out: Out) -> SessionState:
    """No bid for the floor: resume the reply where it was held."""
    assert s.reply is not None
    out.append(do.Resume(s.reply.number))
    s = s.with_reply(replace(s.reply, progress_ms=s.now_ms))
    if not isinstance(event, ev.Transcribed | VerdictDue):  # no transcript of it is awaited
        s = replace(s, turn=None)
    return release(s, out)
