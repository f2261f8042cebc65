"""Who answers: the embedded model, or any chat model behind an OpenAI-compatible address (`--chat-url`)."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import numpy as np

from roundelay.errors import BadInput
from roundelay.server.engine import Answer, Cancelled, SpeechModel
from roundelay.server.errors import ApiError
from roundelay.voice.audio import Audio

KEY_VARIABLE = "ROUNDELAY_CHAT_KEY"  # an environment variable: a key on a command line is seen by every process
MOST_BYTES = 4 << 20  # of an answer; far more than anybody would listen to
WAIT_S = 60.0  # for an answer; a model on a laptop may think for a while
LOCAL = ("localhost", "127.0.0.1", "::1")


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


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


class ChatUrl:
    """A chat model by address, `http(s)://…/v1`. Calls block; they run on a worker."""

    def __init__(self, url: str, model: str | None = None, wait_s: float = WAIT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput("--chat-url", url, "give http://host:port/v1 of an OpenAI-compatible server")
        base = url.rstrip("/")
        self.url = base if base.endswith("/chat/completions") else f"{base}/chat/completions"
        self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # without a password
        self.model, self.wait_s = model or "default", wait_s
        local = parts.hostname in LOCAL
        self._open = build_opener(_NoRedirect, *([ProxyHandler({})] if local else [])).open

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] = ()) -> Said:
        """The model's answer. Raises `ApiError` 502 in one line for a server that is dead, slow or no chat server."""
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), "stream": False}
        if tools:
            body["tools"] = list(tools)
        headers = {"content-type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["authorization"] = f"Bearer {key}"
        request = Request(self.url, json.dumps(body).encode(), headers, method="POST")
        try:
            with self._open(request, timeout=self.wait_s) as response:
                data = response.read(MOST_BYTES + 1)
        except HTTPError as error:
            raise self._failed(f"answered {error.code}") from None
        except (URLError, OSError, ValueError) as error:
            raise self._failed(f"cannot be reached ({getattr(error, 'reason', error)})") from None
        try:
            if len(data) > MOST_BYTES:
                raise ValueError
            return _said(json.loads(data)["choices"][0]["message"])
        except (ValueError, LookupError, TypeError, AttributeError):
            raise self._failed("gave no chat completion") from None

    def _failed(self, how: str) -> ApiError:
        return ApiError(502, "answering_model_failed", f"the answering model {self.shown} {how}"[:300])


def _said(message: Mapping[str, Any]) -> Said:
    calls = message.get("tool_calls") or []
    text = message.get("content") or ""
    if not isinstance(text, str):
        raise TypeError
    if not calls:
        return Said(text)
    function = calls[0]["function"]
    return Said(text, Call(str(function["name"]), str(function["arguments"]), str(calls[0].get("id") or uuid.uuid4())))


@dataclass(frozen=True, slots=True)
class Borrowed:
    """The embedded model's mouth and ears with another's mind: a `SpeechModel` whose answers come by `chat`."""

    body: SpeechModel
    mind: ChatUrl

    def say_stream(
        self, text: str, voice: str | None = None, seed: int = 0, cancelled: Cancelled = lambda: False
    ) -> Iterator[np.ndarray]:
        """As the embedded model."""
        return self.body.say_stream(text, voice=voice, seed=seed, cancelled=cancelled)

    def transcribe(self, audio: Audio) -> str:
        """As the embedded model."""
        return self.body.transcribe(audio)

    def answer(self, text: str, history: Sequence[Any] = ()) -> Answer:
        """The chat model's answer. Raises `ApiError` 502."""
        return self.mind.complete([*(wire(each) for each in history), {"role": "user", "content": text}])


def wire(message: Any) -> dict[str, str]:
    """A message of a conversation's history as the chat interface writes it; a tool's result is told as text."""
    role, text = message.role, message.text
    return {"role": "user" if role == "tool" else role, "content": text}


def call_of(answer: Answer) -> Call | None:
    """The function call that the client is to make, or None: the embedded model's own skills are none of its."""
    return answer.call if isinstance(answer.call, Call) else None
