"""`POST /v1/audio/speech`: text to speech, streamed."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from roundelay.errors import BadInput, EngineError
from roundelay.server.audio import encoders
from roundelay.server.audio.pcm import WIRE_RATE_HZ
from roundelay.server.engine import MODEL
from roundelay.server.errors import unsupported, wrong
from roundelay.server.http.fields import Field
from roundelay.server.http.requests import ignored_header, json_fields
from roundelay.server.limits import DEFAULT
from roundelay.server.service import service_of
from roundelay.voice.interfaces import CallOptions, Cancelled, Capability, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.budget import CandidateBudget
from roundelay.voice.realtime.compute_slots import ComputeSlots
from roundelay.voice.resample import Resampler
from roundelay.voice.style import Style
from roundelay.voice.voices import Voice

# The default of OpenAI's agents SDK (0.24); the server does that without being told.
DEFAULT_INSTRUCTIONS = "You will receive partial sentences. Do not complete the sentence just read out the text."
T = TypeVar("T")
FIELDS = (
    Field("input", "string", "The text to speak.", required=True, max_length=DEFAULT.input_characters),
    Field("model", "string", "An engine's name; OpenAI's and other names mean the default engine.", default=MODEL),
    Field("voice", "voice", "A voice, or a name that stands for one: OpenAI's, or another server's."),
    Field("response_format", "string", "The audio format.", default="mp3",
          choices=("mp3", "opus", "aac", "flac", "wav", "pcm")),
    Field("stream_format", "string", "Plain bytes, or server-sent events with base64.", default="audio",
          choices=("audio", "sse")),
    Field("stream", "boolean", "Ours: false sends the file whole, so that its header holds its length.", default=True),
    Field("speed", "number", "A ratio; the pitch stays. Engines that have no speeds are sped up or slowed down.",
          default=1.0, low=0.25, high=4.0),
    Field("instructions", "string", "How to speak; ignored by engines that follow none.", max_length=4096),
    Field("seed", "integer", "Ours: the same seed gives the same sound.", default=0, low=0, high=2**31 - 1),
)  # fmt: skip


async def speech(request: Request) -> Response:
    """The audio of a text, streamed. Errors before the first chunk are typed; a later one closes the connection."""
    service, started = service_of(request), time.monotonic()
    values, ignored = await json_fields(request, FIELDS)
    model, name, text = service.names.model(values["model"], ignored), values["response_format"], values["input"]
    if not text.strip():
        raise wrong("input", "input holds nothing to say")
    pipeline, voices = await service.engines.loaded(model), service.engines.voices(model)
    instructions = (values["instructions"] or "").strip()
    if instructions and Capability.INSTRUCTIONS not in pipeline.synthesizer.capabilities:
        if instructions != DEFAULT_INSTRUCTIONS:
            if service.names.strict:
                raise unsupported("instructions", "this model follows no instructions; see /v1/x/controls")
            ignored.append("instructions")
        instructions = ""
    voice = service.names.voice(values["voice"], "voice", voices, ignored)
    style = Style(float(values["speed"]), instructions=instructions or None)
    utterance = Utterance(text, Voice(voice) if voice else None, style, values["seed"])
    whole = not values["stream"]
    chunks = service.engines.stream(
        lambda cancelled: encode_speech(pipeline, utterance, name, cancelled, service.engines.slots, whole)
    )
    try:
        first = await anext(chunks)
    except EngineError as error:
        if error.fault != "nothing":
            raise
        raise wrong("input", "input holds nothing this model can say: give words or numbers") from None
    except BadInput as error:  # emoji alone, another script: it says what can be read
        raise wrong("input", str(error)) from None
    service.metrics.observe("roundelay_speech_first_byte_seconds", "From request to sound.", time.monotonic() - started)
    body = prepend(first, chunks)
    headers = ignored_header(ignored)
    if values["stream_format"] == "sse":
        return StreamingResponse(_events(body, len(text)), headers=headers, media_type="text/event-stream")
    if whole:
        content = b"".join([piece async for piece in body])
        return Response(content, headers=headers, media_type=encoders.MEDIA_TYPES[name])
    return StreamingResponse(body, headers=headers, media_type=encoders.MEDIA_TYPES[name])


def encode_speech(
    pipeline: Pipeline, utterance: Utterance, name: str, cancelled: Cancelled, slots: ComputeSlots, whole: bool = False
) -> Iterator[bytes]:
    """Yield an utterance in a response format, in chunks that are never empty. Runs on a worker.

    What is wanted `whole` comes at the end, with its length in its header.

    Audio is resampled once, from the engine's rate to the wire's. Raises `EngineError`.
    """
    encoder, resampler, lead = encoders.encoder(name, whole=whole), None, CandidateBudget(slots.clock)
    made = pipeline.stream(utterance, options=CallOptions(cancelled))
    for audio in slots.blocks(made, lambda: lead.due_s, cancelled, ahead_s=math.inf):
        lead.add(audio)
        resampler = resampler or Resampler(audio.rate, WIRE_RATE_HZ)
        if data := encoder.push(resampler.push(audio.samples)):
            yield data
    if resampler is None or cancelled():
        return
    if data := encoder.push(resampler.finish()) + encoder.finish():
        yield data


async def prepend(first: T, rest: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield an item, then the others."""
    yield first
    async for piece in rest:
        yield piece


async def _events(pieces: AsyncIterator[bytes], characters: int) -> AsyncIterator[bytes]:
    sent = 0
    async for piece in pieces:
        sent += len(piece)
        yield event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    # Nothing is billed here; the counts are characters in and bytes out.
    usage = {"input_tokens": characters, "output_tokens": sent, "total_tokens": characters + sent}
    yield event({"type": "speech.audio.done", "usage": usage})


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"
