"""The work of one conversation: the machine's actions become calls of engines, and their results become events (ours).

A `WorkerPool` of few threads is shared by all conversations; a `Worker` belongs to one. In the caller's thread runs
only voice activity detection, which takes a fraction of a millisecond a frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from roundelay.errors import EngineError, RoundelayError
from roundelay.voice.agent.persona import persona
from roundelay.voice.agent.tools import parse_call
from roundelay.voice.interfaces import CallOptions, Cancelled, Capability, Response, ToolCall, Transcript, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime import endpointing
from roundelay.voice.realtime.budget import CandidateBudget
from roundelay.voice.realtime.clauses import Clauses, clauses
from roundelay.voice.realtime.core import actions as act
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.reply_request import (
    WorkerConfig,
    available_tools,
    is_spoken,
    last_question,
    last_result,
    reply_request,
    summary_request,
)
from roundelay.voice.realtime.ring_buffer import RingBuffer
from roundelay.voice.realtime.segmenter import Echo, SpeechBoundary, SpeechSegmenter
from roundelay.voice.realtime.trim_silence import trim_leading_silence
from roundelay.voice.realtime.turn_transcripts import Span, TurnTranscripts
from roundelay.voice.realtime.worker_pool import TaskPool
from roundelay.voice.resample import Resampler
from roundelay.voice.vad import Detector, default_detector
from roundelay.voice.voices import Voice

EXTRA_INPUT_S = 5  # of input kept beyond the longest turn
MAX_SUMMARY_CHARACTERS = 2_000
WAITING_S = 1.0  # between two notes that a reply is held up by others

Tell = Callable[[Callable[[int], ev.Event]], None]


class Worker:
    """Detects speech, transcribes turns, makes replies. `tell` takes `make(at_ms) -> event`, from any thread.

    Engines raise `RoundelayError`; a reply whose engine fails becomes `ReplyFailed`, and the conversation lives on.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        tell: Tell,
        pool: TaskPool,
        config: WorkerConfig | None = None,
        detector: Detector | None = None,
    ) -> None:
        self._pipeline, self._tell, self._pool = pipeline, tell, pool
        self.config = config or WorkerConfig(Thresholds(), persona())
        self._echo = Echo()
        self._segmenter = SpeechSegmenter(detector or default_detector(), self._echo)
        self._input = RingBuffer((self.config.thresholds.turn_max_ms // 1000 + EXTRA_INPUT_S) * INPUT_RATE_HZ)
        self._playback: tuple[int, Resampler] | None = None  # of the playback, to the input's rate
        self._alive: set[int] = set()
        self._transcripts = TurnTranscripts(pipeline.transcribe, self._input.cut, lambda: self._closed)
        self._closed = False

    # ---- the caller's thread

    def hear(self, samples: np.ndarray) -> None:
        """Take the next input, float32 [n] at `INPUT_RATE_HZ`; tells of speech that began or ended."""
        self._input.push(samples)
        limits = self.config.thresholds
        if limits.detection == "none":
            self._segmenter.skip(len(samples))
            return
        for boundary in self._segmenter.push(samples, limits):
            self._tell_boundary(boundary)

    def _tell_boundary(self, boundary: SpeechBoundary) -> None:
        if boundary.starts:
            self._tell(lambda at_ms: ev.SpeechStarted(at_ms, boundary.sample, boundary.echo))
        else:
            self._tell(lambda at_ms: ev.SpeechStopped(at_ms, boundary.sample))

    def note_playback(self, samples: np.ndarray, rate_hz: int) -> None:
        """Note audio that is sent to the user, so that its echo in the input is recognised."""
        if self._playback is None or self._playback[0] != rate_hz:
            self._playback = rate_hz, Resampler(rate_hz, INPUT_RATE_HZ)
        self._echo.played(self._playback[1].push(samples))

    @property
    def maybe_speech(self) -> bool:
        """Whether speech may just have begun, before voice activity detection confirms it."""
        return self._segmenter.maybe_speech

    def configure(self, config: WorkerConfig) -> None:
        """Use another configuration for what begins from now on."""
        self.config = config

    def do(self, action: act.Action) -> None:
        """Begin, or cancel, a piece of work; actions that are not a worker's are ignored."""
        if isinstance(action, act.Drop):
            self._alive.discard(action.reply)
        elif isinstance(action, act.Draft):
            self._alive.add(action.reply)
            if not self._pool.submit(lambda: self._draft(action)):
                self._fail(action.reply, "the server is busy")
        elif isinstance(action, act.PredictEndOfTurn):
            first = self._first_sample(action)
            self._pool.submit(lambda: self._predict_end(action.turn, first, action.end, None), short=True)
        elif isinstance(action, act.Transcribe):
            self._pool.submit(lambda: self._transcribe(action), short=True)
        elif isinstance(action, act.Summarise):
            self._pool.submit(lambda: self._summarise(action))
        elif isinstance(action, act.CallTool):
            self._call_tool(action)

    def close(self) -> None:
        """Cancel all work."""
        self._closed = True
        self._alive.clear()

    # ---- the pool's threads: hearing

    def _emit(self, make: Callable[[int], ev.Event]) -> None:
        if not self._closed:
            self._tell(make)

    def _fail(self, reply: int, why: str) -> None:
        self._alive.discard(reply)
        self._emit(lambda at_ms: ev.ReplyFailed(at_ms, reply, why))

    def _first_sample(self, action: act.PredictEndOfTurn | act.Transcribe | act.Draft) -> int:
        """Where a turn's audio is cut: `prefix_ms` before its start, as first consonants may be weak."""
        exact = not isinstance(action, act.PredictEndOfTurn) and action.exact
        return action.start if exact else action.start - self.config.thresholds.prefix_ms * INPUT_RATE_HZ // 1000

    def _predict_end(self, turn: int, start: int, end: int, text: str | None) -> None:
        if self.config.thresholds.detection == "semantic":
            complete = self._p_complete(text) if text else None
            sound, language = self._input.cut(start, end), self.config.language
            found = endpointing.end_of_turn_probability(sound, text, complete, language)
            self._emit(lambda at_ms: ev.EndOfTurnPredicted(at_ms, turn, found))

    def _p_complete(self, text: str) -> float | None:
        """The engine's probability that nothing must follow the words; None if it is unknown, or the engine fails."""
        try:
            return self._pipeline.end_of_turn_probability(text)
        except RoundelayError:
            return None

    def _read(self, turn: int, start: int, end: int) -> Transcript:
        """The transcript of a turn; the words that a quick recogniser hears first are told at once."""
        return self._transcripts.read(
            Span(turn, start, end), lambda text: self._tell_words(ev.PartialTranscript, turn, start, end, text)
        )

    def _transcribe(self, action: act.Transcribe) -> None:
        first = self._first_sample(action)
        try:
            text = self._read(action.turn, first, action.end).text
        except Exception:
            return  # the draft of the turn reports the failure; a caption alone is left out
        self._tell_words(ev.Transcribed, action.turn, first, action.end, text)

    def _tell_words(
        self, kind: type[ev.Transcribed | ev.PartialTranscript], turn: int, start: int, end: int, text: str
    ) -> None:
        self._emit(lambda at_ms: kind(at_ms, turn, text, end))
        if not self._pool.submit(lambda: self._predict_end(turn, start, end, text), short=True):  # beside the answer
            self._predict_end(turn, start, end, text)

    # ---- the pool's threads: replying

    def _draft(self, draft: act.Draft) -> None:
        try:
            self._reply(draft)
        except RoundelayError as error:
            self._fail(draft.reply, str(error))
        except Exception as error:  # one conversation's fault must not end the pool's thread, or another conversation
            self._fail(draft.reply, f"{type(error).__name__}: {error}")
        finally:
            self._alive.discard(draft.reply)

    def _reply(self, draft: act.Draft) -> None:
        number, told_s = draft.reply, time.monotonic()

        def cancelled() -> bool:
            """Asked while a block is waited for, too: a reply that only others hold up has not stalled."""
            nonlocal told_s
            if self._pool.shared and time.monotonic() - told_s >= WAITING_S:
                told_s = time.monotonic()
                self._emit(lambda at_ms: ev.ReplyWaiting(at_ms, number))
            return self._closed or number not in self._alive

        if cancelled():
            return
        responder = self._pipeline.responder
        if draft.cause == "tool" and Capability.TOOLS not in responder.capabilities:
            self._speak(draft, clauses(last_result(draft)), cancelled)
            return
        text, transcript = self._question(draft)
        if cancelled():
            return
        if draft.cause == "turn" and not words(text):
            self._speak(draft, [self.config.language.not_understood], cancelled)
            return
        request = replace(reply_request(draft, text, self.config), transcript=transcript)
        if Capability.TOOLS not in responder.capabilities:
            request = replace(request, tools=())
        parts = self._pipeline.reply(request, CallOptions(cancelled))
        self._speak(draft, self._clauses(parts, draft, cancelled), cancelled)

    def _question(self, draft: act.Draft) -> tuple[str, Transcript | None]:
        """The text to be answered, and what was heard where it was spoken."""
        if draft.cause != "turn":
            return last_question(draft), None
        assert draft.turn is not None
        first = self._first_sample(draft)
        if draft.heard is not None:
            return draft.heard, self._transcripts.known(Span(draft.turn, first, draft.end))
        transcript = self._read(draft.turn, first, draft.end)
        self._tell_words(ev.Transcribed, draft.turn, first, draft.end, transcript.text)
        return transcript.text, transcript

    def _clauses(
        self, parts: Iterable[str | ToolCall | Response], draft: act.Draft, cancelled: Cancelled
    ) -> Iterator[str]:
        """The clauses of a response as it comes; tool calls are told on the way."""
        text = Clauses()
        for part in parts:
            if cancelled():
                return
            if isinstance(part, ToolCall):
                self._tell_call(draft, part)
            elif isinstance(part, Response):
                for call in part.calls:
                    self._tell_call(draft, call)
                self._tell_skill(draft, part.skill)
                yield from text.push(part.text)
            else:
                yield from text.push(part)
        yield from text.finish()

    def _tell_skill(self, draft: act.Draft, skill: str | None) -> None:
        """Tell of a tool's call if the responder's own skill names a tool of the session."""
        tools, _ = available_tools(draft, self.config)
        if skill is not None and (found := parse_call(skill, tools)) is not None:
            self._tell_call(draft, ToolCall(found[0].name, found[1]))

    def _tell_call(self, draft: act.Draft, call: ToolCall) -> None:
        key = call.id or f"call-{draft.reply}"
        self._emit(lambda at_ms: ev.ToolCalled(at_ms, draft.reply, key, call.name, call.arguments))

    def _speak(self, draft: act.Draft, text: Iterable[str], cancelled: Cancelled) -> None:
        limits, reply = self.config.thresholds, draft.reply
        budget = CandidateBudget(crowded=lambda: self._pool.crowded)
        name = (draft.options or {}).get("voice") or self.config.persona.voice
        voice = Voice(name) if name else None
        spoken = is_spoken(draft, self.config)
        options = CallOptions(cancelled, budget.candidates)
        silent: EngineError | None = None
        for seed, clause in enumerate(islice(text, limits.clauses_max)):
            if cancelled():
                return
            self._emit(lambda at_ms, clause=clause: ev.ReplyText(at_ms, reply, clause))  # type: ignore[misc]
            if not spoken:
                continue
            made = self._pipeline.stream(Utterance(clause, voice, self.config.style, seed), options=options)
            blocks = self._pool.blocks(made, lambda: budget.due_s, cancelled)
            try:
                for audio in blocks if budget.samples else trim_leading_silence(blocks):
                    budget.add(audio)
                    if cancelled() or budget.longer_than(limits.reply_max_ms):
                        break
                    self._emit(
                        lambda at_ms, audio=audio: ev.ReplyAudio(at_ms, reply, audio.samples, audio.rate)  # type: ignore[misc]
                    )
            except EngineError as error:
                if error.fault != "nothing":
                    raise
                silent = error  # the other clauses are spoken; only a reply without any sound is an error
            if budget.longer_than(limits.reply_max_ms):
                break
        if silent is not None and not budget.samples:
            raise silent
        if not cancelled():
            self._emit(lambda at_ms: ev.ReplyDone(at_ms, reply))

    # ---- the pool's threads: history and tools

    def _summarise(self, action: act.Summarise) -> None:
        """Have a chat model summarise old messages; with any other responder they are dropped ("")."""
        text = ""
        if Capability.CHAT in self._pipeline.responder.capabilities:
            try:
                options = CallOptions(lambda: self._closed)
                text = self._pipeline.respond(summary_request(action.messages), options).text.strip()
            except Exception:  # a history without its summary is better than no conversation
                text = ""
        text = text[:MAX_SUMMARY_CHARACTERS]
        self._emit(lambda at_ms: ev.Summarised(at_ms, action.key, text))

    def _call_tool(self, action: act.CallTool) -> None:
        tool = next((tool for tool in self.config.tools if tool.name == action.name and tool.run), None)
        if tool is None:
            return  # the client runs it
        call = tool.call

        def run() -> None:
            output = call(action.arguments)
            self._emit(lambda at_ms: ev.ToolReturned(at_ms, action.call, output))

        if not self._pool.submit(run):
            self._emit(lambda at_ms: ev.ToolReturned(at_ms, action.call, "error: the server is busy"))
