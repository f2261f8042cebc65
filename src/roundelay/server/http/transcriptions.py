"""`POST /v1/audio/transcriptions`: speech recognition of an uploaded recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from roundelay.server.engine import MODEL, Call
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.http.fields import Field, listed, plain, read
from roundelay.server.http.requests import ignored_header, recording
from roundelay.server.http.speech import event
from roundelay.server.http.transcript_formats import response
from roundelay.server.names import is_english
from roundelay.server.service import Service, service_of
from roundelay.voice.interfaces import CallOptions, Capability, Transcript

RESPONSE_FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
GRANULARITIES = Field(
    "timestamp_granularities[]",
    "string",
    "Of verbose_json: segment, word, or both; word where the engine has times of words.",
    choices=("segment", "word"),
)
SEVERAL = plain(GRANULARITIES.name)  # may be repeated, with brackets or without, or list its entries by commas
MAX_FIELDS, MAX_FIELD_BYTES = 128, 1 << 18  # of text beside the file; a prompt may be long
FIELDS = (
    Field("model", "string", "An engine's name; OpenAI's and other names mean the default engine.", default=MODEL),
    Field("response_format", "string", "The format of the transcript.", default="json", choices=RESPONSE_FORMATS),
    Field("language", "string", "The language spoken, en; another one where the engine knows it.", max_length=40),
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
    values, ignored, data, name = await _form(request, service)
    model, limit = service.names.model(values["model"], ignored), service.limits.audio_s
    pipeline = await service.engines.loaded(model)
    able, granularities = pipeline.transcriber.capabilities, values[GRANULARITIES.name]
    if is_english(values["language"]) is False:
        if Capability.LANGUAGE not in able:
            raise unsupported("language", "this model knows English only: en")
        ignored.append("language")  # the engine finds out by itself
    if granularities and values["response_format"] != "verbose_json" and not service.names.strict:
        ignored.append(plain(GRANULARITIES.name))
    elif "word" in granularities and Capability.WORD_TIMES not in able:
        raise unsupported(GRANULARITIES.name, "this model gives no times of words; ask for segment")

    def work(call: Call) -> tuple[Transcript, float]:
        with recording(data, name, limit) as audio:
            return pipeline.transcribe(audio, CallOptions(call, progress=call.steps)), audio.duration_s

    transcript, seconds = await service.engines.call(work)
    headers = ignored_header(ignored)
    if values["stream"] == "true":
        return StreamingResponse(_events(transcript.text), headers=headers, media_type="text/event-stream")
    return response(values["response_format"], transcript, seconds, granularities, headers)


async def _form(request: Request, service: Service) -> tuple[dict[str, Any], list[str], bytes, str]:
    """The fields, the names of those without effect, the file and its name. Raises `ApiError` 400, 413."""
    longest, strict = service.limits.body_bytes, service.names.strict
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError(400, "invalid_content_type", "send multipart/form-data with a file", param="file")
    try:
        async with request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES) as form:
            files = {key: value for key, value in form.multi_items() if isinstance(value, UploadFile)}
            file = files.get("file") or (None if strict else next(iter(files.values()), None))
            if file is None:
                raise wrong("file", "file is missing: send the recording as a file", "missing_required_parameter")
            data, name = await file.read(longest + 1), file.filename or "upload"
            items = [(key, value) for key, value in form.multi_items() if isinstance(value, str)]
    except HTTPException as error:
        raise ApiError(400, "invalid_form", f"the form cannot be read: {error.detail}"[:200]) from None
    if len(data) > longest:
        raise ApiError(413, "request_too_large", f"the file is longer than {longest:,} bytes", param="file")
    if not data:
        raise wrong("file", "the file is empty", "invalid_audio")
    several = {key for key, _ in items if key == GRANULARITIES.name or (not strict and plain(key) == SEVERAL)}
    values, ignored = read(FIELDS, {key: value for key, value in items if key not in several}, strict)
    found = [value for key, value in items if key in several]
    if strict:
        values[GRANULARITIES.name] = [GRANULARITIES.check(value) for value in found]
    else:
        entries = [str(entry) for value in found for entry in listed(value)]
        values[GRANULARITIES.name] = [GRANULARITIES.read(entry) for entry in entries if entry.strip()]
    return values, ignored, data, name


async def _events(text: str) -> AsyncIterator[bytes]:
    if text:
        yield event({"type": "transcript.text.delta", "delta": text})
    yield event({"type": "transcript.text.done", "text": text})
