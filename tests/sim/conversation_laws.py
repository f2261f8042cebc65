"""Invariants of every conversation after every event, checked from events, actions and the history alone."""

from __future__ import annotations

from collections.abc import Iterator

from conversation_world import BACKCHANNELS, Made, World

from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.state import State

HELD = (State.BOT_REPLYING, State.OVERLAP)


def spoken_words(made: Made) -> Iterator[tuple[str, float]]:
    """Yield each word with the sample at which it ends in the world's audio."""
    before = 0.0
    for text, samples in made.clauses:
        at = 0
        for word in text.split():
            at = text.index(word, at) + len(word)
            yield word, before + samples * at / len(text)
        before += samples


class Laws:
    """Checks one conversation."""

    def __init__(self) -> None:
        self.alive: set[int] = set()  # drafts
        self.begun: set[int] = set()
        self.over: dict[int, int] = {}  # reply -> samples played
        self.active: int | None = None
        self.held = self.closed = False
        self.plays: dict[int, list[tuple[int, int]]] = {}
        self.called: set[str] = set()
        self.turn: int | None = None  # announced and not yet committed or dropped
        self.stopped = False
        self.numbers = [0, 0]
        self.silent_since: int | None = None
        self.speech_since = 0
        self.newest = 0  # draft alive before the event
        self.context: object = None
        self.log: list[tuple[ev.Event, list[do.Action]]] = []

    def __call__(self, event: ev.Event, actions: list[do.Action], session: Session, world: World) -> None:
        """Check everything after one event."""
        self.log.append((event, actions))
        if isinstance(event, ev.SpeechStopped):
            self.silent_since = event.at_ms - 96
        if isinstance(event, ev.SpeechStarted):
            self.silent_since = None
            self.speech_since = event.at_ms
        self.newest = max(self.alive, default=0)
        for action in actions:
            self.turns(action, event, world)
            self.replies(action, event)
        self.whole(event, session, world)

    def turns(self, action: do.Action, event: ev.Event, world: World) -> None:
        assert not self.closed, "an action after Close"
        if isinstance(action, do.StartTurn):
            assert self.turn is None and self.active is None
            self.turn, self.stopped = action.turn, False
        elif isinstance(action, do.StopTurn):
            assert self.turn == action.turn and not self.stopped
            self.stopped = True
        elif isinstance(action, do.CommitTurn):
            assert action.start <= action.end
            if self.turn == action.turn:
                assert self.stopped
                self.turn = None
                waits = {"semantic": 384, "silence": 500, "none": 0}[world.thresholds.detection]
                if self.silent_since is not None and not isinstance(event, ev.ReplyRequested | ev.TurnEnded):
                    assert event.at_ms - self.silent_since >= waits, "committed before the silence was long enough"
        elif isinstance(action, do.DropTurn):
            assert self.turn == action.turn and self.stopped
            self.turn = None

    def replies(self, action: do.Action, event: ev.Event) -> None:
        if isinstance(action, do.Draft):
            assert action.reply == self.numbers[0] + 1, "reply numbers go up by one"
            assert all(message.text for message in action.history)
            self.numbers[0] = self.newest = action.reply
            self.alive.add(action.reply)
        elif isinstance(action, do.Drop):
            assert action.reply in self.alive or action.reply in self.over, "dropped what was not alive"
            self.alive.discard(action.reply)
        elif isinstance(action, do.Begin):
            assert self.active is None and action.reply in self.alive
            assert action.reply == self.newest, "the newest draft is committed"
            self.alive.discard(action.reply)
            self.begun.add(action.reply)
            self.active, self.held = action.reply, False
            self.plays[action.reply] = []
        elif isinstance(action, do.Stop | do.End):
            assert self.active == action.reply
            samples = action.samples if isinstance(action, do.Stop) else sum(n for _, n in self.plays[action.reply])
            self.over[action.reply] = samples
            self.active, self.held = None, False
            if isinstance(action, do.Stop) and action.why == "barge-in" and isinstance(event, ev.Transcribed):
                assert event.text not in (*BACKCHANNELS, ""), "a backchannel stopped the bot"
        elif isinstance(action, do.Hold):
            assert self.active == action.reply and not self.held
            self.held = True
        elif isinstance(action, do.Resume):
            assert self.active == action.reply and self.held
            self.held = False
        elif isinstance(action, do.CallTool):
            assert action.reply in self.begun and action.call not in self.called, "a tool of a draft, or called twice"
            assert action.reply == self.active
            self.called.add(action.call)
        elif isinstance(action, do.Say | do.Play | do.Finish):
            assert self.active == action.reply, "released without the floor"
            assert not self.held or isinstance(event, ev.Played | ev.ReplyDone), "released while held"
            if isinstance(action, do.Play):
                assert not self.held
                self.plays[action.reply].append((int(action.samples[0]), len(action.samples)))
        elif isinstance(action, do.Close):
            self.closed = True

    def whole(self, event: ev.Event, session: Session, world: World) -> None:
        """The state, the limits, and the history."""
        m, state, limits = session.memory, session.state, session.thresholds
        self.alive &= {draft.number for draft in m.drafts}  # failed ones leave without an action
        assert {draft.number for draft in m.drafts} == self.alive, "a draft left without Drop"
        assert (m.reply is not None) == (state in HELD) == (self.active is not None)
        assert not m.drafts or state is State.USER_PAUSED
        assert len(m.drafts) <= limits.drafts_alive
        assert (self.turn is not None) == (state in (State.USER_SPEAKING, State.USER_PAUSED))
        assert self.held == (state is State.OVERLAP)
        assert self.closed == (state is State.CLOSED)
        assert session.wake_ms is None or session.wake_ms >= event.at_ms
        assert len(m.calls) <= limits.tools_waiting and len(m.context.entries) <= limits.messages_max
        if self.active is not None:
            assert self.plays[self.active] == world.made[self.active].sent[: len(self.plays[self.active])], "sound lost"
        if state is State.OVERLAP and m.turn and m.turn.speaking:
            assert event.at_ms - self.speech_since <= 700, "a barge-in took longer than any threshold of this world"
        if m.context is not self.context:
            self.context = m.context
            self.history(session, world)

    def history(self, session: Session, world: World) -> None:
        """The history has what was heard of a reply: all of one that ended, no unheard word of a stopped one."""
        context, limits = session.memory.context, session.thresholds
        newest = sum(entry.tokens for entry in context.entries[-limits.context_keep :])
        assert context.tokens <= max(2 * limits.context_tokens, newest), "the history grew beyond its limit"
        keys = [message.key for message in session.history]
        assert len(set(keys)) == len(keys)
        past = {reply.number: reply for reply in session.memory.past_replies}
        for message in session.history:
            if not message.key.startswith("reply-"):
                continue
            number = int(message.key.removeprefix("reply-"))
            assert number in self.over, "a reply is history before it is over"
            if number not in past:
                continue
            words, said = list(spoken_words(world.made[number])), message.text.split()
            assert said == [word for word, _ in words[: len(said)]], "history says what was never said"
            corrected = [e.samples for e, _ in self.log if isinstance(e, ev.Truncated) and e.reply == number]
            heard = corrected[-1] if corrected else self.over[number]  # the client knows best
            assert all(end <= heard + 1 for _, end in words[: len(said)]), "history holds a word that was not heard"

    def end(self, session: Session) -> None:
        """Check after everything has come to rest."""
        assert session.state in (State.SILENCE, State.CLOSED), f"at rest in {session.state}"
        assert not session.memory.drafts and session.memory.reply is None
        assert self.begun == set(self.over), "a reply began and never ended"
