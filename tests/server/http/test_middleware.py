"""Who may, how much, how long: keys, hosts, pages of others, sizes, crowds, slow and dead clients, the stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from server_case import FakeEngine, Running, running
from test_http import ask, is_error

from roundelay.errors import BadInput, EngineError
from roundelay.server.http.middleware import api_error
from roundelay.server.limits import Limits
from roundelay.server.run import Address, listen
from roundelay.voice.engines.chat_completions import ChatCompletions
from roundelay.voice.interfaces import Request

SPEAK = {"input": "hello there", "response_format": "pcm"}


def until(true: object, seconds: float = 10.0) -> bool:
    """Wait, a bounded while, for something to become true."""
    assert callable(true)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def test_keys_open_the_api_and_nothing_else_does() -> None:
    with running(keys=("first", "second")) as server:
        is_error(ask(server, "/v1/models"), 401, "invalid_api_key")
        for wrong in ("", "third", "firstsecond", "ek_made_up"):
            is_error(ask(server, "/v1/models", headers={"authorization": f"Bearer {wrong}"}), 401, "invalid_api_key")
        for right in ("first", "second"):
            assert ask(server, "/v1/models", headers={"authorization": f"Bearer {right}"})[0] == 200
        assert ask(server, "/health")[0] == 200 and ask(server, "/")[0] == 200
        is_error(ask(server, "/metrics"), 401, "invalid_api_key")
        made = server.client(api_key="first").realtime.client_secrets.create()
        bearer = {"authorization": f"Bearer {made.value}"}
        for path in ("/v1/models", "/v1/x/sessions", "/v1/realtime/client_secrets"):  # it opens conversations alone
            is_error(ask(server, path, headers=bearer), 401, "invalid_api_key")
        assert server.service.allows(made.value, "/v1/realtime") and server.service.allows(
            made.value, "/v1/realtime/calls"
        )
        assert not server.service.allows("ek_made_up", "/v1/realtime")


def test_a_foreign_host_or_page_is_refused(server: Running) -> None:
    is_error(ask(server, "/v1/models", headers={"host": "evil.example"}), 403, "forbidden_host")
    is_error(ask(server, "/v1/models", headers={"origin": "https://evil.example"}), 403, "forbidden_origin")
    is_error(ask(server, "/v1/models", headers={"origin": "null"}), 403, "forbidden_origin")
    assert ask(server, "/v1/models", headers={"origin": server.url})[0] == 200
    assert ask(server, "/v1/models", headers={"host": f"localhost:{server.port}"})[0] == 200


def test_a_page_that_is_allowed_may_read_answers_and_is_told_so_before() -> None:
    with running(origins=("https://ours.example",)) as server:
        ours = {"origin": "https://ours.example"}
        status, headers, _ = ask(server, "/v1/models", headers=ours)
        assert status == 200 and headers["access-control-allow-origin"] == "https://ours.example"
        asked = {**ours, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        assert ask(server, "/v1/audio/speech", method="OPTIONS", headers=asked)[0] == 200
        is_error(ask(server, "/v1/models", headers={"origin": "https://evil.example"}), 403, "forbidden_origin")


def test_a_page_of_this_machine_may_call_a_server_of_this_machine(server: Running) -> None:
    """Other programs' pages under development; a browser asks before they call."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, openai-beta"}
    for origin in ("http://localhost:3000", "http://127.0.0.1:5173", "https://localhost", "http://[::1]:80"):
        status, headers, _ = ask(server, "/v1/audio/speech", method="OPTIONS", headers={**asked, "origin": origin})
        assert status == 200 and headers["access-control-allow-origin"] == origin
        assert "authorization" in headers["access-control-allow-headers"]
        status, headers, _ = ask(server, "/v1/models", headers={"origin": origin})
        assert status == 200 and headers["access-control-allow-origin"] == origin
        assert "x-roundelay-ignored" in headers["access-control-expose-headers"]
    for origin in ("http://localhost.evil.example", "http://evil.example", "http://localhost:3000.evil", "file://"):
        answer = ask(server, "/v1/audio/speech", method="OPTIONS", headers={**asked, "origin": origin})
        is_error(answer, 403, "forbidden_origin")
        assert "--allow-origin" in json.loads(answer[2])["error"]["message"]
    with running(hosts=()) as wide:  # it answers beyond this machine, whose pages these are not
        is_error(ask(wide, "/v1/models", headers={"origin": "http://localhost:3000"}), 403, "forbidden_origin")


def test_beyond_loopback_needs_a_key_and_a_port_in_use_is_one_line() -> None:
    with pytest.raises(BadInput, match="ROUNDELAY_API_KEYS"):
        listen(Address(host="0.0.0.0", port=0), ())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match="choose another"):
            listen(Address(port=taken.getsockname()[1]), ())


def test_long_bodies_are_refused_by_their_promise_and_by_what_comes() -> None:
    with running(limits=replace(Limits(), json_bytes=1000, body_bytes=1000)) as server:
        is_error(ask(server, "/v1/audio/speech", b" " * 1001), 413, "request_too_large")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            head = "POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
            client.sendall(head.encode() + b"400\r\n" + b" " * 1024 + b"\r\n")
            assert b"413" in client.recv(4096)


def test_more_than_may_wait_is_refused_at_once() -> None:
    limits = replace(Limits(), workers=1, waiting=1)
    with running(FakeEngine(pause_s=0.2), limits) as server:
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(ask(server, "/v1/audio/speech", SPEAK)[0])) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(set(answers)) == [200, 429] and answers.count(200) >= 2
        assert server.service.engines.busy == 0
        assert ask(server, "/v1/audio/speech", SPEAK)[0] == 200


def test_work_that_takes_too_long_is_a_typed_504() -> None:
    with running(FakeEngine(pause_s=1.0), replace(Limits(), request_s=0.1)) as server:
        is_error(ask(server, "/v1/audio/speech", SPEAK), 504, "request_timeout")


def test_memory_has_a_bound() -> None:
    with running(limits=replace(Limits(), resident_bytes=1)) as server:
        is_error(ask(server, "/v1/audio/speech", SPEAK), 503, "memory_exhausted")
        assert ask(server, "/health")[0] == 200


def test_half_open_sockets_and_crowds_are_closed_and_the_server_lives() -> None:
    limits = replace(Limits(), connections=20, header_s=0.5)
    with running(limits=limits) as server:
        sockets = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(60)]
        try:
            for one in sockets[:10]:
                one.sendall(b"GET /health HT")  # and then nothing more
            assert b"too_many_connections" in sockets[-1].recv(4096)
            assert until(lambda: len(server.runner.server_state.connections) == 0)
            assert ask(server, "/health")[0] == 200
        finally:
            for one in sockets:
                one.close()


def test_a_body_that_never_comes_is_a_typed_408() -> None:
    with (
        running(limits=replace(Limits(), body_s=0.2)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as client,
    ):
        client.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\ncontent-length: 50\r\n\r\n{")
        assert b"408" in client.recv(4096)


def test_a_client_that_stops_reading_is_let_go() -> None:
    limits = replace(Limits(), write_s=0.3)
    with running(limits=limits) as server:
        body = json.dumps({"input": "la " * 1300, "response_format": "wav"}).encode()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(
                b"POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)
            )
            client.sendall(body)
            assert until(lambda: server.model.said)
            assert until(lambda: server.service.engines.busy == 0)
            assert until(lambda: not server.runner.server_state.tasks)
        assert ask(server, "/health")[0] == 200


class Chat(BaseHTTPRequestHandler):
    """A chat server of ten lines; what it says depends on the path."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message: dict[str, object] = {"role": "assistant", "content": f"{len(asked['messages'])} messages"}
        if asked.get("tools"):
            function = {"name": asked["tools"][0]["function"]["name"], "arguments": "{}"}
            message = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "function": function}]}
        good = json.dumps({"choices": [{"message": message}]})
        status, body = {"/broken/v1": (500, "no"), "/odd/v1": (200, "[]"), "/away/v1": (302, "")}.get(
            self.path.removesuffix("/chat/completions"), (200, good)
        )
        self.send_response(status)
        self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        pass


def test_any_chat_model_may_answer_and_a_dead_one_is_a_typed_502() -> None:
    chat = HTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=chat.serve_forever, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{chat.server_address[1]}"
    try:
        with running(responder=ChatCompletions(f"{base}/v1")) as server:
            made = server.client().chat.completions
            messages: list = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
            assert made.create(model="roundelay", messages=messages).choices[0].message.content == "2 messages"
            tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
            called = made.create(model="roundelay", messages=messages, tools=[tool]).choices[0].message.tool_calls[0]
            assert (called.id, called.function.name) == ("call_1", "look")
        for path in ("/broken", "/odd", "/away"):
            with pytest.raises(EngineError) as error:
                list(ChatCompletions(f"{base}{path}/v1").reply(Request("x")))
            assert api_error(error.value).status == 502
    finally:
        chat.shutdown()
        chat.server_close()
        thread.join(10)
    with running(responder=ChatCompletions(f"{base}/v1")) as server:
        body = {"messages": [{"role": "user", "content": "x"}]}
        is_error(ask(server, "/v1/chat/completions", body), 502, "answering_model_failed")
        assert ask(server, "/v1/audio/speech", SPEAK)[0] == 200


@pytest.mark.parametrize("url", ["ftp://x/v1", "localhost:8000", "file:///etc/passwd", "http://"])
def test_a_chat_url_of_another_kind_is_one_line(url: str) -> None:
    with pytest.raises(BadInput, match="--chat-url"):
        ChatCompletions(url)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from server_case import FakeEngine
from roundelay.server.engine import Engines
from roundelay.server.limits import Limits
from roundelay.server.run import Address, serve, create_service
limits, address = Limits(), Address(port=0)
engines = Engines(lambda name: FakeEngine(pause_s=0.1).pipeline, limits)
serve(address, create_service(limits, address, engines, "embedded"))
print("stopped", flush=True)
"""


def test_a_signal_lets_the_speaker_finish_and_takes_no_new_work() -> None:
    script = SCRIPT.format(tests=os.path.dirname(os.path.dirname(__file__)))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("talk to it at http://127.0.0.1:")
        port = int(line.split(":")[2].split("/")[0])
        server = Running(port, None, None, None, None)  # type: ignore[arg-type]
        assert until(lambda: ask(server, "/ready")[0] == 200)
        with server.client().audio.speech.with_streaming_response.create(
            input="word " * 15, model="roundelay", voice="alloy", response_format="pcm"
        ) as response:
            pieces = response.iter_bytes(960)
            got = len(next(pieces))
            process.send_signal(signal.SIGTERM)
            assert until(lambda: ask(server, "/v1/models")[0] == 503)
            assert ask(server, "/ready")[0] == 503
            got += sum(map(len, pieces))
        assert got == 15 * 1280 * 3 // 2 * 2, "the speaker was cut off"
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0 and out == "stopped\n" and "Traceback" not in err
    finally:
        process.kill()
        process.communicate()
