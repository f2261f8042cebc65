"""A world for one conversation: a user with a microphone, a detector, workers, tools, a player, a client.

One seed drives all of it. Time is a heap of future happenings; nothing here knows the machine's rules.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from roundelay.voice.interfaces import Message
from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.settings import Thresholds

MS = ev.INPUT_RATE_HZ // 1000
WORDS = [
    "what", "when", "tell", "me", "about", "the", "weather", "music", "trains", "please", "now", "tomorrow", "again",
    "why", "how", "far", "near", "big", "small",
]  # fmt: skip
REPLY = [
    "well", "the", "short", "answer", "to", "your", "question", "is", "that", "nobody", "really", "knows", "but",
    "many", "people", "try", "find", "out",
]  # fmt: skip
BACKCHANNELS = ("uh-huh", "yeah, right", "I see")
SLOWEST_MS_PER_CHARACTER = 65  # as `Thresholds` expects, so that no word counts as heard too early


@dataclass
class Sound:
    """A sound at the microphone, from `start` to `end` ms."""

    start: int
    end: int
    kind: str
    text: str


@dataclass
class Made:
    """A generated reply: its clauses with the samples that speak each, and the audio blocks sent so far."""

    clauses: list[tuple[str, int]]
    sent: list[tuple[int, int]] = field(default_factory=list)  # (serial, samples) in order
    cancelled: bool = False


class World:
    """Runs one conversation; `watch(event, actions, session)` is called after every event."""

    def __init__(self, seed: int, watch: Callable[[ev.Event, list[do.Action], Session, World], None]) -> None:
        self.r = r = random.Random(seed)
        self.watch, self.now, self.busy_until = watch, 0, 300
        self.ms = (16, 24, 48)[seed % 3]  # samples of a reply in a millisecond: engines have rates of their own
        self.heap: list[tuple[int, int, Callable[[], None]]] = []
        self.serial = 0
        self.sounds: list[Sound] = []
        self.made: dict[int, Made] = {}
        self.thresholds = Thresholds(
            detection=r.choices(("semantic", "silence", "none"), (70, 15, 15))[0],  # type: ignore[arg-type]
            interrupt=r.random() > 0.07,
            create_reply=r.random() > 0.1,
            speculate=r.random() > 0.15,
            turn_max_ms=r.choice((60_000, 60_000, 4_000)),
            tool_timeout_ms=r.choice((30_000, 3_000)),
            context_tokens=r.choice((1_024, 128)),
            stall_ms=4_000,
        )
        self.session = Session(self.thresholds, language=language_table.load())
        self.reply = self.given = self.heard = self.lead = 0
        self.held = False
        self.ends_ms = r.randint(12_000, 30_000)

    def at(self, when: int, act: Callable[[], None]) -> None:
        """Schedule an action."""
        self.serial += 1
        heapq.heappush(self.heap, (max(self.now, int(when)), self.serial, act))

    def run(self) -> None:
        """Run until nothing is scheduled."""
        self.at(self.r.randint(0, 1_000), self.user)
        self.at(self.r.randint(2_000, 9_000), self.client)
        if self.r.random() < 0.15:
            self.at(
                self.r.randint(0, self.ends_ms), lambda: self.feed(ev.CloseRequested(self.now, self.r.random() < 0.5))
            )
        while self.now < self.ends_ms + 120_000:
            wake = self.session.wake_ms
            if self.heap and (wake is None or self.heap[0][0] < wake):
                self.now, _, act = heapq.heappop(self.heap)
                act()
            elif wake is not None:
                self.now = wake
                self.feed(ev.Tick(self.now))
            else:
                break

    def feed(self, event: ev.Event, may_be_illegal: bool = False) -> bool:
        """Feed the session and carry out its actions. An illegal event must leave it unchanged."""
        before, state = self.session.memory, self.session.state
        try:
            actions = self.session.feed(event)
        except ev.IllegalEvent as error:
            assert self.session.memory is before and self.session.state is state
            assert may_be_illegal, f"{event}: {error.code} {error}"
            return False
        for action in actions:
            self.carry_out(action)
        self.watch(event, actions, self.session, self)
        return True

    # ---- the user

    def user(self) -> None:
        """Speak after a while, with or without pauses, or make a noise."""
        if self.now > self.ends_ms:
            return
        r, kind = self.r, self.r.random()
        if kind < 0.15:
            self.sound("noise", r.randint(70, 500), "")
        else:
            for _ in range(r.choice((1, 1, 2, 3))):
                self.sound("words", r.randint(150, 2_200), " ".join(r.choices(WORDS, k=r.randint(1, 6))))
                self.busy_until += r.choice((0, 0, 250, 600, 900))
        if self.thresholds.detection == "none" or r.random() < 0.05:
            self.at(self.busy_until + 50, self.commit)
        self.at(self.busy_until + r.randint(500, 6_000), self.user)

    def commit(self) -> None:
        """Push to talk: the client ends the turn, and may request the reply."""
        said = [s for s in self.sounds if s.end <= self.now]
        if said and self.feed(ev.TurnEnded(self.now, said[-1].start * MS, said[-1].end * MS), may_be_illegal=True):
            self.at(self.now + self.r.choice((0, 1, 400)), self.ask)

    def commit_now(self) -> None:
        """The client ends a turn that is being spoken."""
        said = self.sounds[-1].start * MS
        self.feed(ev.TurnEnded(self.now, min(said, self.now * MS), self.now * MS), may_be_illegal=True)

    def partial(self, text: str) -> None:
        if self.session.memory.turns:
            self.feed(ev.Transcribed(self.now, self.session.memory.turns, text, self.now * MS))

    def ask(self) -> None:
        options = self.r.choice((None, {"metadata": "x"}))
        self.feed(ev.ReplyRequested(self.now, options), may_be_illegal=True)

    def sound(self, kind: str, long_ms: int, text: str, echo: float = 0.0) -> None:
        """Make a sound after a silence; the detector reports both its ends a little later."""
        start = max(self.now, self.busy_until) + self.r.randint(170, 400)
        made = Sound(start, start + long_ms, kind, text)
        self.busy_until = made.end + 170
        self.sounds.append(made)
        echo = echo or self.r.uniform(0, 0.4)
        self.at(start + 64, lambda: self.feed(ev.SpeechStarted(self.now, start * MS, echo)))
        self.at(made.end + 96, lambda: self.feed(ev.SpeechStopped(self.now, made.end * MS)))
        if kind == "words" and self.r.random() < 0.3:  # a recogniser with partial results
            self.at(start + 300, lambda: self.partial(text))
        if self.r.random() < 0.02:
            self.at(start + 100, self.commit_now)

    def text(self, start: int, end: int) -> str:
        """The words in samples `start` to `end`."""
        inside = (s.text for s in self.sounds if s.start * MS < end and s.end * MS > start)
        return " ".join(text for text in inside if text)

    # ---- the client

    def client(self) -> None:
        """Do what a client may do at any time; some of it is illegal then."""
        if self.now > self.ends_ms:
            return
        now, r = self.now, self.r
        numbers = self.session.memory.replies, self.session.memory.turns
        odd: list[ev.Event] = [
            ev.ReplyRequested(now), ev.ReplyCancelled(now), ev.InputCleared(now), ev.MessageRemoved(now, "turn-1"),
            ev.MessageRemoved(now, "unknown"), ev.Truncated(now, max(1, self.reply), r.randint(0, max(1, self.heard))),
            ev.MessageAdded(now, Message("user", "typed " * r.randint(1, 60))),
            ev.Configured(now, replace(self.thresholds, barge_in_ms=r.choice((300, 500, 700)))),
            ev.Tick(now - 1), ev.Played(now, numbers[0] + 1, 5), ev.EndOfTurnPredicted(now, numbers[1] + 1, 0.5),
            ev.ToolReturned(now, "never called", "x"), ev.Played(now, max(1, self.reply), self.given + 1),
            ev.TurnEnded(now, 100, 50), ev.ReplyCancelled(now), ev.InputCleared(now),
        ]  # fmt: skip
        self.feed(r.choice(odd), may_be_illegal=True)
        self.at(now + r.randint(500, 9_000), self.client)

    # ---- the work

    def carry_out(self, action: do.Action) -> None:
        """Carry out an action, after some time."""
        r, now = self.r, self.now
        if isinstance(action, do.PredictEndOfTurn):
            turn, end = action.turn, r.choice((0.0, 0.5, 0.9, 1.0))
            self.at(now + r.randint(5, 200), lambda: self.feed(ev.EndOfTurnPredicted(self.now, turn, end)))
        elif isinstance(action, do.Transcribe):
            self.transcribe(action.turn, action.start, action.end)
        elif isinstance(action, do.Draft):
            self.make(action)
        elif isinstance(action, do.Drop):
            self.at(now + r.choice((0, 0, 30, 200)), lambda: self.cancel(action.reply))
        elif isinstance(action, do.CallTool):
            if r.random() < 0.9:
                self.at(now + r.randint(20, 9_000), lambda: self.feed(ev.ToolReturned(self.now, action.call, "42")))
        elif isinstance(action, do.Summarise):
            if r.random() < 0.7:
                self.at(now + r.randint(50, 3_000), lambda: self.feed(ev.Summarised(self.now, action.key, "so far")))
        else:
            self.play(action)

    def transcribe(self, turn: int, start: int, end: int) -> None:
        text = self.text(start, end)
        done = self.now + self.r.choice((30, 90, 200, 700))
        if self.r.random() < 0.3:  # a quick recogniser's words
            self.at(done - 20, lambda: self.feed(ev.PartialTranscript(self.now, turn, text[: len(text) // 2], end)))
        self.at(done, lambda: self.feed(ev.Transcribed(self.now, turn, text, end)))
        if self.r.random() < 0.1:  # a second, better transcript
            self.at(done + 60, lambda: self.feed(ev.Transcribed(self.now, turn, text + " indeed so", end)))

    def cancel(self, reply: int) -> None:
        self.made[reply].cancelled = True

    def make(self, draft: do.Draft) -> None:
        """Generate a reply in clauses; its events arrive as a real worker's do, even a little after it was dropped."""
        r, number = self.r, draft.reply
        clauses = []
        for _ in range(r.randint(1, 3)):
            text = " ".join(r.choices(REPLY, k=r.randint(1, 6)))
            clauses.append((text, len(text) * r.randint(45, SLOWEST_MS_PER_CHARACTER) * self.ms))
        made = self.made[number] = Made(clauses)
        when = self.now + r.randint(30, 300)
        if draft.cause == "turn" and draft.heard is None:
            assert draft.turn is not None
            self.transcribe(draft.turn, draft.start, draft.end)
        speed = r.choice((0.2, 0.5, 1.1))
        if number % 3 == 0:  # others hold it up
            self.news(made, when - 20, lambda: ev.ReplyWaiting(self.now, number))
        for text, samples in clauses:
            self.news(made, when, lambda text=text: ev.ReplyText(self.now, number, text))  # type: ignore[misc]
            if r.random() < 0.12:
                call = f"call-{number}-{len(self.heap)}-{self.serial}"
                self.news(made, when, lambda call=call: ev.ToolCalled(self.now, number, call, "f", "{}"))  # type: ignore[misc]
            while samples > 0:
                piece = min(samples, 200 * self.ms)
                when, samples = when + round(piece / self.ms * speed), samples - piece
                self.news(made, when, lambda piece=piece: self.piece(number, piece))  # type: ignore[misc]
        fate = r.random()
        if fate < 0.95:
            self.news(made, when + 1, lambda: ev.ReplyDone(self.now, number))
        elif fate < 0.98:
            self.news(made, self.now + r.randint(20, 2_000), lambda: ev.ReplyFailed(self.now, number, "broken"))

    def news(self, made: Made, when: int, event: Callable[[], ev.Event]) -> None:
        def tell() -> None:
            if not made.cancelled:
                self.feed(told := event())
                made.cancelled = isinstance(told, ev.ReplyFailed)

        self.at(when, tell)

    def piece(self, reply: int, samples: int) -> ev.ReplyAudio:
        self.serial += 1
        self.made[reply].sent.append((self.serial, samples))
        return ev.ReplyAudio(self.now, reply, np.full(samples, self.serial, np.float64), self.ms * 1000)

    # ---- the player

    def play(self, action: do.Action) -> None:
        if isinstance(action, do.Begin):
            self.reply, self.given, self.heard, self.held = action.reply, 0, 0, False
            self.at(self.now + 50, lambda number=self.reply: self.hear(number))  # type: ignore[misc]
            self.disturb()
        elif isinstance(action, do.Play):
            self.given += len(action.samples)
        elif isinstance(action, do.Hold):
            self.held, self.lead = True, self.r.choice((0, 300 * self.ms))  # the client plays what it has buffered
            if self.r.random() < 0.02:
                self.at(self.now + 50, lambda: self.feed(ev.CloseRequested(self.now)))
        elif isinstance(action, do.Resume):
            self.held = False
        elif isinstance(action, do.Stop | do.End):
            self.reply = 0

    def hear(self, number: int) -> None:
        if self.reply != number:
            return
        step = self.r.randint(60, 260)
        more = min(step * self.ms, self.given - self.heard, self.lead if self.held else 1 << 40)
        self.heard, self.lead = self.heard + more, self.lead - more
        self.at(self.now + step, lambda: self.hear(number))
        if more:
            self.feed(ev.Played(self.now, number, self.heard))

    def disturb(self) -> None:
        """While the bot speaks the user may hum, interrupt or cough, and echo may come back."""
        r, kind = self.r, self.r.random()
        if self.now > self.ends_ms or self.busy_until > self.now:
            return
        self.busy_until = self.now + r.randint(0, 1_500)
        if kind < 0.2:
            self.sound("backchannel", r.randint(120, 400), r.choice(BACKCHANNELS))
        elif kind < 0.35:
            self.sound("words", r.randint(700, 2_500), " ".join(r.choices(WORDS, k=5)))
        elif kind < 0.45:
            self.sound("words", r.randint(200, 400), "stop please")
        elif kind < 0.55:
            self.sound("noise", r.randint(70, 400), "")
        elif kind < 0.7:
            self.sound("echo", r.randint(100, 1_500), "", echo=0.9)
