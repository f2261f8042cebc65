"""`POST /v1/audio/transcriptions`: speech recognition of an uploaded recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from roundelay.server.engine import MODEL
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.http import aliases
from roundelay.server.http.fields import Field, read
from roundelay.server.http.requests import ignored_header, recording
from roundelay.server.http.speech import event
from roundelay.server.service import service_of
from roundelay.voice.interfaces import CallOptions, Cancelled

RESPONSE_FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
GRANULARITIES = Field("timestamp_granularities[]", "string", "segment; word is refused.", choices=("segment", "word"))
FIELDS = (
    Field("model", "string", "An engine's name; OpenAI's model names mean the default engine.", default=MODEL),
    Field("response_format", "string", "The format of the transcript.", default="json", choices=RESPONSE_FORMATS),
    Field("language", "string", "en, the one language of this model.", max_length=16),
    Field("stream", "string", "true: server-sent events.", default="false", choices=("true", "false")),
    GRANULARITIES,
    Field("prompt", "string", "Has no effect here.", ignored=True),
    Field("temperature", "string", "Has no effect here: decoding is by the most probable words.", ignored=True),
    Field("include[]", "string", "Has no effect here.", ignored=True),
    Field("chunking_strategy", "string", "Has no effect here.", ignored=True),
)


async def transcriptions(request: Request) -> Response:
    """The transcript of the uploaded file in the requested format; empty without speech."""
    service = service_of(request)
    values, ignored, data, name = await _form(request, service.limits.body_bytes)
    if values["language"] and values["language"].lower().split("-")[0] != "en":
        raise unsupported("language", "this model knows English only: en")
    if "word" in values[GRANULARITIES.name]:
        raise unsupported(GRANULARITIES.name, "this model gives no times of words; ask for segment")
    pipeline, limit = service.engines.pipeline(aliases.model(values["model"])), service.limits.audio_s

    def work(cancelled: Cancelled) -> tuple[str, float]:
        audio = recording(data, name, limit)
        return pipeline.transcribe(audio, CallOptions(cancelled)).text, audio.duration_s

    text, seconds = await service.engines.call(work)
    headers = ignored_header(ignored)
    if values["stream"] == "true":
        return StreamingResponse(_events(text), headers=headers, media_type="text/event-stream")
    return _response(values["response_format"], text, seconds, headers)


async def _form(request: Request, longest: int) -> tuple[dict[str, Any], list[str], bytes, str]:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError(400, "invalid_content_type", "send multipart/form-data with a file", param="file")
    try:
        async with request.form(max_files=1, max_fields=32, max_part_size=1 << 16) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise wrong("file", "file is missing: send the recording as a file", "missing_required_parameter")
            data, name = await file.read(longest + 1), file.filename or "upload"
            texts = {key: value for key, value in form.multi_items() if isinstance(value, str)}
            granularities = form.getlist(GRANULARITIES.name)
    except HTTPException as error:
        raise ApiError(400, "invalid_form", f"the form cannot be read: {error.detail}"[:200]) from None
    if len(data) > longest:
        raise ApiError(413, "request_too_large", f"the file is longer than {longest:,} bytes", param="file")
    if not data:
        raise wrong("file", "the file is empty", "invalid_audio")
    values, ignored = read(FIELDS, texts)
    values[GRANULARITIES.name] = [GRANULARITIES.check(value) for value in granularities]
    return values, ignored, data, name


def _response(shape: str, text: str, seconds: float, headers: dict[str, str]) -> Response:
    usage = {"type": "duration", "seconds": round(seconds, 3)}
    if shape == "text":
        return PlainTextResponse(text + "\n", headers=headers)
    if shape in ("srt", "vtt"):
        return PlainTextResponse(_subtitles(text, seconds, shape), headers=headers)
    if shape == "verbose_json":
        # This format has likelihoods, which are not known here: they are neutral, and the one segment is the whole.
        segment = {"id": 0, "seek": 0, "start": 0.0, "end": round(seconds, 3), "text": text, "tokens": [],
                   "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0,
                   "no_speech_prob": 0.0 if text else 1.0}  # fmt: skip
        whole = {"task": "transcribe", "language": "english", "duration": round(seconds, 3), "text": text}
        return JSONResponse({**whole, "segments": [segment] if text else [], "usage": usage}, headers=headers)
    return JSONResponse({"text": text, "usage": usage}, headers=headers)


def _subtitles(text: str, seconds: float, shape: str) -> str:
    mark = "," if shape == "srt" else "."

    def at(time_s: float) -> str:
        whole, part = divmod(round(time_s * 1000), 1000)
        return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{part:03}"

    line = text.replace("-->", "→")  # an arrow in the text would break the cue's time line
    cue = f"{at(0)} --> {at(seconds)}\n{line}\n" if text else ""
    if shape == "vtt":
        return f"WEBVTT\n\n{cue}"
    return f"1\n{cue}\n" if cue else ""


async def _events(text: str) -> AsyncIterator[bytes]:
    if text:
        yield event({"type": "transcript.text.delta", "delta": text})
    yield event({"type": "transcript.text.done", "text": text})
