"""What a session does about the user's turns: start, pause, resume, commit, drop, and a voice over the bot's.

Effects of the table, as in `replies.py`.
"""

from __future__ import annotations

from dataclasses import replace

from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.replies import (
    Out,
    begin,
    draft,
    drop_drafts,
    finish,
    release,
    remembering,
    stop,
    stop_for,
)
from roundelay.voice.realtime.core.state import Memory, Turn, VerdictDue

UNREAD = 16  # committed turns whose words are still awaited


def _new_turn(m: Memory, start: int, announced: bool) -> Memory:
    number = m.turns + 1
    turn = Turn(number, start, start, start, m.now_ms, m.now_ms, announced=announced)
    return replace(m, turns=number, turn=turn)


def _turn(m: Memory) -> Turn:
    assert m.turn is not None
    return m.turn


def start_turn(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Begin a turn, and tell it."""
    assert isinstance(event, ev.SpeechStarted)
    out.append(do.StartTurn(m.turns + 1, event.sample))
    return _new_turn(m, event.sample, announced=True)


def _silent(m: Memory, event: ev.Event) -> Memory:
    assert isinstance(event, ev.SpeechStopped)
    turn = _turn(m)
    voiced = turn.voiced + event.sample - turn.voice_from
    return replace(m, turn=replace(turn, end=event.sample, voiced=voiced, speaking=False, since_ms=m.now_ms))


def _voiced(m: Memory, event: ev.Event) -> Memory:
    assert isinstance(event, ev.SpeechStarted)
    turn = replace(_turn(m), voice_from=event.sample, speaking=True, since_ms=m.now_ms, judged=None)
    return replace(m, turn=turn)


def pause(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Note the silence; ask the judge, and draft a reply to what was said so far."""
    return _ponder(_silent(m, event), out)


def _ponder(m: Memory, out: Out) -> Memory:
    limits, turn = m.thresholds, _turn(m)
    if limits.detection == "semantic":
        out.append(do.Judge(turn.number, turn.start, turn.end))
    if _may_draft(m):
        return _speculate(m, out)
    if not turn.read:
        out.append(do.Transcribe(turn.number, turn.start, turn.end))
    return m


def _may_draft(m: Memory) -> bool:
    limits = m.thresholds
    wanted = limits.speculate and limits.create_reply and limits.detection != "none"
    return wanted and _turn(m).drafts < limits.drafts_per_turn


def _speculate(m: Memory, out: Out) -> Memory:
    m = draft(m, out, "turn", _turn(m))
    return replace(m, turn=replace(_turn(m), drafts=_turn(m).drafts + 1))


def go_on(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The user goes on: drop every draft."""
    return drop_drafts(_voiced(m, event), out)


def judge(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Note how probable the end of the turn is."""
    assert isinstance(event, ev.TurnJudged)
    return replace(m, turn=replace(_turn(m), judged=event.end))


# ---- words


def read(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Note the words read of the turn, and show them."""
    assert isinstance(event, ev.Transcribed)
    turn = _turn(m)
    if event.sample < turn.text_sample:
        return m
    if turn.announced and event.text != turn.text:
        out.append(do.Caption(turn.number, event.text, final=False))
    m = replace(m, turn=replace(turn, text=event.text, text_sample=event.sample))
    if not _turn(m).read:
        return m
    return replace(m, drafts=tuple(replace(d, basis=event.text) if d.basis is None else d for d in m.drafts))


def redraft(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The words are others than those the draft answers: draft once more; the newest will be committed."""
    return _speculate(read(m, event, out), out)


def late_words(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Put the words of a committed turn into the history, in the place of its sound. Other late words are ignored."""
    assert isinstance(event, ev.Transcribed)
    for turn in m.unread:
        if turn.number == event.turn and event.sample >= turn.end:
            out.append(do.Caption(turn.number, event.text, final=True))
            m = replace(m, unread=tuple(other for other in m.unread if other is not turn))
            return remembering(m, m.context.set_text(f"turn-{turn.number}", event.text.strip()), out)
    return m


# ---- the end of a turn


def drop_turn(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The turn was nothing: drop it and its drafts."""
    m = drop_drafts(m, out)
    turn = m.turn
    if turn and turn.announced:
        end = max(turn.end, event.sample) if isinstance(event, ev.SpeechStopped) else turn.end
        out += [do.StopTurn(turn.number, end), do.DropTurn(turn.number)]
    return replace(m, turn=None)


def _commit(m: Memory, out: Out) -> Memory:
    turn = _turn(m)
    if turn.announced:
        out.append(do.StopTurn(turn.number, turn.end))
    out.append(do.CommitTurn(turn.number, turn.start, turn.end))
    key = f"turn-{turn.number}"
    m = replace(m, turn=None)
    if not turn.read:
        audio_ms = max(1, (turn.end - turn.start) * 1000 // ev.RATE_HZ)
        m = replace(m, unread=(*m.unread, turn)[-UNREAD:])
        return remembering(m, m.context.add(ev.Message("user", "", key), audio_ms), out)
    text = (turn.text or "").strip()
    out.append(do.Caption(turn.number, text, final=True))
    return remembering(m, m.context.add(ev.Message("user", text, key)), out) if text else m


def commit(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Commit the turn without a reply."""
    m = drop_drafts(_ended(m, event), out)
    turn = _turn(m)
    if not turn.read:
        out.append(do.Transcribe(turn.number, turn.start, turn.end, turn.exact))
    return _commit(m, out)


def _ended(m: Memory, event: ev.Event) -> Memory:
    """With the turn ended where the client says; a voice that goes on is cut there."""
    turn = _turn(m)
    if isinstance(event, ev.TurnEnded):
        return replace(m, turn=replace(turn, end=max(turn.start, event.sample), speaking=False))
    return m


def commit_given(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Commit the samples that the client says are a turn."""
    assert isinstance(event, ev.TurnEnded)
    missed = m.turn
    m = _new_turn(m, event.start, announced=False)
    m = replace(m, turn=replace(_turn(m), exact=True))
    return replace(commit(m, event, out), turn=missed)


def commit_and_begin(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Commit the turn and begin its newest draft, or a reply made now."""
    turn, options = _turn(m), m.asked[0] if m.asked else None
    if isinstance(event, ev.ReplyAsked):
        options = event.options
    if options is not None:
        m = drop_drafts(m, out)
    if not m.drafts:
        m = draft(m, out, "turn", turn, options)
    return begin(_commit(m, out), out)


def _cut(m: Memory) -> Memory:
    turn = _turn(m)
    passed = (m.now_ms - turn.since_ms) * ev.RATE_HZ // 1000
    return replace(m, turn=replace(turn, end=turn.voice_from + max(0, passed), speaking=False))


def cut_and_begin(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The turn is too long: commit what there is of it, and answer."""
    return commit_and_begin(_cut(m), event, out)


def cut(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The turn is too long: commit what there is of it."""
    return commit(_cut(m), event, out)


# ---- a voice over the bot's


def hold(m: Memory, event: ev.Event, out: Out) -> Memory:
    """Hold the reply until it is known what the voice means."""
    assert isinstance(event, ev.SpeechStarted) and m.reply
    out.append(do.Hold(m.reply.number))
    return _new_turn(m, event.sample, announced=False)


def listen(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The voice over the bot's ended soon: have its words read."""
    m = _silent(m, event)
    turn = _turn(m)
    out.append(do.Transcribe(turn.number, turn.start, turn.end))
    return m


def again(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The voice over the bot's is there again."""
    return _voiced(m, event)


def yield_floor(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The user has the floor: stop the reply if it still runs, and begin the turn where the voice began."""
    if isinstance(event, ev.Transcribed):
        m = read(m, event, out)
    if m.reply is not None and m.reply.over:
        m = finish(m, out)
        m = replace(m, turn=replace(_turn(m), over=True))
    elif isinstance(event, ev.ReplyCancelled | ev.Truncated | ev.ReplyFailed):
        m = stop_for(m, event, out)
    else:
        m = stop(m, out, "barge-in")
    turn = _turn(m)
    out.append(do.StartTurn(turn.number, turn.start))
    m = replace(m, turn=replace(turn, announced=True))
    return m if turn.speaking else _ponder(m, out)


def take_floor_and_commit(m: Memory, event: ev.Event, out: Out) -> Memory:
    """The client commits a voice over the bot's: stop the reply and commit the turn."""
    m = stop(m, out, "barge-in")
    turn = _turn(m)
    out.append(do.StartTurn(turn.number, turn.start))
    return commit(replace(m, turn=replace(turn, announced=True)), event, out)


def resume(m: Memory, event: ev.Event, out: Out) -> Memory:
    """It was nothing: give the reply out again, from where it was held."""
    assert m.reply is not None
    out.append(do.Resume(m.reply.number))
    m = m.put(replace(m.reply, news_ms=m.now_ms))
    if not isinstance(event, ev.Transcribed | VerdictDue):  # nothing of it is waited for
        m = replace(m, turn=None)
    return release(m, out)
