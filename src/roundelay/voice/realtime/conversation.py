"""A spoken conversation in one process, without a server or a clock: microphone audio in, reply audio out (ours).

    conversation = Conversation(Pipeline.load())
    for block in microphone:                        # Audio of any rate and length
        for update in conversation.hear(block):
            if isinstance(update, BotAudio):
                speaker.write(update.audio)
    for update in conversation.finish():
        ...

Time is counted in samples received: the work of engines takes none. So the same audio gives the same updates on every
machine, however it is cut into blocks. Reply audio comes out in step with the audio that goes in, as to a loudspeaker
beside the microphone, so a user who speaks over the bot interrupts it where it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.agent.persona import Persona, persona
from roundelay.voice.agent.tools import Tool
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import Message
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core import actions as act
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.core.state import State
from roundelay.voice.realtime.inline import InlinePool, untimed
from roundelay.voice.realtime.playback import Playback
from roundelay.voice.realtime.reply_request import WorkerConfig
from roundelay.voice.realtime.worker import Worker
from roundelay.voice.resample import Resampler
from roundelay.voice.vad import FRAME, Detector

MAX_FINISH_S = 300  # of silence that `finish` adds at most: turns, replies and tool calls are limited to less


@dataclass(frozen=True, slots=True)
class Update:
    """Something that happened `at_s` seconds after the start of the conversation's audio."""

    at_s: float


@dataclass(frozen=True, slots=True)
class UserTurn(Update):
    """The user finished a turn: its transcript."""

    text: str


@dataclass(frozen=True, slots=True)
class BotText(Update):
    """The bot starts to speak the next clause of its reply."""

    text: str


@dataclass(frozen=True, slots=True)
class BotAudio(Update):
    """The next audio of the reply, to be played now; at the synthesizer's rate."""

    audio: Audio = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplyEnded(Update):
    """The reply was played to its end: its text."""

    text: str


@dataclass(frozen=True, slots=True)
class Interrupted(Update):
    """The user interrupted the reply: the words of it that were played."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUsed(Update):
    """The reply called a tool, with arguments as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ReplyError(Update):
    """An engine failed, and with it the reply; the conversation goes on. `why` is one line."""

    why: str


@dataclass(frozen=True, slots=True)
class ConversationConfig:
    """How a conversation is held. `detector` None: Silero's network where it is installed.

    `tools` are called by responders that can; each must have a `run`. Raises `BadInput` for one without.
    """

    persona: Persona = field(default_factory=persona)
    tools: tuple[Tool, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    history: tuple[Message, ...] = ()
    language: str = "en"
    detector: Detector | None = None

    def __post_init__(self) -> None:
        for tool in self.tools:
            if tool.run is None:
                raise BadInput("tool", tool.name, "has no `run`: nothing else can call it here")
        if self.thresholds.detection == "none":
            raise BadInput("detection", "none", 'must be "semantic" or "silence": no client ends turns here')


class Conversation:
    """A conversation over a pipeline, driven by audio alone. Not safe between threads.

    `hear` blocks while engines work: a reply is synthesised whole when its turn ends, and played as time goes on.
    """

    def __init__(self, pipeline: Pipeline, config: ConversationConfig | None = None) -> None:
        config = config or ConversationConfig()
        # Work takes no time here, so a draft before the turn's end would be work for nothing.
        limits = replace(config.thresholds, speculate=False)
        language = language_table.load(config.language)
        self._session = Session(limits, config.history, language)
        self._events: deque[Callable[[int], ev.Event]] = deque()
        self._worker = Worker(
            untimed(pipeline),
            self._events.append,
            InlinePool(),
            WorkerConfig(limits, config.persona, config.tools, language=language),
            config.detector,
        )
        self._resampler: tuple[int, Resampler] | None = None
        self._rest = np.zeros(0, np.float32)  # input of less than a frame
        self._samples = 0  # of input, heard
        self._playback: Playback | None = None
        self._failure = ""
        self._closed = False

    @property
    def history(self) -> tuple[Message, ...]:
        """The conversation as text; of the bot only what was played."""
        return self._session.history

    @property
    def state(self) -> State:
        """Who has the floor."""
        return self._session.state

    @property
    def seconds(self) -> float:
        """The length of the audio heard so far."""
        return self._samples / ev.INPUT_RATE_HZ

    def hear(self, audio: Audio) -> list[Update]:
        """What happened during the next block of microphone audio, in order. Raises `BadInput` after `finish`."""
        if self._closed:
            raise BadInput("audio", f"of {audio.duration_s:.2f} s", "came after the conversation was finished")
        return list(self._advance(self._resampled(audio)))

    def finish(self) -> list[Update]:
        """What happens until everything is answered and played, with silence as input; then the conversation ends."""
        updates: list[Update] = []
        if self._closed:
            return updates
        last = self._resampler[1].finish() if self._resampler else self._rest[:0]
        updates += self._advance(last)
        silence, end = np.zeros(FRAME, np.float32), self.seconds + MAX_FINISH_S
        # The first silence ends speech that the audio stopped in.
        settled = self.seconds + self._session.thresholds.silence_min_ms / 1000 + 2 * FRAME / ev.INPUT_RATE_HZ
        while self.seconds < end and (self.seconds <= settled or self._is_busy()):
            updates += self._advance(silence)
        updates += self._feed(ev.CloseRequested(self._now_ms(), at_once=True))
        self._worker.close()
        self._closed = True
        return updates

    def _is_busy(self) -> bool:
        return self._session.state is not State.SILENCE or self._session.wake_ms is not None

    def _now_ms(self) -> int:
        return self._samples * 1000 // ev.INPUT_RATE_HZ

    # ---- input

    def _resampled(self, audio: Audio) -> np.ndarray:
        """The block at the input's rate. A change of the rate starts a new stream."""
        before = np.zeros(0, np.float32)
        if self._resampler is None or self._resampler[0] != audio.rate:
            if self._resampler is not None:
                before = self._resampler[1].finish()
            self._resampler = audio.rate, Resampler(audio.rate, ev.INPUT_RATE_HZ)
        return np.concatenate([before, self._resampler[1].push(audio.samples)])

    def _advance(self, samples: np.ndarray) -> Iterator[Update]:
        """Yield what happens during input, frame by frame, so that the lengths of blocks do not matter."""
        line = np.concatenate([self._rest, samples])
        whole = len(line) // FRAME * FRAME
        self._rest = line[whole:]
        for at in range(0, whole, FRAME):
            self._samples += FRAME
            self._worker.hear(line[at : at + FRAME])
            yield from self._drain()
            yield from self._play()
            yield from self._feed(ev.Tick(self._now_ms()))
            yield from self._drain()

    # ---- the session

    def _drain(self) -> Iterator[Update]:
        """Yield what the worker's events lead to. An event that came too late to be legal is dropped."""
        while self._events:
            event = self._events.popleft()(self._now_ms())
            try:
                actions = self._session.feed(event)
            except ev.IllegalEvent:
                continue
            yield from self._carry_out(actions)

    def _feed(self, event: ev.Event) -> Iterator[Update]:
        yield from self._carry_out(self._session.feed(event))

    def _carry_out(self, actions: Iterable[act.Action]) -> Iterator[Update]:
        at_s = self.seconds
        for action in actions:
            if isinstance(action, act.Caption):
                if action.final and action.text:
                    yield UserTurn(at_s, action.text)
            elif isinstance(action, act.Begin):
                self._playback = Playback(action.reply)
            elif isinstance(action, act.Say | act.Play | act.Hold | act.Resume):
                if self._playback is not None:
                    self._playback.add(action)
            elif isinstance(action, act.CallTool):
                yield ToolUsed(at_s, action.name, action.arguments)
                self._worker.do(action)
            elif isinstance(action, act.Fail):
                self._failure = action.why
            elif isinstance(action, act.Stop | act.End):
                yield from self._end_reply(action)
            else:
                self._worker.do(action)

    def _end_reply(self, action: act.Stop | act.End) -> Iterator[Update]:
        playback, self._playback = self._playback, None
        if isinstance(action, act.End):
            for text in playback.remaining_text() if playback else ():
                yield BotText(self.seconds, text)
            yield ReplyEnded(self.seconds, action.text)
        elif action.why == "failed":
            why, self._failure = self._failure, ""
            yield ReplyError(self.seconds, why)
        else:
            yield Interrupted(self.seconds, action.text)

    # ---- output

    def _play(self) -> Iterator[Update]:
        """Yield a frame's time of the reply. None is played while speech may just have begun: it may be a barge-in."""
        playback = self._playback
        if playback is None or (self._session.thresholds.interrupt and self._worker.maybe_speech):
            return
        at_s = self.seconds
        for part in playback.advance(FRAME / ev.INPUT_RATE_HZ):
            if isinstance(part, str):
                yield BotText(at_s, part)
            else:
                self._worker.note_playback(part.samples, part.rate)
                yield BotAudio(at_s, part)
        reply = self._session.memory.reply
        if reply is not None and reply.number == playback.reply and playback.played > reply.played:
            yield from self._feed(ev.Played(self._now_ms(), playback.reply, playback.played))
