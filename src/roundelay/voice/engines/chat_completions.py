"""Any chat model behind an OpenAI-compatible address (`POST …/chat/completions`) as a responder (ours)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.error import HTTPError

from roundelay.voice.engines.chat_stream import parse_stream, parse_whole
from roundelay.voice.engines.openai_server import OpenAIServer
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Capability,
    EngineRole,
    EngineSpec,
    Request,
    ToolCall,
    ToolSpec,
)

KEY_VARIABLE = "ROUNDELAY_CHAT_KEY"
MAX_BYTES = 4 << 20  # of an answer; far longer than a spoken reply
WAIT_S = 60.0  # for an answer; a model on a laptop may think for a while
NO_STREAM = (400, 404, 415, 422, 501)  # how a server may say that it does not stream


class ChatCompletions:
    """A chat model by its address, `http(s)://…/v1`. A `Responder`; threads may share it.

    Calls block for as long as the server is silent, `wait_s` at most. Raises `BadInput` for an address that is none.
    """

    name = "chat_completions"
    capabilities = frozenset({Capability.CHAT, Capability.TOOLS})

    def __init__(self, url: str, model: str | None = None, wait_s: float = WAIT_S) -> None:
        self._server = OpenAIServer.at(url, "/chat/completions", "--chat-url", KEY_VARIABLE, wait_s)
        self.url, self.shown = self._server.url, self._server.shown
        self.model = model or "default"

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[str | ToolCall]:
        """Yield the model's text as it comes, and at last a tool call if there is one; also the end of an empty reply.

        Raises `EngineError` in one line for a server that is dead, slow or no chat server, also in the middle.
        """
        messages = messages_to_wire(request)
        tools = () if request.tool_choice == "none" else [tool_to_wire(tool) for tool in request.tools]
        empty = True
        for part in self._stream(messages, tools, request.tool_choice):
            if options.cancelled():
                return
            empty = False
            yield part
        if empty:
            yield ""

    def _stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any], choice: str
    ) -> Iterator[str | ToolCall]:
        """Yield the parts of the answer; a server that does not stream is asked once more for the whole."""
        with self._server.one_error(self.name, "responder", "chat completion"):
            try:
                response = self._post(messages, tools, choice, stream=True)
            except HTTPError as error:
                if error.code not in NO_STREAM:
                    raise
                response = self._post(messages, tools, choice, stream=False)
            with response:
                if response.headers.get_content_type() == "text/event-stream":
                    yield from parse_stream(response, MAX_BYTES)
                else:
                    whole = parse_whole(response, MAX_BYTES)
                    yield whole.text
                    yield from whole.calls

    def body(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any], choice: str, *, stream: bool
    ) -> dict[str, Any]:
        """The JSON body that asks for a completion of these messages."""
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), "stream": stream}
        if tools:
            function = choice.removeprefix("function:")
            picked = choice if function == choice else {"type": "function", "function": {"name": function}}
            body["tools"] = list(tools)
            body |= {} if choice == "auto" else {"tool_choice": picked}
        return body

    def _post(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any], choice: str, *, stream: bool) -> Any:
        body = self.body(messages, tools, choice, stream=stream)
        return self._server.post(json.dumps(body).encode(), "application/json")


def messages_to_wire(request: Request) -> list[dict[str, Any]]:
    """A request's history and text as the chat interface writes them.

    A tool's result whose call is in the history keeps its role; another one is told as the user's text.
    """
    known = {call.id for message in request.history for call in message.calls}
    out: list[dict[str, Any]] = []
    for message in request.history:
        if message.calls:
            calls = [call_to_wire(call) for call in message.calls]
            out.append({"role": message.role, "content": message.text or None, "tool_calls": calls})
        elif message.role == "tool" and message.key in known:
            out.append({"role": "tool", "content": message.text, "tool_call_id": message.key})
        elif message.text:
            out.append({"role": "user" if message.role == "tool" else message.role, "content": message.text})
    last = {"role": "user", "content": request.text}
    if request.text and (not out or out[-1] != last):
        out.append(last)
    return out


def call_to_wire(call: ToolCall) -> dict[str, Any]:
    """A tool call as the chat interface writes it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def tool_to_wire(tool: ToolSpec) -> dict[str, Any]:
    """A tool as the chat interface writes it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def load(
    roles: Collection[EngineRole], url: str, model: str | None = None, wait_s: float | str = WAIT_S
) -> Mapping[EngineRole, Any]:
    """The responder at a `url`. Raises `BadInput` for one that is no address."""
    return dict.fromkeys(roles, ChatCompletions(url, model, float(wait_s)))


SPEC = EngineSpec(
    ChatCompletions.name,
    {"responder": ChatCompletions.capabilities},
    load,
    ("url", "model", "wait_s"),
    "any chat model behind an OpenAI-compatible address, http://host:port/v1",
    required=("url",),
)
