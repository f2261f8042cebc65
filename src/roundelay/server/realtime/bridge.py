"""One conversation: translates between the machine, `voice.realtime.core.session`, and OpenAI's Realtime interface.

Client events become the machine's events; its actions become frames or work. No sockets and no threads: frames leave
by `send`, work by the worker, and every call brings the time.

The machine decides what a conversation does. Three decisions are the bridge's, as they concern the wire alone: while
speech may just have begun, before the detector confirms it, no audio is sent (`_due`); a reply that was sent to its
end counts as played when its client goes on (`assume_heard`); and `making` tells the connection not to let a client
that sends faster than real time overtake a reply.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from roundelay.server.engine import RETRY_S
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
from roundelay.voice.realtime.reply_request import WorkerConfig

REASONS = {"barge-in": "turn_detected", "cancelled": "client_cancelled", "truncated": "client_cancelled"}
MAYBE_SPEECH_MS = 200  # after the last input: longer than a chunk of any client's audio
SESSION_S = 3600  # the lifetime that a session reports


class ConversationWorker(Protocol):
    """The work of a conversation: `voice.realtime.worker.Worker`, or a fake."""

    @property
    def maybe_speech(self) -> bool:
        """Whether speech may just have begun, before it is confirmed."""
        ...

    def hear(self, samples: np.ndarray) -> None:
        """Take the next input, float32 [n] at `INPUT_RATE_HZ`."""
        ...

    def do(self, action: do.Action) -> None:
        """Begin, or cancel, a piece of work."""
        ...

    def note_playback(self, samples: np.ndarray, rate_hz: int) -> None:
        """Note audio that is sent to the user, so that its echo is recognised."""
        ...

    def configure(self, config: WorkerConfig) -> None:
        """Use another configuration for what begins from now on."""
        ...

    def close(self) -> None:
        """Cancel all work."""
        ...


class Bridge:
    """The state of a conversation that the machine does not keep: item ids, what was sent, what the client played."""

    def __init__(
        self, send: Callable[[Frame], None], worker: ConversationWorker, settings: Settings, name: str, base: Thresholds
    ) -> None:
        self.send, self.worker, self.settings, self.name, self._base = send, worker, settings, name, base
        self.session = Session(settings.thresholds(base), language=language_table.load())
        self.items, self.trace, self.conversation_id = Items(), LatencyTrace(), new_id("conv")
        self.outputs: dict[int, ResponseStream] = {}
        self.pacers: dict[int, Pacer] = {}
        self.samples = 0  # of input, at INPUT_RATE_HZ
        self.closed = False
        self.output_buffer: OutputAudioBuffer | None = None  # of a call: audio goes there instead of into frames
        self.committed = 0  # the input sample after the last committed turn, or the last clearing
        self.places = 0  # conversations that the server carries
        self.on_sent: Callable[[float], None] = lambda seconds: None
        self._heard = 0  # tokens of the newest turn
        self._turns: dict[int, str] = {}
        self._captions: dict[int, str] = {}
        self._failures: dict[int, str] = {}
        self._times: dict[int, TurnLatency] = {}
        self._waits: set[int] = set()  # replies of which the client was told that they wait
        self._marks: dict[str, int] = {}
        self._zero_ms: float | None = None
        self._last_sound_ms = 0
        self._expires = int(time.time()) + SESSION_S

    # -- to the machine

    def feed(self, event: ev.Event) -> None:
        """Feed the machine, and carry out its actions. Raises `IllegalEvent`."""
        self._note(event)
        for action in self.session.feed(event):
            self._do(action, event.at_ms)

    def news(self, event: ev.Event) -> None:
        """Feed an event of the worker; one that came too late to be legal is dropped."""
        try:
            self.feed(event)
        except ev.IllegalEvent:
            self.feed(ev.Tick(event.at_ms))

    def hear(self, samples: np.ndarray, now_ms: int) -> None:
        """Pass input to the worker, float32 [n] at `INPUT_RATE_HZ`."""
        self.samples, self._last_sound_ms = self.samples + len(samples), now_ms
        zero = now_ms - self.samples * 1000 / ev.INPUT_RATE_HZ
        self._zero_ms = zero if self._zero_ms is None else min(self._zero_ms, zero)
        self.worker.hear(samples)

    def tick(self, now_ms: int) -> None:
        """Send what is due, report what was played, and let time pass."""
        for number, pacer in list(self.pacers.items()):
            for action in self._due(pacer, now_ms):
                self._out(action, now_ms)
            reply = self.session.memory.reply
            if reply is not None and reply.number == number and pacer.played > reply.played:
                self.feed(ev.Played(now_ms, number, min(pacer.played, reply.released)))
        self.feed(ev.Tick(now_ms))

    def _due(self, pacer: Pacer, now_ms: int) -> list[do.Action]:
        """The actions of a reply that are due. While speech may have begun none is: the next frames decide, and clients
        hold audio for longer than that. If no input follows, the client has stopped sending, and sending goes on.
        """
        fresh = now_ms - self._last_sound_ms <= MAYBE_SPEECH_MS
        return pacer.take(now_ms, fresh and self.session.thresholds.interrupt and self.worker.maybe_speech)

    @property
    def making(self) -> bool:
        """Whether a reply is still being made, which takes its time however fast the client sends."""
        reply = self.session.memory.reply
        return reply is not None and not reply.done

    @property
    def active(self) -> ResponseStream | None:
        """The response that is in progress for the client."""
        return next((output for output in self.outputs.values() if not output.done), None)

    def assume_heard(self, now_ms: int) -> None:
        """Count a reply that was sent to its end as played: its client has gone on."""
        reply = self.session.memory.reply
        if reply is not None and reply.done and (output := self.outputs.get(reply.number)) and output.done:
            self.feed(ev.Played(now_ms, reply.number, reply.released))

    def reply_rate_hz(self, number: int) -> int:
        """The rate of a reply's audio; 0 if it has none, or the reply is not known any more."""
        if number in self.outputs:
            return self.outputs[number].rate_hz
        return next((past.rate_hz for past in self.session.memory.past_replies if past.number == number), 0)

    def send_session_created(self) -> None:
        """Send `session.created`, the first frame."""
        self.send(frame("session.created", session=self.settings.as_dict(self.name, self._expires)))

    def configure(self, settings: Settings, now_ms: int) -> None:
        """Use other settings from now on, and send them."""
        self.worker.configure(settings.worker_config(self._base))
        self.settings = settings
        self.feed(ev.Configured(now_ms, settings.thresholds(self._base)))
        self.send(frame("session.updated", session=settings.as_dict(self.name, self._expires)))

    # -- to the client

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
            start_ms = action.sample * 1000 // ev.INPUT_RATE_HZ
            self.send(frame("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item))
        elif isinstance(action, do.StopTurn):
            end_ms = action.sample * 1000 // ev.INPUT_RATE_HZ
            self.send(frame("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item))
        elif isinstance(action, do.CommitTurn):
            self._commit(action, item, now_ms)
        elif isinstance(action, do.Caption):
            self._caption(action, item)
        for old in list(self._turns)[:-64]:
            self._turns.pop(old)
            self._captions.pop(old, None)

    def _commit(self, action: do.CommitTurn, name: str, now_ms: int) -> None:
        end_ms = round((self._zero_ms or 0) + action.end * 1000 / ev.INPUT_RATE_HZ)
        self.trace.turn(action.turn, min(end_ms, now_ms), {**self._marks, "committed": now_ms})
        self.committed = max(self.committed, action.end)
        item: Frame = {"id": name, "object": "realtime.item", "type": "message", "role": "user", "status": "completed",
                       "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
        before = self.items.add(item, f"turn-{action.turn}")
        self.send(frame("input_audio_buffer.committed", previous_item_id=before, item_id=name))
        self.send(frame("conversation.item.added", previous_item_id=before, item=item))
        self.send(frame("conversation.item.done", previous_item_id=before, item=item))
        self._heard = round((action.end - action.start) / ev.INPUT_RATE_HZ * AUDIO_TOKENS_PER_S)

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
            self._waits.discard(old)

    def _out(self, action: do.Action, now_ms: int) -> None:
        output = self.outputs[action.reply]  # type: ignore[attr-defined]
        if isinstance(action, do.Say):
            output.say(action.text)
        elif isinstance(action, do.Play):
            output.play(action.samples, action.rate_hz)
            if output.spoken:
                self.worker.note_playback(action.samples, action.rate_hz)
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

    def _tell_wait(self, reply: int) -> None:
        """Tell the client, once, that others hold up the first sound of a response: no request of its is free now."""
        output = self.outputs.get(reply)
        if output is None or output.done or output.sent or not output.spoken or reply in self._waits:
            return
        self._waits.add(reply)
        limit = {"name": "requests", "limit": self.places, "remaining": 0, "reset_seconds": float(RETRY_S)}
        self.send(frame("rate_limits.updated", rate_limits=[limit]))

    def _note(self, event: ev.Event) -> None:
        """Note the times of events, for the latency trace."""
        if isinstance(event, ev.SpeechStopped):
            self._marks["noticed"] = event.at_ms
        elif isinstance(event, ev.Transcribed):
            self._marks["heard"] = event.at_ms
            if found := self.trace.find(event.turn):
                found.marks.setdefault("heard", event.at_ms)
        elif isinstance(event, ev.ReplyWaiting):
            self._tell_wait(event.reply)
        elif isinstance(event, ev.ReplyText | ev.ReplyAudio):
            part = "text" if isinstance(event, ev.ReplyText) else "sound"
            self.trace.news(event.reply, part, event.at_ms)
            if found := self._times.get(event.reply):
                found.marks.setdefault(part, event.at_ms)
