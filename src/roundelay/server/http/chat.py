"""`POST /v1/chat/completions`: the next turn of a conversation, as text or as speech."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from roundelay.errors import EngineError
from roundelay.server.audio import encoders
from roundelay.server.engine import MODEL, Call
from roundelay.server.errors import unsupported, wrong
from roundelay.server.http.chat_stream import (
    AUDIO_EXPIRES_S,
    Spoken,
    StreamedAnswer,
    audio_id,
    call_json,
    events,
)
from roundelay.server.http.fields import Field
from roundelay.server.http.requests import bytes_of, ignored_header, json_fields, recording
from roundelay.server.http.speech import encode_speech, prepend
from roundelay.server.limits import DEFAULT
from roundelay.server.service import Service, service_of
from roundelay.voice.audio_file import AudioFile
from roundelay.voice.interfaces import (
    CallOptions,
    Capability,
    Message,
    Responder,
    Role,
    ToolCall,
    ToolSpec,
    Utterance,
)
from roundelay.voice.interfaces import Request as LlmRequest
from roundelay.voice.interfaces import Response as LlmResponse
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.voices import Voice

ROLES = ("system", "developer", "user", "assistant", "tool")
FIELDS = (
    Field("messages", "array", "The conversation so far.", required=True, max_length=DEFAULT.messages),
    Field("model", "string", "An engine's name; OpenAI's and other names mean the default engine.", default=MODEL),
    Field("modalities", "array", '["text"], or ["text", "audio"] for a spoken answer.', max_length=2),
    Field("audio", "object", "voice and format (wav, mp3, flac, opus, aac, pcm16) of the answer."),
    Field("stream", "boolean", "Server-sent events.", default=False),
    Field("tools", "array", "Functions that the model may call; ignored by models that cannot.", max_length=128),
    Field("n", "integer", "One answer.", default=1, low=1, high=1),
    Field("seed", "integer", "The same seed gives the same audio.", default=0, low=0, high=2**31 - 1),
    *(Field(name, "number", "Has no effect here.", ignored=True)
      for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens",
                   "max_completion_tokens")),
    *(Field(name, "boolean", "Has no effect here.", ignored=True) for name in ("store", "parallel_tool_calls")),
    Field("stream_options", "object", "Has no effect here.", ignored=True),
    Field("user", "string", "Has no effect here.", ignored=True, max_length=256),
)  # fmt: skip


async def completions(request: Request) -> Response:
    """The answer to the last message. Raises `ApiError` 400 for a wrong conversation, 502 for a failed chat server."""
    service = service_of(request)
    values, ignored = await json_fields(request, FIELDS)
    name = service.names.model(values["model"], ignored)
    modalities = [each.strip().lower() if isinstance(each, str) else each for each in values["modalities"] or ["text"]]
    if not all(each in ("text", "audio") for each in modalities):
        raise wrong("modalities", 'modalities must be ["text"] or ["text", "audio"]')
    pipeline = await service.engines.loaded(name)
    spoken = _audio_wanted(values["audio"], service, name, ignored) if "audio" in modalities else None
    tools = _tools(values["tools"] or [])
    if tools and Capability.TOOLS not in pipeline.responder.capabilities:
        ignored.append("tools")
        tools = ()
    raw, longest = values["messages"], service.limits.audio_s
    check(raw)

    def asked(options: CallOptions) -> LlmRequest:
        hear = lambda audio: pipeline.transcribe(audio, options).text  # noqa: E731
        messages = [_message(at, each, hear, longest) for at, each in enumerate(raw)]
        return _request(messages, tools, pipeline.responder)

    def work(call: Call) -> LlmResponse:
        options = CallOptions(call, progress=call.steps)
        return pipeline.respond(asked(options), options)

    head = {"id": f"chatcmpl-{uuid.uuid4().hex[:24]}", "created": int(time.time()), "model": name}
    headers = ignored_header(ignored)
    if values["stream"]:
        how = Spoken(*spoken, values["seed"]) if spoken else None
        deltas = service.engines.stream(StreamedAnswer(pipeline, asked, how, service.engines.slots).deltas)
        first = await anext(deltas, None)  # what fails before it is a typed error
        body = events(head, deltas if first is None else prepend(first, deltas))
        return StreamingResponse(body, headers=headers, media_type="text/event-stream")
    response = await service.engines.call(work)
    audio = b""
    if spoken and response.text.strip():
        voice, form = spoken
        utterance = Utterance(response.text, Voice(voice) if voice else None, seed=values["seed"])
        audio = await _spoken(service, pipeline, utterance, form)
    calls = [call_json(call) for call in response.calls]
    message: dict[str, Any] = {"role": "assistant", "content": response.text or None, "refusal": None}
    if audio:
        message |= {"content": None, "audio": _audio(response.text, audio)}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop", "logprobs": None}
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice]}, headers=headers)


async def _spoken(service: Service, pipeline: Pipeline, utterance: Utterance, form: str) -> bytes:
    """The utterance in a response format; b"" if nothing in it can be spoken."""
    try:
        chunks = service.engines.stream(
            lambda gone: encode_speech(pipeline, utterance, form, gone, service.engines.slots, whole=True)
        )
        return b"".join([chunk async for chunk in chunks])
    except EngineError as error:
        if error.fault != "nothing":
            raise
        return b""


def _audio_wanted(audio: Any, service: Service, model: str, ignored: list[str]) -> tuple[str, str]:
    """The voice and the format of a spoken answer. Raises `ApiError` 400."""
    if audio is None and not service.names.strict:
        audio = {}
    if not isinstance(audio, dict):
        raise wrong("audio", "audio is missing: give its voice and format", "missing_required_parameter")
    given = audio.get("format", "wav") if service.names.strict else audio.get("format") or "wav"
    name = given if service.names.strict or not isinstance(given, str) else given.strip().lower()
    if not isinstance(name, str) or name not in (*encoders.MEDIA_TYPES, "pcm16"):
        raise wrong(
            "audio.format", f"audio.format must be pcm16 or {', '.join(encoders.MEDIA_TYPES)}", "unsupported_format"
        )
    return service.names.voice(audio.get("voice"), "audio.voice", service.engines.voices(model), ignored), name


def _tools(given: Sequence[Any]) -> tuple[ToolSpec, ...]:
    """Function tools. Raises `ApiError` 400 for others."""
    found = []
    for at, tool in enumerate(given):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise unsupported(f"tools[{at}]", f"tools[{at}] must be a function with a name")
        found.append(ToolSpec(function["name"], function.get("description") or "", function.get("parameters") or {}))
    return tuple(found)


def check(messages: list[Any]) -> None:
    """Raise `ApiError` 400 unless the messages have known roles and end with a user's or tool's message."""
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise wrong(f"messages[{at}]", f"messages[{at}] must be an object with a role: {', '.join(ROLES)}")
    if not messages or messages[-1]["role"] not in ("user", "tool"):
        raise wrong("messages", "messages must end with a user's message or a tool's result")


def _message(at: int, message: dict[str, Any], hear: Callable[[AudioFile], str], longest_s: float) -> Message:
    """A message as text; recordings in it are transcribed. Raises `ApiError` 400 for wrong content."""
    content, where = message.get("content"), f"messages[{at}].content"
    role: Role = "system" if message["role"] == "developer" else message["role"]
    key, calls = str(message.get("tool_call_id") or ""), _calls(at, message.get("tool_calls"))
    if content is None and calls:
        content = ""
    if content is None and message["role"] == "assistant":
        spoken = message.get("audio")
        content = spoken.get("transcript", "") if isinstance(spoken, dict) else ""
    if isinstance(content, str):
        return Message(role, content, key, calls)
    if not isinstance(content, list):
        raise wrong(where, f"{where} must be text or an array of parts", "invalid_type")
    texts = []
    for number, part in enumerate(content):
        place = f"{where}[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "input_audio" and isinstance(part.get("input_audio"), dict):
            name = f"audio.{part['input_audio'].get('format', 'wav')}"
            data = bytes_of(part["input_audio"].get("data"), f"{place}.input_audio.data")
            with recording(data, name, longest_s, place) as audio:
                texts.append(hear(audio))
        else:
            raise unsupported(place, f"{place} must be a part of type text or input_audio")
    return Message(role, "\n".join(texts), key, calls)


def _calls(at: int, given: Any) -> tuple[ToolCall, ...]:
    """The tool calls of an assistant's message. Raises `ApiError` 400 for what is none."""
    found = []
    for number, call in enumerate(given or ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise wrong(f"messages[{at}].tool_calls[{number}]", f"messages[{at}].tool_calls[{number}] is no tool call")
        found.append(ToolCall(function["name"], str(function.get("arguments") or "{}"), str(call.get("id") or "")))
    return tuple(found)


def _request(messages: Sequence[Message], tools: Sequence[ToolSpec], responder: Responder) -> LlmRequest:
    """The request that these messages are. Raises `ApiError` 400 where there is nothing to answer."""
    last = messages[-1]
    if Capability.CHAT not in responder.capabilities and not last.text.strip():
        raise wrong("messages", "the last message holds no words")
    if last.role == "tool" and Capability.TOOLS in responder.capabilities:
        return LlmRequest("", messages, tools)
    return LlmRequest(last.text, messages[:-1], tools)


def _audio(text: str, sound: bytes) -> dict[str, Any]:
    return {
        "id": audio_id(),
        "data": base64.b64encode(sound).decode(),
        "expires_at": int(time.time()) + AUDIO_EXPIRES_S,
        "transcript": text,
    }
