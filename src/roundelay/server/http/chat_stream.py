"""The streamed answer of `POST /v1/chat/completions`: text as it is written, sound as it is made."""

from __future__ import annotations

import base64
import math
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from roundelay.errors import EngineError
from roundelay.server.audio import encoders
from roundelay.server.audio.pcm import WIRE_RATE_HZ
from roundelay.server.http.speech import event
from roundelay.voice.interfaces import CallOptions, Cancelled, Request, Response, ToolCall, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.budget import CandidateBudget
from roundelay.voice.realtime.clauses import Clauses
from roundelay.voice.realtime.compute_slots import ComputeSlots
from roundelay.voice.resample import Resampler
from roundelay.voice.voices import Voice

AUDIO_EXPIRES_S = 3600  # required by the format; the audio is in the response itself and not kept here
Delta = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """How an answer is spoken: the voice's name, the format, the seed."""

    voice: str
    form: str
    seed: int


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """An answer in parts. `request` is asked for in the worker, as recordings may have to be heard for it."""

    pipeline: Pipeline
    request: Callable[[CallOptions], Request]
    spoken: Spoken | None
    slots: ComputeSlots

    def deltas(self, cancelled: Cancelled) -> Iterator[Delta]:
        """Yield the deltas of the format's chunks. Runs on a worker. Raises what the engines raise."""
        options, calls = CallOptions(cancelled), list[ToolCall]()
        text = self._text(self.pipeline.reply(self.request(options), options), calls)
        if self.spoken is None:
            yield from ({"content": part} for part in text)
        else:
            yield from self._voiced(_clauses(text), self.spoken, options)
        for at, call in enumerate(calls):
            yield {"tool_calls": [{"index": at, **call_json(call)}]}

    def _text(self, parts: Iterable[str | ToolCall | Response], calls: list[ToolCall]) -> Iterator[str]:
        for part in parts:
            if isinstance(part, ToolCall):
                calls.append(part)
                continue
            if isinstance(part, Response):
                calls.extend(part.calls)
                part = part.text
            if part:
                yield part

    def _voiced(self, clauses: Iterable[str], spoken: Spoken, options: CallOptions) -> Iterator[Delta]:
        """The words of each clause, then its sound in pieces; one stream of the format in all."""
        encoder, lead, name = encoders.encoder(spoken.form), CandidateBudget(self.slots.clock), audio_id()
        voice, resampler = Voice(spoken.voice) if spoken.voice else None, None
        for number, clause in enumerate(clauses):
            yield {"audio": {"id": name, "transcript": f" {clause}" if number else clause}}
            made = self.pipeline.stream(Utterance(clause, voice, seed=spoken.seed + number), options=options)
            try:
                for audio in self.slots.blocks(made, lambda: lead.due_s, options.cancelled, ahead_s=math.inf):
                    lead.add(audio)
                    resampler = resampler or Resampler(audio.rate, WIRE_RATE_HZ)
                    if data := encoder.push(resampler.push(audio.samples)):
                        yield _sound(name, data)
            except EngineError as error:
                if error.fault != "nothing":  # a clause that cannot be spoken is read
                    raise
        if resampler is not None and (data := encoder.push(resampler.finish()) + encoder.finish()):
            yield _sound(name, data)
        yield {"audio": {"id": name, "expires_at": int(time.time()) + AUDIO_EXPIRES_S}}


async def events(head: Delta, deltas: AsyncIterator[Delta]) -> AsyncIterator[bytes]:
    """Yield the answer as server-sent events."""

    def chunk(delta: Delta, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return event({**head, "object": "chat.completion.chunk", "choices": [choice]})

    called = False
    yield chunk({"role": "assistant", "content": ""})
    async for delta in deltas:
        called = called or "tool_calls" in delta
        yield chunk(delta)
    yield chunk({}, "tool_calls" if called else "stop")
    yield b"data: [DONE]\n\n"


def audio_id() -> str:
    """A new id of a spoken answer."""
    return f"audio_{uuid.uuid4().hex[:24]}"


def call_json(call: ToolCall) -> Delta:
    """A function call in the format of a message."""
    name = call.id or f"call_{uuid.uuid4().hex[:24]}"
    return {"id": name, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _clauses(text: Iterable[str]) -> Iterator[str]:
    clauses = Clauses()
    for part in text:
        yield from clauses.push(part)
    yield from clauses.finish()


def _sound(name: str, data: bytes) -> Delta:
    return {"audio": {"id": name, "data": base64.b64encode(data).decode()}}
