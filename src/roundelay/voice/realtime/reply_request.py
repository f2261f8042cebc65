"""From a drafted reply to what a responder is asked: the question, the history, the tools (ours)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from roundelay.voice.agent.persona import Persona
from roundelay.voice.agent.tools import Tool
from roundelay.voice.interfaces import Message, Request
from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core import actions as act
from roundelay.voice.realtime.core.language import Language
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.style import PLAIN, Style

MAX_RESULT_CHARACTERS = 240  # of a tool's result that are read aloud
SUMMARY_REQUEST = "Summarise the conversation so far in at most one hundred words. Keep names, numbers and decisions."


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The settings of a session that its worker needs. `spoken` False: replies are text alone."""

    thresholds: Thresholds
    persona: Persona
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # as in `interfaces.Request`
    spoken: bool = True
    style: Style = PLAIN
    language: Language = field(default_factory=language_table.load)


def reply_request(draft: act.Draft, text: str, config: WorkerConfig) -> Request:
    """The request of a draft whose question is `text`.

    A draft's options may replace the session's `tools` and `tool_choice`, and add `instructions` of one reply. A reply
    to a tool's result calls tools only if its options say so.
    """
    options = draft.options or {}
    head = [config.persona.message]
    if options.get("instructions"):
        head.append(Message("system", str(options["instructions"]), "response"))
    history = (*head, *draft.history)
    tools, choice = available_tools(draft, config)
    if draft.cause == "tool":
        return Request("", history, tools, choice)
    last = history[-1]
    if draft.cause == "request" and last.role in ("user", "tool") and last.text == text:
        history = history[:-1]
    return Request(text, history, tools, choice)


def available_tools(draft: act.Draft, config: WorkerConfig) -> tuple[tuple[Tool, ...], str]:
    """The tools that a reply may call, and the tool choice, by its options or the session's settings."""
    options = draft.options or {}
    choice = options.get("tool_choice", config.tool_choice)
    own = "tools" in options or "tool_choice" in options
    if choice == "none" or (draft.cause == "tool" and not own):
        return (), choice
    return tuple(options.get("tools", config.tools)), choice


def summary_request(messages: tuple[Message, ...]) -> Request:
    """The request for a summary of these messages."""
    return Request(SUMMARY_REQUEST, messages, tool_choice="none")


def last_question(draft: act.Draft) -> str:
    """The last text of the history that the bot did not say itself; "" if there is none."""
    return next((message.text for message in reversed(draft.history) if message.role != "assistant"), "")


def last_result(draft: act.Draft) -> str:
    """The last tool's result of the history, as a sentence for a responder that cannot answer to results."""
    found = next((message.text for message in reversed(draft.history) if message.role == "tool"), "")
    return result_sentence(found)


def result_sentence(result: str) -> str:
    """A tool's result, `name(arguments) = output`, as a sentence: `name: output`."""
    call, _, output = result.partition(" = ")
    name = " ".join(re.findall(r"[A-Za-z]+|\d+", call.partition("(")[0]))
    return f"{name}: {output[:MAX_RESULT_CHARACTERS]}"


def is_spoken(draft: act.Draft, config: WorkerConfig) -> bool:
    """Whether the reply is to be audio, by its own options or the session's settings."""
    modalities: Any = (draft.options or {}).get("modalities")
    return modalities == ("audio",) if modalities else config.spoken
