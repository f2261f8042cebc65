"""`--chat-url`: a fake chat server on loopback streams, does not stream, refuses to, dies."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from realtime_case import NEVER, talking
from server_case import running

from roundelay.errors import EngineError
from roundelay.server.http.middleware import api_error
from roundelay.voice.engines import guard
from roundelay.voice.engines.chat_completions import ChatCompletions
from roundelay.voice.engines.chat_stream import parse_whole
from roundelay.voice.interfaces import CallOptions, Request

Reply = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as `server.reply` says."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)  # type: ignore[attr-defined]
        self.server.reply(self, body)  # type: ignore[attr-defined]

    def head(self, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()

    def events(self, *lines: str) -> None:
        for line in lines:
            self.wfile.write(f"{line}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *args: object) -> None:
        pass


def text(words: str) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": words}}]})


def ended(reason: str = "stop") -> tuple[str, str]:
    return "data: " + json.dumps({"choices": [{"delta": {}, "finish_reason": reason}]}), "data: [DONE]"


def streams(*words: str) -> Reply:
    def reply(out: Handler, body: dict[str, Any]) -> None:
        assert body["stream"]
        out.head("text/event-stream; charset=utf-8")
        out.events(": a comment", "event: message", *map(text, words), *ended())

    return reply


def speaks_whole(out: Handler, body: dict[str, Any]) -> None:
    out.head("application/json")
    out.wfile.write(json.dumps({"choices": [{"message": {"role": "assistant", "content": "all at once"}}]}).encode())


def refuses_to_stream(out: Handler, body: dict[str, Any]) -> None:
    if body["stream"]:
        out.head("application/json", 400)
    else:
        speaks_whole(out, body)


def dies(out: Handler, body: dict[str, Any]) -> None:
    out.head("text/event-stream")
    out.events(text("It is certain. "), text("And then"))


@contextmanager
def chat(reply: Reply) -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.reply, made.asked, made.url = reply, [], f"http://127.0.0.1:{made.server_address[1]}/v1"
    thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join(10)


@contextmanager
def conversation(server: Any, **settings: Any) -> Iterator[Any]:
    with running(responder=ChatCompletions(server.url), create_worker=None) as made, talking(made) as talk:
        talk.configure(audio={"input": NEVER}, **settings)
        yield talk


def asks(talk: Any, words: str) -> None:
    talk.type(words)
    talk.send("response.create")


def transcript(done: dict[str, Any]) -> str:
    said = next(item for item in done["response"]["output"] if item["type"] == "message")
    return str(said["content"][0]["transcript"])


def test_a_clause_is_spoken_while_the_next_is_still_thought_of() -> None:
    heard = threading.Event()

    def reply(out: Handler, body: dict[str, Any]) -> None:
        out.head("text/event-stream")
        out.events(text("That is easy"), text(". "))
        assert heard.wait(10), "nothing was spoken before the answer was whole"
        out.events(text("It is "), text("four."), *ended())

    with chat(reply) as server, conversation(server) as talk:
        asks(talk, "two and two")
        talk.wait("response.output_audio.delta")
        heard.set()
        done = talk.wait("response.done")
        assert done["response"]["status"] == "completed" and transcript(done) == "That is easy. It is four."
        assert server.asked[0]["messages"][-1] == {"role": "user", "content": "two and two"}


@pytest.mark.parametrize("reply", [speaks_whole, refuses_to_stream])
def test_a_server_that_does_not_stream_still_works(reply: Reply) -> None:
    with chat(reply) as server, conversation(server) as talk:
        asks(talk, "hello")
        assert transcript(talk.wait("response.done")) == "all at once"


def test_a_server_that_dies_in_the_middle_fails_the_response_and_the_session_lives() -> None:
    with chat(dies) as server, conversation(server) as talk:
        asks(talk, "hello")
        done = talk.wait("response.done")["response"]
        error = done["status_details"]["error"]
        assert done["status"] == "failed" and error["code"] == "reply_failed"
        assert "broke off in the middle" in error["message"]
        server.reply = streams("Here", " again.")
        asks(talk, "are you there")
        assert transcript(talk.wait("response.done")) == "Here again."


def test_a_call_in_pieces_is_one_call() -> None:
    pieces = [{"id": "call_7", "function": {"name": "look", "arguments": ""}},
              {"function": {"arguments": '{"where": '}}, {"function": {"arguments": '"out"}'}}]  # fmt: skip

    def reply(out: Handler, body: dict[str, Any]) -> None:
        assert body["tools"][0]["function"]["name"] == "look"
        out.head("text/event-stream")
        calls = ({"choices": [{"delta": {"tool_calls": [{"index": 0, **piece}]}}]} for piece in pieces)
        out.events(text("Let me look."), *(f"data: {json.dumps(each)}" for each in calls), *ended("tool_calls"))

    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"where": {}}}}
    with chat(reply) as server, conversation(server, tools=[tool]) as talk:
        asks(talk, "what is outside")
        call = talk.wait("response.function_call_arguments.done")
        assert (call["call_id"], call["name"], call["arguments"]) == ("call_7", "look", '{"where": "out"}')
        assert transcript(talk.wait("response.done")) == "Let me look."


@pytest.mark.parametrize(("lines", "why"), [
    ((text("a"), "data: {\"error\": {\"message\": \"overloaded\"}}"), "broke off"),
    ((text("a"),), "broke off"),
    (("data: [1]",), "no chat completion"),
    (("data: nonsense",), "no chat completion"),
    (('data: {"choices": [{"delta": {"content": 5}}]}',), "no chat completion"),
])  # fmt: skip
def test_what_is_no_stream_is_a_typed_502(lines: tuple[str, ...], why: str) -> None:
    def reply(out: Handler, body: dict[str, Any]) -> None:
        out.head("text/event-stream")
        out.events(*lines)

    with chat(reply) as server, pytest.raises(EngineError, match=why) as error:
        list(ChatCompletions(server.url).reply(Request("x")))
    assert (api_error(error.value).status, api_error(error.value).code) == (502, "answering_model_failed")


def test_a_stream_has_a_limit_and_a_listener_who_leaves_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    left = threading.Event()

    def reply(out: Handler, body: dict[str, Any]) -> None:
        out.head("text/event-stream")
        try:
            while True:
                out.events(text("on and "))
                time.sleep(0.001)
        except OSError:
            left.set()

    with chat(reply) as server:
        responder, got = ChatCompletions(server.url), list[Any]()
        for part in guard.reply(responder, Request("x"), CallOptions(lambda: len(got) == 3)):
            got.append(part)
        assert got == ["on and "] * 3
        assert left.wait(10)
        monkeypatch.setattr("roundelay.voice.engines.chat_completions.MAX_BYTES", 1_000)
        with pytest.raises(EngineError, match="no chat completion"):
            list(responder.reply(Request("x")))


def test_whoever_waits_for_a_silent_model_may_leave_at_once() -> None:
    silent, over = threading.Event(), threading.Event()

    def reply(out: Handler, body: dict[str, Any]) -> None:
        silent.set()
        over.wait(10)

    with chat(reply) as server:
        began = time.monotonic()
        assert list(guard.reply(ChatCompletions(server.url), Request("x"), CallOptions(silent.is_set))) == []
        assert silent.wait(5) and time.monotonic() - began < 5
        over.set()


def test_a_stream_gives_text_and_then_the_call() -> None:
    with chat(streams("a", "", "b")) as server:
        assert list(ChatCompletions(server.url).reply(Request("x"))) == ["a", "b"]
    call = {"function": {"name": "n", "arguments": "{}"}}
    whole = json.dumps({"choices": [{"message": {"tool_calls": [call]}}]}).encode()
    first, second = (parse_whole(io.BytesIO(whole), 1_000).calls[0] for _ in range(2))
    assert first.id != second.id
