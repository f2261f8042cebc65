"""The Realtime interface with wrong frames, dead models and clients that stop: typed errors, bounded memory."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from realtime_case import NEVER, b64, pcm, refused, talking
from server_case import FakeEngine, FakeWorker, Running, running
from test_http import ask
from test_middleware import until
from websockets.exceptions import ConnectionClosed, InvalidStatus

from roundelay.errors import RoundelayError
from roundelay.server.limits import Limits
from roundelay.server.names import Names


@pytest.mark.parametrize(("line", "code"), [
    ("", "invalid_json"), ("{", "invalid_json"), ("[" * 9000, "invalid_json"), ("[]", "missing_required_parameter"),
    ('{"type": 5}', "missing_required_parameter"), ('{"type": "make.coffee"}', "unknown_event"),
    (b"\x00\xff", "invalid_json"),
    ('{"type": "input_audio_buffer.append"}', "invalid_type"),
    ('{"type": "input_audio_buffer.append", "audio": 7}', "invalid_type"),
    ('{"type": "input_audio_buffer.append", "audio": "$$$$"}', "invalid_base64"),
    ('{"type": "input_audio_buffer.append", "audio": "AAA"}', "invalid_base64"),
    ('{"type": "input_audio_buffer.append", "audio": "AAAA"}', "invalid_audio"),
    ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty"),
    ('{"type": "output_audio_buffer.clear"}', "unsupported_parameter"),
    ('{"type": "conversation.item.create"}', "invalid_type"),
    ('{"type": "conversation.item.create", "item": {"type": "song"}}', "invalid_value"),
    ('{"type": "conversation.item.create", "item": {"type": "message", "role": "user"}}', "invalid_type"),
    ('{"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [3]}}',
     "invalid_type"),
    ('{"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "x", "output": "y"}}',
     "unknown_call"),
    ('{"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": '
     '[{"type": "input_audio", "audio": "AAAA", "transcript": 7}]}}', "invalid_type"),
    ('{"type": "conversation.item.create", "item": {"type": "function_call", "name": "f", "arguments": "{}"}}',
     "invalid_type"),
    ('{"type": "response.create", "response": {"audio": {"output": {"format": {"type": "audio/mp3"}}}}}',
     "invalid_value"),
    ('{"type": "conversation.item.truncate", "item_id": "x"}', "item_truncate_invalid_item_id"),
    ('{"type": "conversation.item.retrieve"}', "item_retrieve_invalid_item_id"),
    ('{"type": "response.create", "response": 4}', "invalid_type"),
    ('{"type": "response.create", "response": {"conversation": "side"}}', "invalid_value"),
    ('{"type": "response.create", "response": {"input": []}}', "unsupported_parameter"),
    ('{"type": "response.create", "response": {"conversation": "none", "input": 3}}', "invalid_type"),
    ('{"type": "response.create", "response": {"conversation": "none", "input": [{"type": "item_reference"}]}}',
     "item_not_found"),
    ('{"type": "response.create", "response": {"conversation": "none", "input": [{"role": "user", "content": '
     '[{"type": "input_audio", "audio": "AAAA"}]}]}}', "unsupported_parameter"),
    ('{"type": "transcription_session.update", "session": 4}', "invalid_type"),
    ('{"type": "transcription_session.update", "input_audio_format": "mp3"}', "invalid_value"),
    ('{"type": "session.update", "session": {"modalities": ["smell"]}}', "invalid_value"),
    ('{"type": "session.update", "session": {"input_audio_format": "mp3"}}', "invalid_value"),
    ('{"type": "session.update", "session": {"turn_detection": {"threshold": "high"}}}', "invalid_value"),
    ('{"type": "session.update", "session": {"voice": 5}}', "unknown_voice"),
    ('{"type": "session.update", "session": {"audio": 5, "voice": "alloy"}}', "invalid_type"),
    ('{"type": "response.create", "response": {"output_audio_format": "mp3"}}', "invalid_value"),
    ('{"type": "response.create", "response": {"metadata": {"a": 1}}}', "invalid_value"),
    ('{"type": "response.create", "response": {"tool_choice": "perhaps"}}', "invalid_value"),
])  # fmt: skip
def test_a_wrong_frame_is_a_typed_error_and_the_session_lives(server: Running, line: str | bytes, code: str) -> None:
    with talking(server) as talk:
        talk.socket.send(line)
        assert talk.error()["code"] == code
        talk.configure()


def test_tiny_and_huge_pieces_of_sound(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        for _ in range(50):
            talk.send("input_audio_buffer.append", audio=b64(b"\x01\x02"))  # one sample
        talk.send("input_audio_buffer.append", audio="")
        talk.send("input_audio_buffer.append", audio=b64(pcm(150.0)))  # 7.2 MB, 9.6 as text
        talk.send("input_audio_buffer.commit")
        talk.wait("input_audio_buffer.committed", 30)
        talk.send("input_audio_buffer.clear")
        talk.wait("input_audio_buffer.cleared")


def test_a_frame_beyond_the_limit_ends_its_session_and_no_other() -> None:
    limits = replace(Limits(), frame_bytes=100_000)
    with running(limits=limits) as server, talking(server) as other:
        with talking(server) as talk:
            talk.send("input_audio_buffer.append", audio="A" * 200_000)
            with pytest.raises(ConnectionClosed) as closed:
                talk.next()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
        other.configure()


def masked(message: Any) -> bytes:
    """A client's text frame (RFC 6455), masked with zeros."""
    data = json.dumps(message).encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + data


def test_a_client_that_stops_reading_ends_its_session_and_memory_stays_bounded() -> None:
    limits = replace(Limits(), outbox_bytes=100_000, write_s=0.5)
    with running(limits=limits) as server, talking(server) as other:
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.settimeout(10)
            line.connect(("127.0.0.1", server.port))
            line.sendall(
                b"GET /v1/realtime HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            assert until(lambda: len(server.service.sessions) == 2)
            long = {"id": "long", "type": "message", "role": "user"}
            long["content"] = [{"type": "input_text", "text": "x" * 60_000}]
            line.sendall(masked({"type": "conversation.item.create", "item": long}))
            wish = masked({"type": "conversation.item.retrieve", "item_id": "long"})
            with suppress(OSError):  # 24 MB of answers that nobody reads
                line.sendall(wish * 400)
            assert until(lambda: len(server.service.sessions) == 1, 30)
        other.configure()


def test_a_client_that_vanishes_leaves_nothing_behind(server: Running) -> None:
    with talking(server) as talk:
        talk.socket.socket.close()
    assert until(lambda: not server.service.sessions)


def test_silent_and_endless_sessions_end_with_a_reason() -> None:
    for limits, code in ((replace(Limits(), idle_s=0.3), "session_idle"),
                         (replace(Limits(), session_s=0.3), "session_expired")):  # fmt: skip
        with running(limits=limits) as server, talking(server) as talk:
            assert talk.error()["code"] == code
            with pytest.raises(ConnectionClosed):
                talk.next()
            assert until(lambda service=server.service: not service.sessions)


def test_a_refused_handshake_says_why() -> None:
    with running(limits=replace(Limits(), sessions=1), keys=("secret",), names=Names(strict=True)) as server:
        assert refused(server) == (401, "invalid_api_key")
        header = {"Authorization": "Bearer secret"}
        assert refused(server, additional_headers={**header, "Origin": "https://evil.example"}) == (
            403,
            "forbidden_origin",
        )
        assert refused(server, "/v1/realtime?model=gpt-9", additional_headers=header) == (404, "model_not_found")
        with talking(server, subprotocols=["realtime", "openai-insecure-api-key.secret"]) as talk:
            assert talk.socket.subprotocol == "realtime"
            assert refused(server, additional_headers=header) == (429, "too_many_sessions")
        assert until(lambda: not server.service.sessions)
    with running(RoundelayError("weights lm.onnx cannot be read")) as server:
        assert refused(server) == (503, "model_missing")


@pytest.mark.parametrize("path", ["/v1/realtimes", "/", "/v1/audio/speech", "/v1/live/sessions", "/realtime?model=x"])
def test_a_websocket_elsewhere_is_told_where_to_go(server: Running, path: str) -> None:
    with pytest.raises(InvalidStatus) as error, talking(server, path):
        pass
    response = error.value.response
    assert response.status_code == 404 and "conversations are at /v1/realtime" in response.body.decode()


def test_a_session_that_breaks_says_so_and_touches_no_other() -> None:
    class Broken(FakeWorker):
        def do(self, action: Any) -> None:
            raise ZeroDivisionError("a bug")

    with running(create_worker=Broken) as server, talking(server) as other, talking(server) as talk:
        for each in (other, talk):
            each.configure(audio={"input": NEVER})
        talk.send("input_audio_buffer.append", audio=b64(pcm(0.5)))
        talk.send("input_audio_buffer.commit")
        assert talk.error()["code"] == "internal_error"
        with pytest.raises(ConnectionClosed) as closed:
            talk.next()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1011
        other.configure()
        assert ask(server, "/health")[0] == 200


def test_a_dead_answering_model_fails_the_response_and_not_the_session() -> None:
    class Speechless(FakeEngine):
        def reply(self, request: Any, options: Any = None) -> Any:
            raise RoundelayError("the answering model cannot be reached")

    with running(Speechless()) as server, talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.type("hi")
        talk.send("response.create")
        done = talk.wait("response.done")["response"]
        assert done["status"] == "failed" and "cannot be reached" in done["status_details"]["error"]["message"]
        talk.configure()


def test_a_stop_lets_the_bot_finish_its_sentence() -> None:
    with running() as server, talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.type("word " * 20)
        talk.send("response.create")
        talk.wait("response.output_audio.delta")
        server.runner.handle_exit(15, None)
        assert talk.wait("response.done")["response"]["status"] == "completed"
        with pytest.raises(ConnectionClosed) as closed:
            talk.next()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        server.thread.join(10)
        assert not server.thread.is_alive()
