"""An answer as a chat server sends it: text bit by bit as server-sent events, or whole; a call once it is complete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class BrokenOff(ValueError):
    """The server stopped in the middle of its answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function the answering model wants called, its arguments as JSON text."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: the text, and a function call or None."""

    text: str
    call: Call | None = None


class Body(Protocol):
    """A response whose body is read."""

    def read(self, size: int) -> bytes: ...
    def readline(self, size: int) -> bytes: ...


def whole(body: Body, most: int) -> Said:
    """The answer of a chat completion in one piece. Raises ValueError and its like for anything else."""
    data = body.read(most + 1)
    if len(data) > most:
        raise ValueError("too long")
    message = json.loads(data)["choices"][0]["message"]
    calls, text = message.get("tool_calls") or [], message.get("content") or ""
    if not isinstance(text, str):
        raise TypeError
    if not calls:
        return Said(text)
    function = calls[0]["function"]
    return Said(text, Call(str(function["name"]), str(function["arguments"]), str(calls[0].get("id") or uuid.uuid4())))


def parts(body: Body, most: int) -> Iterator[str | Call]:
    """Yield the text of a streamed chat completion as it comes, then its first call if there is one.

    Raises `BrokenOff` where the stream ends early or tells of an error, ValueError and its like for anything else.
    """
    call: dict[str, str] | None = None
    over = False
    for chunk in _chunks(body, most):
        if chunk is None:
            over = True
            break
        if chunk.get("error"):
            raise BrokenOff
        for choice in chunk.get("choices") or ():
            over = over or bool(choice.get("finish_reason"))
            delta = choice.get("delta") or {}
            text = delta.get("content") or ""
            if not isinstance(text, str):
                raise TypeError
            if text:
                yield text
            for piece in delta.get("tool_calls") or ():
                if not piece.get("index"):
                    call = _more(call, piece)
    if not over:
        raise BrokenOff
    if call is not None:
        yield Call(call["name"], call["arguments"] or "{}", call["id"] or f"call_{uuid.uuid4().hex[:24]}")


def _more(call: dict[str, str] | None, piece: Mapping[str, Any]) -> dict[str, str]:
    """A call with one more piece of it: name and id come once, arguments in pieces."""
    call, function = call or {"name": "", "arguments": "", "id": ""}, piece.get("function") or {}
    name, number, more = function.get("name") or "", piece.get("id") or "", function.get("arguments") or ""
    return {
        "name": call["name"] or str(name),
        "arguments": call["arguments"] + str(more),
        "id": call["id"] or str(number),
    }


def _chunks(body: Body, most: int) -> Iterator[dict[str, Any] | None]:
    """The events' JSON objects; None for the end mark. Comments, names and empty lines are passed over."""
    read = 0
    while line := body.readline(most - read + 1):
        read += len(line)
        if read > most:
            raise ValueError("too long")
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            yield None
        elif data:
            value = json.loads(data)
            if not isinstance(value, dict):
                raise TypeError
            yield value
