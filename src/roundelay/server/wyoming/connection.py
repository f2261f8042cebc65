"""One client of the Wyoming endpoint: it asks what there is, has a recording transcribed, a text spoken or answered."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, aclosing, suppress
from typing import Any

from roundelay.errors import EngineError, RoundelayError
from roundelay.server.audio.pcm import to_int16
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.http.middleware import api_error
from roundelay.server.service import Service, client_at
from roundelay.server.wyoming import frames
from roundelay.server.wyoming.frames import BadFrame, Event
from roundelay.server.wyoming.information import info
from roundelay.server.wyoming.recording import Recording
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import CallOptions, Cancelled, Request, Utterance
from roundelay.voice.realtime.budget import CandidateBudget
from roundelay.voice.realtime.clauses import Clauses
from roundelay.voice.realtime.core.backchannel import words
from roundelay.voice.voices import Voice

log = logging.getLogger("roundelay.server")


class Connection:
    """Answers events in their order, each before the next is read: a client that floods the server waits."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.service, self._reader, self._writer = service, reader, writer
        self._recording = self._new_recording()
        self._told: Clauses | None = None  # the text of a synthesize-start, as far as it has come
        self._voice, self._characters = "", 0
        self._answers = {
            "describe": self._describe, "ping": self._ping, "transcribe": self._transcribe,
            "audio-start": self._audio_start, "audio-chunk": self._audio_chunk, "audio-stop": self._audio_stop,
            "synthesize": self._synthesize, "synthesize-start": self._synthesize_start,
            "synthesize-chunk": self._synthesize_chunk, "synthesize-stop": self._synthesize_stop,
            "transcript": self._transcript,
        }  # fmt: skip

    def _new_recording(self) -> Recording:
        return Recording(self.service.limits.audio_s, self.service.limits.body_bytes)

    async def run(self) -> None:
        """Serve until the client leaves. An error is told in an `error` event and ends the connection; unknown events
        are passed over, as the protocol asks."""
        limits = self.service.limits
        try:
            while event := await frames.read(self._reader, limits.idle_s, limits.body_s):
                if event.kind not in self._answers:
                    continue
                if self.service.draining:
                    raise ApiError(503, "server_stopping", "the server is stopping; it takes no new work")
                await self._answers[event.kind](event)
                if event.kind not in ("audio-chunk", "synthesize-chunk"):
                    self._count(event.kind, "ok")
        except BadFrame as error:
            log.warning("wyoming: %s: %s; closed", self._peer(), error)
            await self._fail(ApiError(400, "bad_frame", str(error)))
        except (OSError, TimeoutError):
            pass  # the client is gone, or reads no more
        except Exception as error:
            told = api_error(error)
            if not isinstance(error, RoundelayError) or told.status >= 500:
                log.warning("wyoming: %s: %s; closed", self._peer(), told)
            await self._fail(told)

    def _peer(self) -> str:
        peer = self._writer.get_extra_info("peername")
        return f"{peer[0]}:{peer[1]}" if peer else "a client"

    def _place(self) -> AbstractContextManager[None]:
        """A place among the requests of the client's address."""
        peer = self._writer.get_extra_info("peername")
        return self.service.place_of(client_at(peer[0]) if peer else None)

    def _count(self, kind: str, outcome: str) -> None:
        self.service.metrics.count(
            "roundelay_wyoming_events_total", "Events of Wyoming clients.", event=kind, outcome=outcome
        )

    async def _fail(self, error: ApiError) -> None:
        self._count("any", error.code)
        with suppress(OSError, TimeoutError):
            await self._send("error", {"text": str(error), "code": error.code})

    async def _send(self, kind: str, data: Mapping[str, Any] | None = None, payload: bytes = b"") -> None:
        self._writer.write(frames.encode(Event(kind, data or {}, payload)))
        await asyncio.wait_for(self._writer.drain(), self.service.limits.write_s)

    async def _describe(self, event: Event) -> None:
        await self._send("info", info(self.service))

    async def _ping(self, event: Event) -> None:
        await self._send("pong", {"text": str(event.data.get("text") or "")[:200]})

    # -- speech to text

    async def _transcribe(self, event: Event) -> None:
        self._recording = self._new_recording()

    async def _audio_start(self, event: Event) -> None:
        self._recording.start(event.data)

    async def _audio_chunk(self, event: Event) -> None:
        self._recording.push(event.data, event.payload)

    async def _audio_stop(self, event: Event) -> None:
        audio, self._recording = self._recording.audio(), self._new_recording()
        text = ""
        if audio is not None:
            pipeline = self.service.engines.pipeline()
            with self._place():
                made = await self.service.engines.call(
                    lambda call: pipeline.transcribe(audio, CallOptions(call, progress=call.steps))
                )
            text = made.text
        await self._send("transcript", {"text": text})

    # -- text to speech

    async def _synthesize(self, event: Event) -> None:
        if self._told is not None:
            return  # the whole text again, for servers that cannot stream
        self._begin(event.data)
        await self._speak(self._text(event.data))

    async def _synthesize_start(self, event: Event) -> None:
        self._begin(event.data)
        self._told = Clauses()

    async def _synthesize_chunk(self, event: Event) -> None:
        if self._told is None:
            raise wrong("synthesize-chunk", "synthesize-chunk comes after synthesize-start")
        for clause in self._told.push(self._text(event.data)):
            await self._speak(clause)

    async def _synthesize_stop(self, event: Event) -> None:
        if self._told is None:
            raise wrong("synthesize-stop", "synthesize-stop comes after synthesize-start")
        rest, self._told = self._told.finish(), None
        for clause in rest:
            await self._speak(clause)
        await self._send("synthesize-stopped")

    def _begin(self, data: Mapping[str, Any]) -> None:
        """Take the voice of a request. Raises `ApiError` 400 for an unknown one, and for SSML."""
        if data.get("text_format") not in (None, "text"):
            raise unsupported("text_format", "text_format must be text; SSML is not read")
        voice = data.get("voice") or {}
        name = voice.get("name") if isinstance(voice, dict) else voice
        voices = self.service.engines.voices()
        self._voice = self.service.names.voice(None if name == "default" else name, "voice", voices)
        self._characters = 0

    def _text(self, data: Mapping[str, Any]) -> str:
        text, most = data.get("text"), self.service.limits.input_characters
        if not isinstance(text, str):
            raise wrong("text", "text is missing", "missing_required_parameter")
        self._characters += len(text)
        if self._characters > most:
            raise wrong("text", f"a text has at most {most:,} characters")
        return text

    async def _speak(self, text: str) -> None:
        """Send a text's sound at the engine's own rate: audio-start, audio-chunk …, audio-stop."""
        pipeline = self.service.engines.pipeline()
        utterance = Utterance(text, Voice(self._voice) if self._voice else None)
        slots = self.service.engines.slots

        def work(gone: Cancelled) -> Iterator[Audio]:
            lead = CandidateBudget(slots.clock)
            made = pipeline.stream(utterance, options=CallOptions(gone))
            for audio in slots.blocks(made, lambda: lead.due_s, gone, ahead_s=math.inf):
                lead.add(audio)
                yield audio

        form = {"rate": pipeline.synthesizer.rate_hz, "width": 2, "channels": 1}
        if not words(text):  # emoji alone: nothing to say is no error to someone who listens
            await self._send("audio-start", {**form, "timestamp": 0})
            await self._send("audio-stop")
            return
        stream = self.service.engines.stream(work)
        try:
            with self._place():
                async with aclosing(stream) as blocks:  # type: ignore[type-var]
                    await self._send("audio-start", {**form, "timestamp": 0})
                    async for audio in blocks:
                        await self._send("audio-chunk", form, to_int16(audio.samples).tobytes())
        except EngineError as error:
            if error.fault != "nothing":  # a text without words has no sound
                raise
        await self._send("audio-stop")

    # -- text to text

    async def _transcript(self, event: Event) -> None:
        """The answer to a text, as Home Assistant's conversation agents give it."""
        self._characters = 0
        text, pipeline = self._text(event.data), self.service.engines.pipeline()
        if not text.strip():
            await self._send("not-handled", {"text": ""})
            return
        with self._place():
            made = await self.service.engines.call(lambda call: pipeline.respond(Request(text), CallOptions(call)))
        context = event.data.get("context")
        await self._send("handled", {"text": made.text, **({"context": context} if isinstance(context, dict) else {})})
