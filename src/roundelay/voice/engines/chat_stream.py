"""A chat completion as a server sends it: server-sent events bit by bit, or one JSON object (ours)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from roundelay.voice.interfaces import Response, ToolCall


class BrokenOffError(ValueError):
    """The server stopped in the middle of its answer."""


class Body(Protocol):
    """A response whose body is read."""

    def read(self, size: int) -> bytes: ...
    def readline(self, size: int) -> bytes: ...


def parse_whole(body: Body, max_bytes: int) -> Response:
    """The response in a chat completion of one piece, with its first tool call.

    Raises ValueError, LookupError, TypeError or AttributeError for anything else.
    """
    data = body.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError("too long")
    message = json.loads(data)["choices"][0]["message"]
    calls, text = message.get("tool_calls") or [], message.get("content") or ""
    if not isinstance(text, str):
        raise TypeError("content is no text")
    if not calls:
        return Response(text)
    function = calls[0]["function"]
    return Response(text, (_tool_call(function["name"], function["arguments"], calls[0].get("id")),))


def parse_stream(body: Body, max_bytes: int) -> Iterator[str | ToolCall]:
    """Yield the text of a streamed chat completion as it comes, then its first tool call if there is one.

    Raises `BrokenOffError` where the stream ends early or tells of an error; else what `parse_whole` raises.
    """
    call: dict[str, str] | None = None
    ended = False
    for chunk in _chunks(body, max_bytes):
        if chunk is None:
            ended = True
            break
        if chunk.get("error"):
            raise BrokenOffError
        for choice in chunk.get("choices") or ():
            ended = ended or bool(choice.get("finish_reason"))
            delta = choice.get("delta") or {}
            text = delta.get("content") or ""
            if not isinstance(text, str):
                raise TypeError("content is no text")
            if text:
                yield text
            for piece in delta.get("tool_calls") or ():
                if not piece.get("index"):
                    call = _extended(call, piece)
    if not ended:
        raise BrokenOffError
    if call is not None:
        yield _tool_call(call["name"], call["arguments"] or "{}", call["id"])


def _tool_call(name: object, arguments: object, key: object) -> ToolCall:
    return ToolCall(str(name), str(arguments), str(key) if key else f"call_{uuid.uuid4().hex[:24]}")


def _extended(call: dict[str, str] | None, piece: Mapping[str, Any]) -> dict[str, str]:
    """A call with one more piece of it: name and id come once, arguments in pieces."""
    call, function = call or {"name": "", "arguments": "", "id": ""}, piece.get("function") or {}
    name, key, more = function.get("name") or "", piece.get("id") or "", function.get("arguments") or ""
    return {
        "name": call["name"] or str(name),
        "arguments": call["arguments"] + str(more),
        "id": call["id"] or str(key),
    }


def _chunks(body: Body, max_bytes: int) -> Iterator[dict[str, Any] | None]:
    """Yield the events' JSON objects; None for the end mark. Comments, names and empty lines are passed over."""
    read = 0
    while line := body.readline(max_bytes - read + 1):
        read += len(line)
        if read > max_bytes:
            raise ValueError("too long")
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            yield None
        elif data:
            value = json.loads(data)
            if not isinstance(value, dict):
                raise TypeError("an event is no object")
            yield value
