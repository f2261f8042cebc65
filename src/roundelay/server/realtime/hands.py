"""The worker of a conversation, set up as the server's settings want it, and its model as the worker wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roundelay.server.engine import Answer, Cancelled, Engine, SpeechModel
from roundelay.server.http.answering import Borrowed, ChatUrl, wire
from roundelay.server.http.chat_stream import Call
from roundelay.server.realtime.settings import Settings
from roundelay.voice.agent.persona import Persona, persona
from roundelay.voice.agent.tools import Tool
from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano.model import Model
from roundelay.voice.interfaces import Message
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.worker import Manner, Worker


@dataclass(slots=True)
class Mind:
    """A model in one conversation: the shared one, with the conversation's own tools."""

    model: SpeechModel
    tools: Sequence[Tool] = ()
    choice: str = "auto"  # of tools

    @property
    def say_stream(self) -> Callable[..., Iterator[np.ndarray]]:
        """As the model."""
        return self.model.say_stream

    def transcribe(self, audio: Audio) -> str:
        """As the model."""
        return self.model.transcribe(audio)

    def answer(self, text: str, history: Sequence[Message] = ()) -> Answer:
        """As the model."""
        return self.model.answer(text, history)

    def complete(self, text: str) -> float | None:
        """How probable the embedded model finds it that nothing must follow; None where it is another."""
        return self.model.complete(text) if isinstance(self.model, Model) else None


@dataclass(slots=True)
class BorrowedMind(Mind):
    """A mind behind a chat URL: it is told the tools, and of their results."""

    def answer_parts(
        self, text: str, history: Sequence[Message], cancelled: Cancelled, options: Mapping[str, Any]
    ) -> Iterator[str | Call]:
        """The chat model's answer to a text after a history, as it comes. Raises `ApiError` 502."""
        messages = [wire(message) for message in history if message.text]
        if not messages or messages[-1] != {"role": "user", "content": text}:
            messages.append({"role": "user", "content": text})
        return self._asked(messages, cancelled, options)

    def _asked(
        self, messages: list[dict[str, str]], cancelled: Cancelled, options: Mapping[str, Any]
    ) -> Iterator[str | Call]:
        choice, tools = options.get("tool_choice", self.choice), options.get("tools", self.tools)
        wired = [{"type": "function", "function": {"name": tool.name, "description": tool.description,
                  "parameters": dict(tool.parameters)}} for tool in tools]  # fmt: skip
        name = choice.removeprefix("function:")
        picked = choice if name == choice else {"type": "function", "function": {"name": name}}
        return self._chat.stream(messages, [] if choice == "none" else wired, cancelled, picked)

    def tell_parts(
        self, text: str, history: Sequence[Message], cancelled: Cancelled, options: Mapping[str, Any]
    ) -> Iterator[str | Call]:
        """The chat model's words about a tool's result, which is in the history. Raises `ApiError` 502.

        It calls tools only where the client asked for that.
        """
        own = options if "tools" in options or "tool_choice" in options else {"tools": ()}
        return self._asked([wire(message) for message in history if message.text], cancelled, own)

    def complete(self, text: str) -> float | None:
        """As the embedded model, which hears, finds it by its n-gram alone: a chat model may answer anything."""
        body = self._borrowed.body
        return body.complete(text, known=False) if isinstance(body, Model) else None

    @property
    def _chat(self) -> ChatUrl:
        return self._borrowed.mind

    @property
    def _borrowed(self) -> Borrowed:
        assert isinstance(self.model, Borrowed)
        return self.model


def _tools(wired: Sequence[Mapping[str, Any]]) -> tuple[Tool, ...]:
    """Realtime tools as the worker knows them."""
    return tuple(Tool(each["name"], each.get("description") or "", each.get("parameters") or {}) for each in wired)


class Hands:
    """A `voice.realtime` worker that follows the session's settings. Raises `BadInput` for instructions too long."""

    def __init__(self, engine: Engine, settings: Settings, tell: Callable[..., None], base: Thresholds) -> None:
        model = engine.model()
        self._mind = (BorrowedMind if isinstance(model, Borrowed) else Mind)(model)
        self._base = base
        self._set(settings)
        self._worker = Worker(self._mind, tell, engine.conversation_pool, self._manner(settings))
        self.hear, self.played, self.close = self._worker.hear, self._worker.played, self._worker.close

    def _manner(self, settings: Settings) -> Manner:
        own = persona()
        voice = settings.voice_name if settings.voice is not None else None
        who = Persona("session", settings.instructions, voice) if settings.instructions else replace(own, voice=voice)
        tools = () if settings.tool_choice == "none" else _tools(settings.tools)
        return Manner(settings.thresholds(self._base), who, tools, settings.modalities == ("audio",))

    def _set(self, settings: Settings) -> None:
        self._mind.tools, self._mind.choice = _tools(settings.tools), settings.tool_choice

    def configure(self, settings: Settings) -> None:
        """Let other settings hold for what begins from now on."""
        self._worker.configure(self._manner(settings))
        self._set(settings)

    @property
    def maybe_speech(self) -> bool:
        """Whether a voice may just have begun."""
        return self._worker.maybe_speech

    def do(self, action: do.Action) -> None:
        """Begin, or drop, a piece of work. Instructions of one response stand before its history."""
        if isinstance(action, do.Draft) and action.options:
            options, history = dict(action.options), action.history
            if options.get("instructions"):
                history = (Message("system", str(options["instructions"]), "response"), *history)
            if "tools" in options:
                options["tools"] = _tools(options["tools"])
            if options.get("tool_choice") == "none":
                options["tools"] = ()
            action = replace(action, history=history, options=options)
        self._worker.do(action)
