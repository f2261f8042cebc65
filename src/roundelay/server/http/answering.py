"""Who answers: the embedded model, or any chat model behind an OpenAI-compatible address (`--chat-url`)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import numpy as np

from roundelay.errors import BadInput
from roundelay.server.engine import Answer, Cancelled, SpeechModel
from roundelay.server.errors import ApiError
from roundelay.server.http.chat_stream import BrokenOff, Call, Said, parts, whole
from roundelay.server.http.reader_thread import apart
from roundelay.voice.audio import Audio
from roundelay.voice.lm.engine import never

KEY_VARIABLE = "ROUNDELAY_CHAT_KEY"  # an environment variable: a key on a command line is seen by every process
MOST_BYTES = 4 << 20  # of an answer; far more than anybody would listen to
WAIT_S = 60.0  # for an answer; a model on a laptop may think for a while
NO_STREAM = (400, 404, 415, 422, 501)  # how a server may say that it does not stream
LOCAL = ("localhost", "127.0.0.1", "::1")


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
        """The model's answer, whole. Raises `ApiError` 502 in one line for a server that is dead, slow or no chat
        server."""
        with self._typed(), self._ask(messages, tools, "auto", stream=False) as response:
            return whole(response, MOST_BYTES)

    def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Any] = (),
        cancelled: Cancelled = never,
        choice: Any = "auto",
    ) -> Iterator[str | Call]:
        """Yield the model's answer as it comes, text and at last a call; ends soon after `cancelled`, though the model
        be silent. `choice` is the chat interface's `tool_choice`. Raises `ApiError` 502, also in the middle.
        """
        return apart(lambda: self._parts(messages, tools, choice), cancelled)

    def _parts(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any], choice: Any) -> Iterator[str | Call]:
        """The answer's parts; a server that does not stream is asked once more for the whole."""
        with self._typed():
            try:
                response = self._ask(messages, tools, choice, stream=True)
            except HTTPError as error:
                if error.code not in NO_STREAM:
                    raise
                response = self._ask(messages, tools, choice, stream=False)
            with response:
                if response.headers.get_content_type() == "text/event-stream":
                    made = parts(response, MOST_BYTES)
                else:
                    said = whole(response, MOST_BYTES)
                    made = iter([said.text, *([said.call] if said.call else [])])
                yield from made

    def _ask(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any], choice: Any, *, stream: bool) -> Any:
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), "stream": stream}
        if tools:
            body["tools"] = list(tools)
            body |= {} if choice == "auto" else {"tool_choice": choice}
        headers = {"content-type": "application/json"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["authorization"] = f"Bearer {key}"
        return self._open(Request(self.url, json.dumps(body).encode(), headers, method="POST"), timeout=self.wait_s)

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """Whatever goes wrong becomes one line."""
        try:
            yield
        except HTTPError as error:
            raise self._failed(f"answered {error.code}") from None
        except (BrokenOff, HTTPException, ConnectionError):
            raise self._failed("broke off in the middle of its answer") from None
        except (URLError, OSError) as error:
            raise self._failed(f"cannot be reached ({getattr(error, 'reason', error)})") from None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise self._failed("gave no chat completion") from None

    def _failed(self, how: str) -> ApiError:
        return ApiError(502, "answering_model_failed", f"the answering model {self.shown} {how}"[:300])


@dataclass(frozen=True, slots=True)
class Borrowed:
    """The embedded model's mouth and ears with another's mind: a `SpeechModel` whose answers come by `chat`."""

    body: SpeechModel
    mind: ChatUrl

    @property
    def say_stream(self) -> Callable[..., Iterator[np.ndarray]]:
        """As the embedded model."""
        return self.body.say_stream

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
