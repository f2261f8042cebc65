"""Responses outside the conversation (`conversation: "none"`): they see it, or what they are given, and leave no trace.

They run beside the conversation's own reply, on the workers of the HTTP endpoints, and are not paced.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roundelay.server.engine import Engines
from roundelay.server.errors import ApiError, unsupported, wrong
from roundelay.server.http.middleware import api_error
from roundelay.server.realtime.frames import Items, new_id
from roundelay.server.realtime.response import ResponseStream
from roundelay.server.realtime.settings import one_of, table, text
from roundelay.voice.agent.tools import Tool
from roundelay.voice.interfaces import CallOptions, Capability, Message, Request, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.voices import Voice

MAX_ASIDE = 4  # at once in one conversation
MAX_INPUT = 256  # items of one response


@dataclass(frozen=True, slots=True)
class Aside:
    """A response outside the conversation: what it answers, with which tools, and the voice of its sound."""

    stream: ResponseStream
    messages: tuple[Message, ...]
    instructions: str
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    voice: str = ""

    def request(self, able: frozenset[Capability]) -> Request:
        """What the responder is asked; one of a domain of its own is asked the last thing that a user said."""
        tools = self.tools if Capability.TOOLS in able and self.tool_choice != "none" else ()
        head = (Message("system", self.instructions, "response"),) if self.instructions else ()
        history = self.messages
        asked = [at for at, each in enumerate(history) if each.role == "user"]
        at = asked[-1] if asked else None
        if at is not None and (at == len(history) - 1 or Capability.CHAT not in able):
            return Request(history[at].text, (*head, *history[:at]), tools, self.tool_choice)
        words = "" if history and Capability.CHAT in able else self.instructions
        return Request(words, (*head, *history), tools, self.tool_choice)


class Asides:
    """The responses outside one conversation that are being made."""

    def __init__(self, engines: Engines, pipeline: Pipeline) -> None:
        self._engines, self._pipeline = engines, pipeline
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def admit(self) -> None:
        """Raise `ApiError` if no more may begin."""
        if len(self._tasks) >= MAX_ASIDE:
            raise ApiError(400, "too_many", f"{MAX_ASIDE} responses outside the conversation are going on already")

    def start(self, aside: Aside) -> None:
        """Begin to make one."""
        task = asyncio.ensure_future(self._make(aside))
        self._tasks[aside.stream.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(aside.stream.id, None))

    def cancel(self, name: object) -> bool:
        """Cancel the response of that id; whether there is one."""
        task = self._tasks.get(name) if isinstance(name, str) else None
        return task is not None and task.cancel()

    def close(self) -> None:
        """Cancel all."""
        for task in list(self._tasks.values()):
            task.cancel()

    async def _make(self, aside: Aside) -> None:
        stream = aside.stream
        try:
            request = aside.request(self._pipeline.responder.capabilities)
            made = await self._engines.call(lambda gone: self._pipeline.respond(request, CallOptions(gone)))
            if made.text.strip():
                stream.say(made.text)
                await self._speak(stream, Utterance(made.text, Voice(aside.voice) if aside.voice else None))
            for call in made.calls:
                stream.call(call.id or new_id("call"), call.name, call.arguments)
            stream.end("completed")
        except asyncio.CancelledError:
            stream.end("cancelled", "client_cancelled")
        except Exception as error:
            failure = api_error(error)
            stream.end("failed", error={"type": failure.kind, "code": failure.code, "message": str(failure)})

    async def _speak(self, stream: ResponseStream, utterance: Utterance) -> None:
        if stream.spoken:
            sounds = self._engines.stream(lambda gone: self._pipeline.stream(utterance, options=CallOptions(gone)))
            async for audio in sounds:
                stream.play(audio.samples, audio.rate)


def messages(given: Any, items: Items) -> tuple[Message, ...]:
    """The messages of a response's `input`: items, or references to those of the conversation. Raises `ApiError` 400.

    Recordings are not taken: their transcript is.
    """
    if not isinstance(given, list) or len(given) > MAX_INPUT:
        raise wrong("response.input", f"response.input must be an array of at most {MAX_INPUT} items", "invalid_type")
    return tuple(_message(table(each, f"response.input[{at}]"), f"response.input[{at}]", items)
                 for at, each in enumerate(given))  # fmt: skip


def _message(item: Mapping[str, Any], where: str, items: Items) -> Message:
    kinds = ("message", "item_reference", "function_call", "function_call_output")
    kind = one_of(item.get("type", "message"), kinds, f"{where}.type")
    if kind == "item_reference":
        item = items.get(item.get("id"), "item_not_found")
        kind = item["type"]
    if kind == "message":
        role = one_of(item.get("role"), ("user", "assistant", "system"), f"{where}.role")
        return Message(role, _words(item.get("content"), where), str(item.get("id") or ""))  # type: ignore[arg-type]
    call = text(item.get("call_id"), f"{where}.call_id", 128)
    if kind == "function_call_output":
        return Message("tool", text(item.get("output"), f"{where}.output"), call)
    made = f"{text(item.get('name'), f'{where}.name', 128)}({text(item.get('arguments'), f'{where}.arguments')})"
    return Message("tool", made, call)


def _words(content: Any, where: str) -> str:
    """The text of an item's parts. Raises `ApiError` 400 for a recording without its transcript."""
    if isinstance(content, str):
        return text(content, f"{where}.content")
    if not isinstance(content, Sequence):
        raise wrong(f"{where}.content", f"{where}.content must be an array of parts", "invalid_type")
    lines = []
    for at, each in enumerate(content):
        part, place = table(each, f"{where}.content[{at}]"), f"{where}.content[{at}]"
        words = part.get("text", part.get("transcript"))
        if words is None and "audio" in part:
            raise unsupported(place, f"{place} is a recording: give its transcript, or add it to the conversation")
        lines.append(text(words if words is not None else "", place))
    return "\n".join(line for line in lines if line)
