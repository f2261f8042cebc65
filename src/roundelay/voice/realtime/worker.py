"""The hands of a conversation: a machine's actions become work on a model, and its results become events.

A `Pool` of few threads is shared by all conversations; a `Worker` belongs to one. Nothing here waits in the caller's
thread but the voice detector, which takes a fraction of a millisecond a frame. All ours.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np

from roundelay.errors import RoundelayError
from roundelay.voice.agent.persona import Persona, persona
from roundelay.voice.agent.tools import Tool, parse_call
from roundelay.voice.audio import MIN_SAMPLES, Audio
from roundelay.voice.interfaces import Message
from roundelay.voice.lm.engine import never
from roundelay.voice.realtime import endpointing
from roundelay.voice.realtime.budget import Lead
from roundelay.voice.realtime.clauses import Clauses, clauses
from roundelay.voice.realtime.core import actions as act
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.realtime.core.events import RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.ring_buffer import RingBuffer
from roundelay.voice.realtime.trim_silence import trim_leading_silence
from roundelay.voice.realtime.vad import Detector, Echo, SpeechBoundary, SpeechSegmenter, default_detector

SORRY = "Sorry, I did not catch that."
TOLD = 240  # characters of a tool's result that are read aloud
READINGS = 16  # of turns and parts of turns that are kept
MIC_S = 5  # of sound kept beyond the longest turn

Tell = Callable[[Callable[[int], ev.Event]], None]


class Answer(Protocol):
    """What is answered: `text` to say, and a `call` in words, as (name, arguments), or None."""

    @property
    def text(self) -> str: ...
    @property
    def call(self) -> Any: ...


class Model(Protocol):
    """What a conversation needs of `roundelay.voice.engines.nano.model.Model`. Threads share it."""

    def say_stream(
        self,
        text: str,
        voice: str | None = None,
        seed: int = 0,
        cancelled: Callable[[], bool] = never,
        ways: Callable[[], int] | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield the sound of a text, float32 [n] at 16 kHz; `cancelled` is asked between tokens, `ways` how many
        ways of saying the next words there is time for.
        """
        ...

    def transcribe(self, audio: Audio) -> str:
        """The words of a recording; empty where there are none."""
        ...

    def answer(self, text: str, history: Sequence[Message] = ()) -> Answer:
        """The answer to a text after a history. A model may also `summarise(messages) -> str`, and `tell` results.

        One whose answers come little by little has `answer_parts` and `tell_parts`, which take `cancelled` and the
        reply's options (`tools`, `tool_choice`) too: they yield text, and calls. One that knows what it can answer has
        `complete(text) -> float | None`.
        """
        ...


class Pool:
    """A bounded executor: `threads` pieces of work run, `waiting` wait, the next one is refused.

    Short work (reading a word over the bot's voice, judging a pause) has a thread of its own: it must not wait until a
    reply is spoken.
    """

    def __init__(self, threads: int = 2, waiting: int = 64) -> None:
        self._long = ThreadPoolExecutor(threads, thread_name_prefix="conversation")
        self._short = ThreadPoolExecutor(1, thread_name_prefix="conversation-short")
        self._room = threading.BoundedSemaphore(threads + waiting)

    def submit(self, work: Callable[[], None], short: bool = False) -> bool:
        """Whether the work was taken."""
        if not self._room.acquire(blocking=False):
            return False
        try:
            (self._short if short else self._long).submit(work).add_done_callback(lambda _: self._room.release())
        except RuntimeError:  # closed meanwhile
            self._room.release()
            return False
        return True

    def close(self) -> None:
        """Drop what waits; what runs is asked to end by its own conversation."""
        self._long.shutdown(wait=False, cancel_futures=True)
        self._short.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Manner:
    """What of a session's settings the work must know."""

    thresholds: Thresholds
    persona: Persona
    tools: tuple[Tool, ...] = ()
    aloud: bool = True  # False: text alone is wanted


class Worker:
    """One conversation's ears, judge and voice. `tell` takes a maker of an event, `make(at_ms)`, from any thread."""

    def __init__(
        self,
        model: Model,
        tell: Tell,
        pool: Pool,
        manner: Manner | None = None,
        judge: Detector | None = None,
    ) -> None:
        self._model, self._tell, self._pool = model, tell, pool
        self.manner = manner or Manner(Thresholds(), persona())
        self._echo = Echo()
        self._ear = SpeechSegmenter(judge or default_detector(), self._echo)
        self._mic = RingBuffer((self.manner.thresholds.turn_max_ms // 1000 + MIC_S) * RATE_HZ)
        self._alive: set[int] = set()
        self._readings: OrderedDict[tuple[int, int], Future[str]] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False

    # ---- the caller's thread

    def hear(self, sound: np.ndarray) -> None:
        """Take the next sound of the microphone, float32 [n] at 16 kHz; tells of voices that began or ended."""
        self._mic.push(sound)
        limits = self.manner.thresholds
        if limits.detection == "none":
            self._ear.skip(len(sound))
            return
        for edge in self._ear.push(sound, limits):
            self._tell_boundary(edge)

    def _tell_boundary(self, edge: SpeechBoundary) -> None:
        if edge.starts:
            self._tell(lambda at_ms: ev.SpeechStarted(at_ms, edge.sample, edge.echo))
        else:
            self._tell(lambda at_ms: ev.SpeechStopped(at_ms, edge.sample))

    def played(self, sound: np.ndarray) -> None:
        """Note what goes out to the user, so that its echo is known."""
        self._echo.played(sound)

    @property
    def maybe_speech(self) -> bool:
        """Whether a voice may just have begun: too little of it was heard to say so."""
        return self._ear.maybe_speech

    def configure(self, manner: Manner) -> None:
        """Let another manner hold for what begins from now on."""
        self.manner = manner

    def do(self, action: act.Action) -> None:
        """Begin, or drop, a piece of work; other actions are none of a worker's."""
        if isinstance(action, act.Drop):
            self._alive.discard(action.reply)
        elif isinstance(action, act.Draft):
            self._alive.add(action.reply)
            if not self._pool.submit(lambda: self._draft(action)):
                self._fail(action.reply, "the server is busy")
        elif isinstance(action, act.PredictEndOfTurn):
            self._pool.submit(lambda: self._judge(action.turn, self._first(action), action.end, None), short=True)
        elif isinstance(action, act.Transcribe):
            self._pool.submit(lambda: self._transcribe(action), short=True)
        elif isinstance(action, act.Summarise):
            self._pool.submit(lambda: self._summarise(action))
        elif isinstance(action, act.CallTool):
            self._call(action)

    def close(self) -> None:
        """Drop all work."""
        self._closed = True
        self._alive.clear()

    # ---- the pool's threads

    def _say(self, make: Callable[[int], ev.Event]) -> None:
        if not self._closed:
            self._tell(make)

    def _fail(self, reply: int, why: str) -> None:
        self._alive.discard(reply)
        self._say(lambda at_ms: ev.ReplyFailed(at_ms, reply, why))

    def _first(self, action: act.PredictEndOfTurn | act.Transcribe | act.Draft) -> int:
        """The sample a turn's sound is taken from: a little before it, as its first consonants may be weak."""
        exact = not isinstance(action, act.PredictEndOfTurn) and action.exact
        return action.start if exact else action.start - self.manner.thresholds.prefix_ms * RATE_HZ // 1000

    def _judge(self, turn: int, start: int, end: int, text: str | None) -> None:
        if self.manner.thresholds.detection == "semantic":
            complete = getattr(self._model, "complete", None)
            whole = complete(text) if complete is not None and text else None
            share = endpointing.end_of_turn_probability(self._mic.cut(start, end), text, whole)
            self._say(lambda at_ms: ev.EndOfTurnPredicted(at_ms, turn, share))

    def _read(self, turn: int, start: int, end: int) -> str:
        """The words of a turn; whoever asks first reads them, others wait for that."""
        with self._lock:
            reading = self._readings.get((turn, end))
            mine = reading is None
            if reading is None:
                reading = self._readings[turn, end] = Future()
                while len(self._readings) > READINGS:
                    self._readings.popitem(last=False)
        if mine:
            try:
                sound = self._mic.cut(start, end)
                text = self._model.transcribe(Audio.from_array(sound, RATE_HZ)) if len(sound) >= MIN_SAMPLES else ""
                reading.set_result(text)
            except BaseException as error:
                reading.set_exception(error)
        return reading.result()

    def _transcribe(self, action: act.Transcribe) -> None:
        try:
            text = self._read(action.turn, self._first(action), action.end)
        except RoundelayError:
            return  # the turn's draft will say that it failed; a caption alone fails in silence
        self._heard(action.turn, self._first(action), action.end, text)

    def _heard(self, turn: int, start: int, end: int, text: str) -> None:
        self._say(lambda at_ms: ev.Transcribed(at_ms, turn, text, end))
        if not self._pool.submit(lambda: self._judge(turn, start, end, text), short=True):  # beside the answer
            self._judge(turn, start, end, text)

    def _draft(self, draft: act.Draft) -> None:
        try:
            self._reply(draft)
        except RoundelayError as error:
            self._fail(draft.reply, str(error))
        except Exception as error:  # one conversation's fault must not end the pool's thread, or another's talk
            self._fail(draft.reply, f"{type(error).__name__}: {error}")
        finally:
            self._alive.discard(draft.reply)

    def _reply(self, draft: act.Draft) -> None:
        number = draft.reply

        def cancelled() -> bool:
            return self._closed or number not in self._alive

        if cancelled():
            return
        if draft.cause == "tool" and not any(hasattr(self._model, name) for name in ("tell", "tell_parts")):
            result = next((message.text for message in reversed(draft.history) if message.role == "tool"), "")
            self._speak(number, clauses(told(result)), draft, cancelled)
            return
        text = self._question(draft)
        if cancelled():
            return
        if draft.cause == "turn" and not words(text):
            self._speak(number, [SORRY], draft, cancelled)
            return
        ask, history = "tell" if draft.cause == "tool" else "answer", (self.manner.persona.message, *draft.history)
        if (parts := getattr(self._model, f"{ask}_parts", None)) is not None:
            self._speak(
                number, self._arriving(parts(text, history, cancelled, draft.options or {}), draft), draft, cancelled
            )
            return
        answer = getattr(self._model, ask)(text, history)
        if not cancelled():
            self._want(draft, answer.call)
            self._speak(number, clauses(answer.text), draft, cancelled)

    def _arriving(self, parts: Iterable[object], draft: act.Draft) -> Iterator[str]:
        """The clauses of an answer that still comes; its calls are told of on the way."""
        text = Clauses()
        for part in parts:
            if isinstance(part, str):
                yield from text.push(part)
            else:
                self._want(draft, part)
        yield from text.push("", last=True)

    def _question(self, draft: act.Draft) -> str:
        """The text to be answered."""
        if draft.cause != "turn":
            return next((message.text for message in reversed(draft.history) if message.role != "assistant"), "")
        if draft.heard is not None:
            return draft.heard
        assert draft.turn is not None
        text = self._read(draft.turn, self._first(draft), draft.end)
        self._heard(draft.turn, self._first(draft), draft.end, text)
        return text

    def _want(self, draft: act.Draft, call: object) -> None:
        """Tell of a tool's call: in words, or as something with a name and arguments. Unknown tools are no calls."""
        if call is None:
            return
        if isinstance(call, str):
            found = parse_call(call, (draft.options or {}).get("tools", self.manner.tools))
            if found is None:
                return  # a skill of the model's own: its answer is in the text already
            name, arguments = found[0].name, found[1]
        else:
            name, arguments = str(call.name), str(call.arguments)  # type: ignore[attr-defined]
        key = str(getattr(call, "id", "") or f"call-{draft.reply}")
        self._say(lambda at_ms: ev.ToolCalled(at_ms, draft.reply, key, name, arguments))

    def _speak(self, reply: int, text: Iterable[str], draft: act.Draft, cancelled: Callable[[], bool]) -> None:
        limits, lead = self.manner.thresholds, Lead()
        options = draft.options or {}
        voice = options.get("voice") or self.manner.persona.voice
        aloud = options["modalities"] == ("audio",) if options.get("modalities") else self.manner.aloud
        for at, clause in enumerate(islice(text, limits.clauses_max)):
            if cancelled():
                return
            self._say(lambda at_ms, clause=clause: ev.ReplyText(at_ms, reply, clause))  # type: ignore[misc]
            if not aloud:
                continue
            sounds = self._model.say_stream(clause, voice, at, cancelled, lead.ways)
            for sound in sounds if lead.made else trim_leading_silence(sounds):
                lead.add(len(sound))
                if cancelled() or lead.made * 1000 > limits.reply_max_ms * RATE_HZ:
                    break
                self._say(lambda at_ms, sound=sound: ev.ReplyAudio(at_ms, reply, sound))  # type: ignore[misc]
            if lead.made * 1000 > limits.reply_max_ms * RATE_HZ:
                break
        if not cancelled():
            self._say(lambda at_ms: ev.ReplyDone(at_ms, reply))

    def _summarise(self, action: act.Summarise) -> None:
        """Ask a model that can (`summarise(messages) -> str`); for another the old messages are just dropped."""
        short, summarise = "", getattr(self._model, "summarise", None)
        if summarise is not None:
            try:
                short = str(summarise(action.messages))
            except Exception:  # a history without its summary is better than no conversation
                short = ""
        self._say(lambda at_ms: ev.Summarised(at_ms, action.key, short))

    def _call(self, action: act.CallTool) -> None:
        tool = next((tool for tool in self.manner.tools if tool.name == action.name and tool.run), None)
        if tool is None:
            return  # the client's
        call = tool.call

        def run() -> None:
            output = call(action.arguments)
            self._say(lambda at_ms: ev.ToolReturned(at_ms, action.call, output))

        if not self._pool.submit(run):
            self._say(lambda at_ms: ev.ToolReturned(at_ms, action.call, "error: the server is busy"))


def told(result: str) -> str:
    """A tool's result, a message `name(arguments) = output`, as a sentence that a model without talk can say."""
    call, _, output = result.partition(" = ")
    name = " ".join(re.findall(r"[A-Za-z]+|\d+", call.partition("(")[0]))
    return f"{name}: {output[:TOLD]}"
