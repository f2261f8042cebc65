"""`POST /v1/chat/completions`: the next turn of a conversation, as text or as speech."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from roundelay.server.audio import encoders
from roundelay.server.engine import SpeechModel
from roundelay.server.errors import unsupported, wrong
from roundelay.server.http import aliases
from roundelay.server.http.answering import Borrowed, call_of
from roundelay.server.http.chat_stream import Call, Said
from roundelay.server.http.fields import Field
from roundelay.server.http.requests import bytes_of, ignored_header, json_fields, recording
from roundelay.server.http.speech import encode_speech, event
from roundelay.server.limits import DEFAULT
from roundelay.server.service import service_of

ROLES = ("system", "developer", "user", "assistant", "tool")
AUDIO_EXPIRES_S = 3600  # required by the format; the audio is in the response itself and not kept here
FIELDS = (
    Field("messages", "array", "The conversation so far.", required=True, max_length=DEFAULT.messages),
    Field("model", "string", "An engine's name; OpenAI's model names mean the default engine.", default=aliases.MODEL),
    Field("modalities", "array", '["text"], or ["text", "audio"] for a spoken answer.', max_length=2),
    Field("audio", "object", "voice and format (wav, mp3, flac, opus, pcm16) of the answer."),
    Field("stream", "boolean", "Server-sent events.", default=False),
    Field("tools", "array", "Functions; they go to the model behind --chat-url.", max_length=128),
    Field("n", "integer", "One answer.", default=1, low=1, high=1),
    Field("seed", "integer", "The same seed gives the same audio.", default=0, low=0, high=2**31 - 1),
    *(Field(name, "number", "Has no effect here.", ignored=True)
      for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "max_tokens",
                   "max_completion_tokens")),
    *(Field(name, "boolean", "Has no effect here.", ignored=True) for name in ("store", "parallel_tool_calls")),
    Field("stream_options", "object", "Has no effect here.", ignored=True),
    Field("user", "string", "Has no effect here.", ignored=True, max_length=256),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """One message as text; a recording in it has been transcribed."""

    role: str
    text: str


async def completions(request: Request) -> Response:
    """The answer to the last message. Raises `ApiError` 400 for a wrong conversation, 502 for a failed chat server."""
    service = service_of(request)
    values, ignored = await json_fields(request, FIELDS)
    aliases.model(values["model"])
    modalities = values["modalities"] or ["text"]
    if not all(each in ("text", "audio") for each in modalities):
        raise wrong("modalities", 'modalities must be ["text"] or ["text", "audio"]')
    spoken = _audio_wanted(values["audio"]) if "audio" in modalities else None
    model = service.engine.model()
    tools = values["tools"] or ()
    if tools and not isinstance(model, Borrowed):
        ignored.append("tools")
    raw, longest = values["messages"], service.limits.audio_s
    check(raw)

    def work() -> Said:
        return answer(model, [_message(at, each, model, longest) for at, each in enumerate(raw)], raw, tools)

    said = await service.engine.call(work)
    head = {"id": f"chatcmpl-{uuid.uuid4().hex[:24]}", "created": int(time.time()), "model": aliases.MODEL}
    headers = ignored_header(ignored)
    sound = b""
    if spoken and said.text.strip():
        voice, name = spoken
        pieces = service.engine.stream(lambda gone: encode_speech(model, said.text, voice, values["seed"], name, gone))
        sound = b"".join([piece async for piece in pieces])
    if values["stream"]:
        body = _chunks(head, said, sound if spoken else None)
        return StreamingResponse(body, headers=headers, media_type="text/event-stream")
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None}
    if spoken and sound:
        message |= {"content": None, "audio": _audio(said.text, sound)}
    if said.call:
        message["tool_calls"] = [_call(said.call)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if said.call else "stop", "logprobs": None}
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice]}, headers=headers)


def _audio_wanted(audio: Any) -> tuple[str, str]:
    if not isinstance(audio, dict):
        raise wrong("audio", "audio is missing: give its voice and format", "missing_required_parameter")
    name = audio.get("format", "wav")
    if not isinstance(name, str) or name not in (*encoders.MEDIA_TYPES, "pcm16"):
        raise wrong(
            "audio.format", f"audio.format must be pcm16 or {', '.join(encoders.MEDIA_TYPES)}", "unsupported_format"
        )
    return aliases.voice(audio.get("voice"), "audio.voice"), name


def check(messages: list[Any]) -> None:
    """Raise `ApiError` 400 unless the messages have known roles and end with something to answer."""
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise wrong(f"messages[{at}]", f"messages[{at}] must be an object with a role: {', '.join(ROLES)}")
    if not messages or messages[-1]["role"] not in ("user", "tool"):
        raise wrong("messages", "messages must end with one of the user's, or a tool's result")


def _message(at: int, message: dict[str, Any], model: SpeechModel, longest_s: float) -> Message:
    content, where = message.get("content"), f"messages[{at}].content"
    if content is None and message["role"] == "assistant":
        audio = message.get("audio")
        content = audio.get("transcript", "") if isinstance(audio, dict) else ""
    if isinstance(content, str):
        return Message(message["role"], content)
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
            texts.append(model.transcribe(recording(data, name, longest_s, place)))
        else:
            raise unsupported(place, f"{place} must be a part of type text or input_audio")
    return Message(message["role"], "\n".join(texts))


def answer(model: SpeechModel, messages: list[Message], raw: list[Any], tools: Any) -> Said:
    """The answer to these messages; runs on a worker. A chat model by address gets tools and calls as they came."""
    if isinstance(model, Borrowed):
        keep = ("tool_calls", "tool_call_id", "name")
        return model.mind.complete(
            [{"role": message.role, "content": message.text, **{key: each[key] for key in keep if key in each}}
             for message, each in zip(messages, raw, strict=True)], tools)  # fmt: skip
    last = messages[-1].text
    if not last.strip():
        raise wrong("messages", "the last message holds no words")
    made = model.answer(last, messages[:-1])
    return Said(made.text, call_of(made))


def _audio(text: str, sound: bytes) -> dict[str, Any]:
    return {
        "id": f"audio_{uuid.uuid4().hex[:24]}",
        "data": base64.b64encode(sound).decode(),
        "expires_at": int(time.time()) + AUDIO_EXPIRES_S,
        "transcript": text,
    }


def _call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


async def _chunks(head: dict[str, Any], said: Said, sound: bytes | None) -> AsyncIterator[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return event({**head, "object": "chat.completion.chunk", "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    if sound:
        yield chunk({"audio": _audio(said.text, sound)})
    elif said.text:
        yield chunk({"content": said.text})
    if said.call:
        yield chunk({"tool_calls": [{"index": 0, **_call(said.call)}]})
    yield chunk({}, "tool_calls" if said.call else "stop")
    yield b"data: [DONE]\n\n"
