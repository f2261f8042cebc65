"""One conversation: the machine of `voice.realtime.session` in the words of OpenAI's Realtime interface.

It decides nothing. Client events become the machine's events, its actions become frames or work. No sockets and no
threads: frames leave by `send`, work by the worker, time comes with every call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from roundelay.server.errors import SERVER
from roundelay.server.realtime.frames import Frame, Items, frame, new_id
from roundelay.server.realtime.latency_trace import LatencyTrace, TurnLatency
from roundelay.server.realtime.output_buffer import LEAD_MS as BUFFER_LEAD_MS
from roundelay.server.realtime.output_buffer import OutputAudioBuffer
from roundelay.server.realtime.pacing import LEAD_MS, Pacer
from roundelay.server.realtime.response import ResponseStream
from roundelay.server.realtime.settings import Settings
from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.context import AUDIO_TOKENS_PER_S
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.settings import Thresholds

REASONS = {"barge-in": "turn_detected", "cancelled": "client_cancelled", "truncated": "client_cancelled"}
MAYBE_SPEECH_MS = 200  # after the last sound that came: longer than a piece of any client's
LIFE_S = 3600  # what the session says of its own end


class Worker(Protocol):
    """Who hears and makes replies: `voice.realtime.worker`, or a fake."""

    @property
    def maybe_speech(self) -> bool:
        """Whether a voice may just have begun: too little of it was heard to say so."""
        ...

    def hear(self, sound: np.ndarray) -> None:
        """Take the next sound, float32 at 16 kHz."""
        ...

    def do(self, action: do.Action) -> None:
        """Begin, or drop, a piece of work."""
        ...

    def played(self, sound: np.ndarray) -> None:
        """Note what goes out, so that its echo is known."""
        ...

    def configure(self, settings: Settings) -> None:
        """Let other settings hold."""
        ...

    def close(self) -> None:
        """Drop all work."""
        ...


class Bridge:
    """The state that the machine does not keep: ids, what was sent, how far the client is."""

    def __init__(
        self, send: Callable[[Frame], None], worker: Worker, settings: Settings, name: str, base: Thresholds
    ) -> None:
        self.send, self.worker, self.settings, self.name, self._base = send, worker, settings, name, base
        self.session = Session(settings.thresholds(base), language=language_table.load())
        self.items, self.trace, self.conversation_id = Items(), LatencyTrace(), new_id("conv")
        self.outputs: dict[int, ResponseStream] = {}
        self.pacers: dict[int, Pacer] = {}
        self.samples = 0  # heard, at 16 kHz
        self.closed = False
        self.output_buffer: OutputAudioBuffer | None = None  # of a call: sound goes there instead of into frames
        self.committed = 0  # the sample after the last turn that was committed, or the last clearing
        self.on_sent: Callable[[float], None] = lambda seconds: None
        self._heard = 0  # tokens of the newest turn
        self._turns: dict[int, str] = {}
        self._captions: dict[int, str] = {}
        self._failures: dict[int, str] = {}
        self._times: dict[int, TurnLatency] = {}
        self._marks: dict[str, int] = {}
        self._zero_ms: float | None = None
        self._last_sound_ms = 0
        self._expires = int(time.time()) + LIFE_S

    # -- towards the machine

    def feed(self, event: ev.Event) -> None:
        """Tell the machine, and do what it asks for. Raises `IllegalEvent`."""
        self._note(event)
        for action in self.session.feed(event):
            self._do(action, event.at_ms)

    def news(self, event: ev.Event) -> None:
        """Tell the machine what the worker says; what comes too late to be possible is dropped."""
        try:
            self.feed(event)
        except ev.IllegalEvent:
            self.feed(ev.Tick(event.at_ms))

    def hear(self, sound: np.ndarray, now_ms: int) -> None:
        """Take sound of the microphone, float32 at 16 kHz, to the worker."""
        self.samples, self._last_sound_ms = self.samples + len(sound), now_ms
        zero = now_ms - self.samples * 1000 / ev.RATE_HZ
        self._zero_ms = zero if self._zero_ms is None else min(self._zero_ms, zero)
        self.worker.hear(sound)

    def tick(self, now_ms: int) -> None:
        """Send what is due, say how much was heard, and let time pass."""
        for number, pacer in list(self.pacers.items()):
            for action in self._due(pacer, now_ms):
                self._out(action, now_ms)
            reply = self.session.memory.reply
            if reply is not None and reply.number == number and pacer.played > reply.played:
                self.feed(ev.Played(now_ms, number, min(pacer.played, reply.released)))
        self.feed(ev.Tick(now_ms))

    def _due(self, pacer: Pacer, now_ms: int) -> list[do.Action]:
        """What may go out. At a first frame of a voice over the bot's nothing does: the next one says what it was, and
        a client holds sound for longer than that. Where none follows, the client has stopped sending: no doubt is left.
        """
        fresh = now_ms - self._last_sound_ms <= MAYBE_SPEECH_MS
        return pacer.take(now_ms, fresh and self.session.thresholds.interrupt and self.worker.maybe_speech)

    @property
    def making(self) -> bool:
        """Whether a reply is still being made: that takes its time, however fast the client sends."""
        reply = self.session.memory.reply
        return reply is not None and not reply.done

    @property
    def active(self) -> ResponseStream | None:
        """The response that the client takes to be going on."""
        return next((output for output in self.outputs.values() if not output.done), None)

    def assume_heard(self, now_ms: int) -> None:
        """Take the reply that was sent to its end as heard: its client has gone on."""
        reply = self.session.memory.reply
        if reply is not None and reply.done and (output := self.outputs.get(reply.number)) and output.done:
            self.feed(ev.Played(now_ms, reply.number, reply.released))

    def send_session_created(self) -> None:
        """Say what the session is, first of all."""
        self.send(frame("session.created", session=self.settings.as_dict(self.name, self._expires)))

    def configure(self, settings: Settings, now_ms: int) -> None:
        """Let other settings hold, and show them."""
        self.worker.configure(settings)
        self.settings = settings
        self.feed(ev.Configured(now_ms, settings.thresholds(self._base)))
        self.send(frame("session.updated", session=settings.as_dict(self.name, self._expires)))

    # -- towards the client

    def _do(self, action: do.Action, now_ms: int) -> None:
        if isinstance(action, do.PredictEndOfTurn | do.Transcribe | do.Draft | do.Drop | do.Summarise):
            if isinstance(action, do.Draft) and action.cause == "turn":
                self.trace.draft(action.reply, now_ms)
            self.worker.do(action)
        elif isinstance(action, do.StartTurn | do.StopTurn | do.CommitTurn | do.DropTurn | do.Caption):
            self._turn(action, now_ms)
        elif isinstance(action, do.Close):
            self.closed = True
        elif not isinstance(action, do.AbandonTool):
            self._reply(action, now_ms)

    def _turn(self, action: do.Action, now_ms: int) -> None:
        number: int = action.turn  # type: ignore[attr-defined]
        item = self._turns.setdefault(number, new_id("item"))
        if isinstance(action, do.StartTurn):
            self._marks = {}
            start_ms = action.sample * 1000 // ev.RATE_HZ
            self.send(frame("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item))
        elif isinstance(action, do.StopTurn):
            end_ms = action.sample * 1000 // ev.RATE_HZ
            self.send(frame("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item))
        elif isinstance(action, do.CommitTurn):
            self._commit(action, item, now_ms)
        elif isinstance(action, do.Caption):
            self._caption(action, item)
        for old in list(self._turns)[:-64]:
            self._turns.pop(old)
            self._captions.pop(old, None)

    def _commit(self, action: do.CommitTurn, name: str, now_ms: int) -> None:
        end_ms = round((self._zero_ms or 0) + action.end * 1000 / ev.RATE_HZ)
        self.trace.turn(action.turn, min(end_ms, now_ms), {**self._marks, "committed": now_ms})
        self.committed = max(self.committed, action.end)
        item: Frame = {"id": name, "object": "realtime.item", "type": "message", "role": "user", "status": "completed",
                       "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
        before = self.items.add(item, f"turn-{action.turn}")
        self.send(frame("input_audio_buffer.committed", previous_item_id=before, item_id=name))
        self.send(frame("conversation.item.added", previous_item_id=before, item=item))
        self.send(frame("conversation.item.done", previous_item_id=before, item=item))
        self._heard = round((action.end - action.start) / ev.RATE_HZ * AUDIO_TOKENS_PER_S)

    def _caption(self, action: do.Caption, item: str) -> None:
        before = self._captions.get(action.turn, "")
        if action.final:
            if item in self.items:
                self.items.get(item, "").update(content=[{"type": "input_audio", "transcript": action.text}])
            if found := self.trace.find(action.turn):
                found.said = action.text
        if self.settings.transcription is None:
            return
        kind = "conversation.item.input_audio_transcription"
        if action.text.startswith(before) and action.text != before:
            delta = action.text[len(before) :]
            self.send(frame(f"{kind}.delta", item_id=item, content_index=0, delta=delta))
            self._captions[action.turn] = action.text
        if action.final:
            usage = {"type": "duration", "seconds": round(self._heard / AUDIO_TOKENS_PER_S, 3)}
            self.send(frame(f"{kind}.completed", item_id=item, content_index=0, transcript=action.text, usage=usage))

    def _reply(self, action: do.Action, now_ms: int) -> None:
        number: int = action.reply  # type: ignore[attr-defined]
        if isinstance(action, do.Begin):
            self._begin(action, now_ms)
            return
        output, pacer = self.outputs.get(number), self.pacers.get(number)
        if output is None or pacer is None:
            return
        if isinstance(action, do.Say | do.Play | do.Finish):
            pacer.add(action)
            for due in self._due(pacer, now_ms):
                self._out(due, now_ms)
        elif isinstance(action, do.CallTool):
            output.call(action.call, action.name, action.arguments)
        elif isinstance(action, do.Hold | do.Resume):
            pacer.held = isinstance(action, do.Hold)
        elif isinstance(action, do.Fail):
            self._failures[number] = action.why
        elif isinstance(action, do.Stop):
            self._stop(action, output)
        elif isinstance(action, do.End):
            for rest in pacer.flush():
                self._out(rest, now_ms)
            self._past(number, "heard", action.text)

    def _begin(self, action: do.Begin, now_ms: int) -> None:
        options = action.options or {}
        wish = {
            "modalities": options.get("modalities") or self.settings.modalities,
            "format": options.get("format") or self.settings.output_format,
            "ignored": options.get("ignored"),
            "voice": options.get("voice") or self.settings.voice or self.settings.voice_name,
            "metadata": options.get("metadata"),
            "conversation_id": self.conversation_id,
            "heard_tokens": self._heard if action.turn else 0,
        }
        if found := self.trace.begin(action.turn, action.reply, action.ahead_ms):
            self._times[action.reply] = found
        self.outputs[action.reply] = ResponseStream(self.send, self.items, action.reply, wish, self.output_buffer)
        lead_ms = LEAD_MS if self.output_buffer is None else BUFFER_LEAD_MS
        self.pacers[action.reply] = Pacer(now_ms, wish["modalities"] == ("audio",), lead_ms)
        for old in list(self.outputs)[:-16]:
            self.outputs.pop(old)

    def _out(self, action: do.Action, now_ms: int) -> None:
        output = self.outputs[action.reply]  # type: ignore[attr-defined]
        if isinstance(action, do.Say):
            output.say(action.text)
        elif isinstance(action, do.Play):
            output.play(action.sound)
            if output.spoken:
                self.worker.played(action.sound)
            self._sent(output.number, now_ms)
        elif isinstance(action, do.Finish):
            output.end("completed")

    def _sent(self, reply: int, now_ms: int) -> None:
        found = self._times.get(reply)
        if found is not None and "sent" not in found.marks:
            found.marks["sent"] = now_ms
            self.on_sent((now_ms - found.end_ms) / 1000)

    def _stop(self, action: do.Stop, output: ResponseStream) -> None:
        why = self._failures.pop(action.reply, None)
        if why is not None:
            error = {"type": SERVER, "code": "reply_failed", "message": why}
            output.end("failed", error=error)
        else:
            output.end("cancelled", REASONS.get(action.why))
        if self.output_buffer is not None:
            self.output_buffer.clear()
        self._past(action.reply, action.why, action.text)

    def _past(self, number: int, outcome: str, text: str) -> None:
        self.pacers.pop(number, None)
        if found := self._times.pop(number, None):
            found.outcome, found.answer = outcome, text

    def _note(self, event: ev.Event) -> None:
        """Keep when things happened, for the waterfall."""
        if isinstance(event, ev.SpeechStopped):
            self._marks["noticed"] = event.at_ms
        elif isinstance(event, ev.Transcribed):
            self._marks["heard"] = event.at_ms
            if found := self.trace.find(event.turn):
                found.marks.setdefault("heard", event.at_ms)
        elif isinstance(event, ev.ReplyText | ev.ReplyAudio):
            part = "text" if isinstance(event, ev.ReplyText) else "sound"
            self.trace.news(event.reply, part, event.at_ms)
            if found := self._times.get(event.reply):
                found.marks.setdefault(part, event.at_ms)
