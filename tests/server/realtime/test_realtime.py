"""The Realtime interface with the official client: every frame is held against the SDK's own unions, strictly."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from server_case import FakeModel, Running, running
from test_http import ask, is_error
from test_middleware import until

from roundelay.errors import RoundelayError
from roundelay.server.errors import ApiError
from roundelay.server.http import aliases
from roundelay.server.http.answering import Borrowed, ChatUrl
from roundelay.server.http.chat_stream import Call, Said
from roundelay.server.limits import Limits
from roundelay.server.realtime.bridge import Bridge
from roundelay.server.realtime.client_events import ClientEventHandler
from roundelay.server.realtime.frames import MAX_ITEMS_BYTES, Items
from roundelay.server.realtime.pacing import LEAD_MS, Pacer
from roundelay.server.realtime.settings import Settings
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.actions import Play
from roundelay.voice.realtime.core.events import RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.vad import Plain

openai = pytest.importorskip("openai", reason="the official client is not installed (extra dev)")
from openai.types.realtime import RealtimeServerEvent  # noqa: E402
from pydantic import TypeAdapter  # noqa: E402
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402
from websockets.sync.client import connect as raw_connect  # noqa: E402

UNION = TypeAdapter(RealtimeServerEvent)
NEVER = {"turn_detection": None}


def pcm(seconds: float, level: float = 0.4, rate: int = 24_000) -> bytes:
    return (level * 32767 * np.sin(np.arange(int(seconds * rate)) * 0.1)).astype("<i2").tobytes()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Talk:
    """A client that keeps every frame and checks it."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.frames = socket, []  # type: Any, list[dict[str, Any]]
        self.wait("session.created")

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def next(self, timeout: float = 10.0) -> dict[str, Any]:
        try:
            line = self.socket.recv(timeout=timeout)
        except TimeoutError:
            raise AssertionError(f"silence after {self.kinds()}") from None
        frame = json.loads(line)
        UNION.validate_python(frame)
        assert "response.audio" not in frame["type"], "a name of the beta"
        self.frames.append(frame)
        return frame

    def type(self, words: str, **more: Any) -> None:
        content = [{"type": "input_text", "text": words}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content, **more})

    def wait(self, kind: str, seconds: float = 10.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.next(max(0.01, end - time.monotonic()))
            if frame["type"] == kind:
                return frame
            assert frame["type"] != "error" or kind == "error", frame
        raise AssertionError(f"no {kind}: {self.kinds()}")

    def error(self) -> dict[str, Any]:
        return self.wait("error")["error"]

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    def audio(self) -> bytes:
        deltas = [frame for frame in self.frames if frame["type"] == "response.output_audio.delta"]
        return b"".join(base64.b64decode(frame["delta"]) for frame in deltas)

    def speak(self, data: bytes, piece: int = 4800) -> None:
        for at in range(0, len(data), piece):
            self.send("input_audio_buffer.append", audio=b64(data[at : at + piece]))
            time.sleep(0.1)

    def configure(self, **session: Any) -> dict[str, Any]:
        self.send("session.update", session={"type": "realtime", **session})
        return self.wait("session.updated")["session"]


@contextmanager
def talking(server: Running, path: str = "/v1/realtime?model=gpt-realtime", **more: Any) -> Iterator[Talk]:
    with raw_connect(
        f"ws://127.0.0.1:{server.port}{path}", max_size=None, proxy=None, close_timeout=1, **more
    ) as socket:
        yield Talk(socket)


# -- a conversation


def test_the_official_client_speaks_and_is_answered(server: Running) -> None:
    with server.client().realtime.connect(model="gpt-realtime") as link:
        assert link.recv().type == "session.created"
        link.session.update(session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}})
        updated = link.recv()
        assert updated.type == "session.updated"
        seen: list[Any] = []

        def mouth() -> None:
            data = pcm(0.6) + pcm(1.2, level=0)
            for at in range(0, len(data), 4800):
                link.input_audio_buffer.append(audio=b64(data[at : at + 4800]))
                time.sleep(0.1)

        thread = threading.Thread(target=mouth)
        thread.start()
        for _ in range(400):
            seen.append(link.recv())
            UNION.validate_python(json.loads(seen[-1].to_json()))
            if seen[-1].type == "response.done":
                break
        thread.join(10)
    kinds = [event.type for event in seen]
    order = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
             "conversation.item.added", "response.created", "response.output_item.added", "response.content_part.added",
             "response.output_audio_transcript.delta", "response.output_audio.delta", "response.output_audio.done",
             "response.output_audio_transcript.done", "response.content_part.done", "response.output_item.done",
             "response.done"]  # fmt: skip
    places = [kinds.index(kind) for kind in order]
    assert places == sorted(places), kinds
    heard = next(e for e in seen if e.type == "conversation.item.input_audio_transcription.completed")
    assert heard.transcript == "what is the time"
    done = seen[-1].response
    assert done.status == "completed" and done.output[0].content[0].transcript == "you said what is the time"
    assert done.usage.total_tokens > 0
    started = seen[kinds.index("input_audio_buffer.speech_started")]
    committed = seen[kinds.index("input_audio_buffer.committed")]
    assert started.item_id == committed.item_id == heard.item_id


def test_sound_is_what_was_said_to_the_sample(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.type("hello there")
        talk.wait("conversation.item.done")
        talk.send("response.create", response={"metadata": {"a": "b"}})
        done = talk.wait("response.done")["response"]
        assert (
            done["metadata"] == {"a": "b"} and done["output"][0]["content"][0]["transcript"] == "you said hello there"
        )
        assert len(talk.audio()) == 4 * 1280 * 3 // 2 * 2


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_g711_both_ways(server: Running, kind: str) -> None:
    with talking(server) as talk:
        made = {"format": {"type": kind}}
        shown = talk.configure(audio={"input": {**made, **NEVER}, "output": made})
        assert shown["audio"]["input"]["format"] == shown["audio"]["output"]["format"] == {"type": kind}
        talk.send("input_audio_buffer.append", audio=b64(bytes(range(256)) * 8))
        talk.send("input_audio_buffer.commit")
        talk.wait("input_audio_buffer.committed")
        talk.send("response.create")
        talk.wait("response.done")
        assert len(talk.audio()) == 6 * 1280 // 2


def test_text_only(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(output_modalities=["text"], audio={"input": NEVER})
        talk.type("hi")
        talk.send("response.create")
        done = talk.wait("response.done")["response"]
        assert done["output"][0]["content"] == [{"type": "output_text", "text": "you said hi"}]
        assert "response.output_text.done" in talk.kinds() and not talk.audio()


def test_barge_in_stops_the_bot_and_sends_nothing_of_it_after() -> None:
    with running(FakeModel(heard="tell me a story " * 20)) as server, talking(server) as talk:
        talk.speak(pcm(0.5) + pcm(0.8, level=0))
        first = talk.wait("response.created")["response"]["id"]
        talk.wait("response.output_audio.delta")
        talk.speak(pcm(0.9))
        talk.wait("input_audio_buffer.speech_started")
        done = next(f for f in talk.frames if f["type"] == "response.done")["response"]
        assert (done["id"], done["status"], done["status_details"]["reason"]) == (first, "cancelled", "turn_detected")
        talk.speak(pcm(0.8, level=0))
        talk.wait("response.created")
        after = talk.frames[next(at for at, f in enumerate(talk.frames) if f["type"] == "response.done") :]
        assert not [f for f in after if f["type"] == "response.output_audio.delta" and f["response_id"] == first]


def test_a_recording_sent_at_once_leaves_whoever_answers_his_time() -> None:
    model = FakeModel(heard="a question")
    hear = model.transcribe
    model.transcribe = lambda audio: (time.sleep(0.3), hear(audio))[1]  # type: ignore[method-assign]
    with running(model) as server, talking(server) as talk:
        talk.send("input_audio_buffer.append", audio=b64(pcm(0.5) + pcm(15, level=0)))
        assert talk.wait("response.done")["response"]["status"] == "completed"


def test_nothing_goes_out_while_a_voice_may_have_begun_but_time_passes() -> None:
    pacer = Pacer(0)
    for _ in range(8):
        pacer.add(Play(1, np.zeros(RATE_HZ // 4, np.float32)))
    assert sum(len(each.sound) for each in pacer.take(0)) == LEAD_MS * RATE_HZ // 1000  # type: ignore[attr-defined]
    assert pacer.take(500, maybe_speech=True) == [] and pacer.played == RATE_HZ // 2 and pacer.waiting
    assert sum(len(each.sound) for each in pacer.take(500)) == RATE_HZ // 2  # type: ignore[attr-defined]


def test_a_function_is_called_and_its_result_is_told(server: Running) -> None:
    with talking(server) as talk:
        tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
        talk.configure(tools=[tool], audio={"input": NEVER})
        talk.type("the weather")
        talk.send("response.create")
        call = talk.wait("response.function_call_arguments.done")
        assert json.loads(call["arguments"]) == {"city": "Paris"} and call["name"] == "get_weather"
        # at once, while the reply still sounds, as a client does whose tool is quick
        talk.send("conversation.item.create", item={"type": "function_call_output", "call_id": call["call_id"],
                                                    "output": "sunny"})  # fmt: skip
        talk.send("response.create")
        first = talk.wait("response.done")["response"]
        assert [item["type"] for item in first["output"]] == ["message", "function_call"]
        second = talk.wait("response.done")["response"]
        assert "sunny" in second["output"][0]["content"][0]["transcript"] and second["id"] != first["id"]


def test_a_recording_as_an_item_is_read_before_it_is_answered(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.send("conversation.item.create", item={"type": "message", "role": "user", "content": [
            {"type": "input_audio", "audio": b64(pcm(0.5))}]})  # fmt: skip
        talk.send("response.create")
        done = talk.wait("response.done")["response"]
        assert done["output"][0]["content"][0]["transcript"] == "you said what is the time"


def test_a_recording_that_lasts_too_long_is_refused() -> None:
    with running(limits=replace(Limits(), audio_s=1.0)) as server, talking(server) as talk:
        content = [{"type": "input_audio", "audio": b64(pcm(1.5))}]
        talk.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        assert talk.error()["code"] == "audio_too_long"
        talk.type("hello")
        talk.wait("conversation.item.done")


def test_cancel_truncate_retrieve_delete(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.send("response.cancel")
        assert talk.error()["code"] == "response_cancel_not_active"
        words = " ".join(["word"] * 60)
        talk.type(words, id="mine")
        talk.send("response.create")
        item = talk.wait("response.output_audio.delta")["item_id"]
        talk.send("response.create")
        assert talk.error()["code"] == "conversation_already_has_active_response"
        talk.send("response.cancel")
        done = talk.wait("response.done")["response"]
        assert done["status"] == "cancelled" and done["status_details"]["reason"] == "client_cancelled"
        talk.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=200)
        assert talk.wait("conversation.item.truncated")["audio_end_ms"] == 200
        talk.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=10**7)
        assert talk.error()["code"] == "item_truncate_invalid_audio_end_ms"
        talk.send("conversation.item.retrieve", item_id="mine")
        assert talk.wait("conversation.item.retrieved")["item"]["content"][0]["text"] == words
        talk.send("conversation.item.delete", item_id="mine")
        talk.wait("conversation.item.deleted")
        talk.send("conversation.item.delete", item_id="mine")
        assert talk.error()["code"] == "item_delete_invalid_item_id"


def test_a_response_may_follow_at_once_on_a_done_one(server: Running) -> None:
    """response.done comes before the last second was heard; the next response need not wait for that."""
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.type("a b c d e")
        for _ in range(3):
            talk.send("response.create")
            assert talk.wait("response.done")["response"]["status"] == "completed"


def test_the_waterfall_of_a_turn(server: Running) -> None:
    with talking(server) as talk:
        name = talk.frames[0]["session"]["id"]
        talk.speak(pcm(0.5) + pcm(0.9, level=0))
        talk.wait("response.done")
        turns = json.loads(ask(server, f"/v1/x/sessions/{name}")[2])["turns"]
        assert [part["part"] for part in turns[0]["parts"]] == [
            "noticed", "drafted", "heard", "committed", "text", "sound", "sent"]  # fmt: skip
        times = {part["part"]: part["ms"] for part in turns[0]["parts"]}
        assert 0 <= times["noticed"] <= times["committed"] <= times["sent"] and times["drafted"] < times["committed"]
    is_error(ask(server, "/v1/x/sessions/none"), 404, "session_not_found", "id")


def test_settings_show_what_holds_and_what_does_not(server: Running) -> None:
    with talking(server) as talk:
        ears = {
            "noise_reduction": {"type": "near_field"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
        }
        shown = talk.configure(
            instructions="be brief", tracing="auto", audio={"input": ears, "output": {"voice": "marin"}}
        )
        assert shown["instructions"] == "be brief" and shown["audio"]["output"]["voice"] == "marin"
        assert shown["audio"]["input"]["turn_detection"]["eagerness"] == "low"
        assert shown["x_ignored"] == ["session.tracing", "session.audio.input.noise_reduction"]
        assert shown["audio"]["input"]["noise_reduction"] is None


@pytest.mark.parametrize(("session", "code"), [
    ({"audio": {"output": {"voice": "nobody"}}}, "unknown_voice"),
    ({"audio": {"output": {"speed": 1.4}}}, "unsupported_parameter"),
    ({"audio": {"output": {"speed": "fast"}}}, "invalid_value"),
    ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, "invalid_value"),
    ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}, "unsupported_parameter"),
    ({"audio": {"input": {"turn_detection": {"type": "psychic"}}}}, "invalid_value"),
    ({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 7}}}}, "invalid_value"),
    ({"audio": []}, "invalid_type"),
    ({"tools": [{"type": "mcp", "server_label": "x"}]}, "unsupported_parameter"),
    ({"tools": "all"}, "invalid_type"), ({"output_modalities": ["smell"]}, "invalid_value"),
    ({"instructions": "x" * 4_001}, "invalid_value"),
    ({"audio": {"input": {"transcription": {"model": "whisper-1", "language": "zh"}}}}, "unsupported_parameter"),
    ({"audio": {"input": {"transcription": {"model": 5}}}}, "invalid_type"),
    ({"type": "dream"}, "invalid_value"), ({"model": "gpt-9"}, "model_not_found"), ("text", "invalid_type"),
    (None, "invalid_type"),
])  # fmt: skip
def test_a_wrong_setting_is_an_error_and_changes_nothing(server: Running, session: Any, code: str) -> None:
    with talking(server) as talk:
        talk.send("session.update", session=session, event_id="mine")
        error = talk.error()
        assert error["code"] == code and error["event_id"] == "mine"
        assert talk.configure() == talk.frames[0]["session"]


# -- bad input


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
    ('{"type": "response.create", "response": {"conversation": "none"}}', "unsupported_parameter"),
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


def refused(server: Running, path: str = "/v1/realtime", **more: Any) -> tuple[int, str]:
    """(status, code) of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as error, talking(server, path, **more):
        pass
    return error.value.response.status_code, json.loads(error.value.response.body)["error"]["code"]


def test_a_refused_handshake_says_why() -> None:
    with running(limits=replace(Limits(), sessions=1), keys=("secret",)) as server:
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


def test_a_session_that_breaks_says_so_and_touches_no_other() -> None:
    class Broken(FakeModel):
        def transcribe(self, audio: Any) -> str:
            raise ZeroDivisionError("a bug")

    with running(Broken()) as server, talking(server) as other, talking(server) as talk:
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
    class Speechless(FakeModel):
        def answer(self, text: str, history: Any = ()) -> Any:
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


# -- the worker of the service, with a fake model


def voice(seconds: float) -> bytes:
    """Something with the pitch and harmonics of a voice nearby."""
    at = np.arange(int(seconds * 24_000)) / 24_000
    sound = sum(np.sin(2 * np.pi * 130 * k * at) / k for k in range(1, 12)) * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * at))
    return (sound / np.abs(sound).max() * 0.5 * 32767).astype("<i2").tobytes()


def test_the_embedded_worker_hears_answers_and_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    # a network that knows voices tires of a drone; the plain detector does not
    monkeypatch.setattr("roundelay.voice.realtime.worker.detector", Plain)

    class Hissing(FakeModel):
        """Sounds unlike the user, whose voice would otherwise be taken for its echo."""

        def say_stream(self, text: str, *args: Any, **more: Any) -> Iterator[np.ndarray]:
            drawn = np.random.default_rng(0)
            for sound in super().say_stream(text, *args, **more):
                yield drawn.uniform(-0.2, 0.2, len(sound)).astype(np.float32)

    model = Hissing(heard="tell me a long story " * 12)
    with running(model, create_worker=None) as server, talking(server) as talk:
        talk.configure(audio={"input": {"transcription": {"model": "x"}, "turn_detection": {"type": "semantic_vad"}}})
        talk.speak(pcm(0.5, level=0) + voice(1.0) + pcm(1.5, level=0))
        talk.wait("response.output_audio.delta")
        model.heard = "no wait"
        talk.speak(voice(1.2))
        done = talk.wait("response.done")["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")
        heard = [f for f in talk.frames if f["type"].endswith("transcription.completed")]
        assert heard[0]["transcript"].startswith("tell me a long story")


def test_a_borrowed_mind_gets_the_instructions_the_tools_and_their_results() -> None:
    asked: list[dict[str, Any]] = []

    class Mind(ChatUrl):
        def stream(
            self, messages: Any, tools: Any = (), cancelled: Any = None, choice: Any = "auto"
        ) -> Iterator[str | Call]:
            asked.append({"messages": list(messages), "tools": list(tools), "choice": choice})
            if tools and messages[-1]["content"] == "look outside":
                yield Call("look", '{"where": "outside"}')
                return
            yield f"answer {len(asked)}"

    borrowed = lambda body: Borrowed(body, Mind("http://127.0.0.1:1/v1"))  # noqa: E731
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"where": {}}}}
    with running(borrowed=borrowed, create_worker=None) as server, talking(server) as talk:
        talk.configure(instructions="be a sailor", tools=[tool], audio={"input": NEVER})
        talk.type("look outside")
        talk.send("response.create")
        call = talk.wait("response.function_call_arguments.done")
        talk.wait("response.done")
        talk.send("conversation.item.create",
                  item={"type": "function_call_output", "call_id": call["call_id"], "output": "rain"})  # fmt: skip
        talk.send("response.create")
        done = talk.wait("response.done")["response"]
        assert done["output"][0]["content"][0]["transcript"] == "answer 2"
        other = {"type": "function", "name": "smell"}
        for wish in ({"tools": [other], "tool_choice": {"type": "function", "name": "smell"}}, {"tool_choice": "none"}):
            talk.type("now")
            talk.send("response.create", response=wish)
            talk.wait("response.done")
    assert [each["function"]["name"] for each in asked[2]["tools"]] == ["smell"]
    assert asked[2]["choice"] == {"type": "function", "function": {"name": "smell"}}
    assert (asked[3]["tools"], asked[0]["choice"]) == ([], "auto")
    assert asked[0]["messages"] == [{"role": "system", "content": "be a sailor"},
                                    {"role": "user", "content": "look outside"}]  # fmt: skip
    assert asked[0]["tools"][0]["function"]["name"] == "look"
    assert "rain" in asked[1]["messages"][-1]["content"]


# -- a client's frames, without a line, a clock or a model


class Room:
    """A client's side with a worker that only notes what it is to do."""

    maybe_speech = False

    def __init__(self, **session: Any) -> None:
        self.frames: list[dict[str, Any]] = []
        self.asked: list[do.Action] = []
        self.bridge = Bridge(self.frames.append, self, Settings().with_update(session), "sess_1", Thresholds())
        self.client = ClientEventHandler(self.bridge, 600)
        self.now_ms = 0

    def hear(self, sound: np.ndarray) -> None: ...
    def played(self, sound: np.ndarray) -> None: ...
    def configure(self, settings: Any) -> None: ...
    def close(self) -> None: ...

    def do(self, action: do.Action) -> None:
        self.asked.append(action)

    def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """What comes back at once."""
        before = len(self.frames)
        self.client.do({"type": kind, **fields}, self.now_ms)
        for frame in self.frames:
            UNION.validate_python(frame)
        return self.frames[before:]

    def item(self, kind: str, **fields: Any) -> str:
        """The id of an item created."""
        made: str = self.send("conversation.item.create", item={"type": kind, **fields})[0]["item"]["id"]
        return made

    def code(self, kind: str, **fields: Any) -> str:
        """The code of the error that a frame is."""
        with pytest.raises(ApiError) as error:
            self.send(kind, **fields)
        return error.value.code

    def say(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)
        self.bridge.hear(np.zeros(int(seconds * RATE_HZ), np.float32), self.now_ms)

    def news(self, *events: ev.Event) -> None:
        for event in events:
            self.bridge.news(replace(event, at_ms=self.now_ms))

    def calling(self, *calls: str) -> None:
        """Let a reply sound that has called functions."""
        self.item("message", role="user", content=[{"type": "input_text", "text": "the weather"}])
        self.send("response.create")
        number = self.bridge.session.memory.replies
        self.news(ev.ReplyText(0, number, "Let me see."), ev.ReplyAudio(0, number, np.zeros(2 * RATE_HZ, np.float32)))
        self.news(*(ev.ToolCalled(0, number, call, "look", "{}") for call in calls))

    def heard_out(self) -> None:
        """Let time pass until the reply was made and heard."""
        self.news(ev.ReplyDone(0, self.bridge.session.memory.replies))
        for _ in range(40):
            self.now_ms += 100
            self.client.tick(self.now_ms)
            self.bridge.tick(self.now_ms)

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(message.role, message.text) for message in self.bridge.session.history]


def test_a_commit_begins_where_the_detector_committed_or_the_client_cleared() -> None:
    room = Room()
    room.say(1.0)
    room.news(ev.SpeechStarted(0, 16_000))
    room.say(1.5)
    room.news(ev.SpeechStopped(0, 32_000))
    room.say(1.5)
    room.bridge.tick(room.now_ms)
    assert any(frame["type"] == "input_audio_buffer.committed" for frame in room.frames)
    room.say(6.0)
    room.send("input_audio_buffer.commit")
    room.say(1.0)
    room.send("input_audio_buffer.clear")
    assert room.code("input_audio_buffer.commit") == "input_audio_buffer_commit_empty"
    room.say(1.0)
    room.send("input_audio_buffer.commit")
    given = [action for action in room.asked if isinstance(action, do.Transcribe) and action.exact]
    assert [(action.start, action.end) for action in given] == [(32_000, 160_000), (176_000, 192_000)]


def test_a_result_during_a_reply_follows_it_and_is_told_as_was_asked() -> None:
    room = Room(audio={"input": NEVER})
    room.calling("call_1")
    room.item("function_call_output", call_id="call_1", output="sunny")
    room.send("response.create", response={"instructions": "be brief", "output_modalities": ["text"]})
    room.heard_out()
    draft = room.asked[-1]
    assert isinstance(draft, do.Draft) and draft.cause == "tool" and draft.options is not None
    assert [message.text for message in draft.history] == ["the weather", "Let me see.", "look({}) = sunny"]
    assert draft.options["instructions"] == "be brief"
    created = [frame for frame in room.frames if frame["type"] == "response.created"][-1]
    assert created["response"]["output_modalities"] == ["text"]


def test_a_call_has_one_output_and_deleting_that_takes_it_out_of_the_history() -> None:
    room = Room(audio={"input": NEVER})
    room.calling("call_0", "call_0")
    calls = [frame["item"]["call_id"] for frame in room.frames
             if frame["type"] == "response.output_item.done" and frame["item"]["type"] == "function_call"]  # fmt: skip
    assert len(set(calls)) == 2, "a chat model may name every call alike"
    room.item("function_call_output", call_id=calls[0], output="sunny")
    again = {"type": "function_call_output", "call_id": calls[0], "output": "rainy"}
    assert room.code("conversation.item.create", item=again) == "duplicate_call_output"
    room.heard_out()
    assert room.code("conversation.item.create", item=again) == "duplicate_call_output"
    name = room.item("function_call_output", call_id=calls[1], output="windy")
    assert room.history[-2:] == [("tool", "look({}) = sunny"), ("tool", "look({}) = windy")]
    room.send("conversation.item.delete", item_id=name)
    assert room.history[-1] == ("tool", "look({}) = sunny")


def test_an_output_that_comes_late_is_the_models_too() -> None:
    room = Room(audio={"input": NEVER})
    room.calling("call_1")
    room.heard_out()
    room.now_ms += 31_000
    room.bridge.tick(room.now_ms)
    room.heard_out()
    assert room.history[-1] == ("tool", "look({}) = no answer in time")
    room.item("function_call_output", call_id="call_1", output="sunny")
    assert room.history[-1] == ("tool", "look({}) = sunny")


def test_a_conversation_with_calls_can_be_restored() -> None:
    room = Room(audio={"input": NEVER})
    assert room.send("conversation.item.create", previous_item_id="root", item={
        "type": "message", "role": "user", "content": [{"type": "input_text", "text": "the weather"}]})  # fmt: skip
    made = {"type": "function_call", "call_id": "old", "name": "look", "arguments": '{"at": "sky"}'}
    assert room.code("conversation.item.create", item=made, previous_item_id="root") == "unsupported_parameter"
    room.item(**{"kind" if key == "type" else key: value for key, value in made.items()})
    assert room.code("conversation.item.create", item=made) == "duplicate_call_id"
    assert room.history[-1] == ("tool", 'look({"at": "sky"})')
    room.item("function_call_output", call_id="old", output="sunny")
    assert room.history == [("user", "the weather"), ("tool", 'look({"at": "sky"}) = sunny')]
    again = {"type": "function_call_output", "call_id": "old", "output": "rainy"}
    assert room.code("conversation.item.create", item=again) == "duplicate_call_output"


def test_words_and_sound_of_a_message_stand_in_their_order() -> None:
    room = Room(audio={"input": NEVER})
    sound = {"type": "input_audio", "audio": b64(pcm(0.2))}
    text = [{"type": "input_text", "text": word} for word in ("before", "between", "after")]
    room.item("message", role="user", content=[text[0], sound, sound, text[1], sound, text[2]])
    assert room.history == [("user", "before\nbetween\nafter")]
    (first, one), (second, other) = room.client.recordings
    assert one.duration_s > other.duration_s, "what follows at once is one recording"
    room.client.set_transcript(first, "one", 0)
    room.client.set_transcript(second, "two", 0)
    assert room.history == [("user", "before\none\nbetween\ntwo\nafter")]


def test_items_take_no_more_than_their_share_of_memory() -> None:
    items = Items()
    for at in range(40):
        content = [{"type": "input_text", "text": "é" * 30_000} for _ in range(8)]
        items.add({"id": f"item_{at}", "content": content}, f"item_{at}")
    kept = [f"item_{at}" in items for at in range(40)]
    assert kept == sorted(kept) and sum(kept) == MAX_ITEMS_BYTES // (8 * 60_000)


def test_what_waits_for_a_replys_end_takes_no_more_than_that() -> None:
    room = Room(audio={"input": NEVER})
    room.item("message", role="user", content=[{"type": "input_text", "text": "hi"}])
    room.send("response.create")
    for at in range(12):
        parts = [{"type": "input_text", "text": f"{at} " + "a" * 60_000} for _ in range(8)]
        room.item("message", role="user", content=parts)
    waiting = room.client._messages
    assert sum(len(each.text) for each in waiting) <= MAX_ITEMS_BYTES and waiting[-1].text.startswith("11 ")
    assert len(waiting) == MAX_ITEMS_BYTES // (8 * 60_003)


def test_a_response_says_what_of_a_wish_has_no_effect_and_sounds_in_the_format_asked_for() -> None:
    room = Room(audio={"input": NEVER, "output": {"voice": {"id": "marin"}}})
    room.item("message", role="user", content=[{"type": "input_text", "text": "hi"}])
    wish = {"max_output_tokens": 5, "dream": 1, "audio": {"smell": 1, "output": {"format": {"type": "audio/pcmu"}}}}
    response = room.send("response.create", response=wish)[0]["response"]
    assert response["x_ignored"] == ["response.max_output_tokens", "response.dream", "response.audio.smell"]
    assert response["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "marin"}


def test_a_session_names_what_is_unknown_of_its_sound() -> None:
    ears = {"smell": 1, "transcription": {"model": "whisper-1", "language": "en-GB", "prompt": "x"}}
    shown = Settings().with_update({"audio": {"input": ears, "output": {"taste": 1}, "touch": 1}}).as_dict("", 0)
    assert shown["x_ignored"] == ["session.audio.input.transcription.prompt", "session.audio.input.smell",
                                  "session.audio.output.taste", "session.audio.touch"]  # fmt: skip
    assert shown["audio"]["input"]["transcription"] == {"model": "whisper-1", "language": "en-GB"}


def test_the_voice_that_a_session_shows_may_be_sent_back_after_the_bot_spoke() -> None:
    settings = Settings()
    shown = settings.as_dict("", 0)["audio"]["output"]["voice"]
    assert settings.with_update({"audio": {"output": {"voice": shown}}}, spoken=True).voice == shown
    other = next(name for name in aliases.built_in() if name != shown)
    with pytest.raises(ApiError) as error:
        settings.with_update({"audio": {"output": {"voice": other}}}, spoken=True)
    assert error.value.code == "cannot_update_voice"


def test_a_transcription_session_keeps_its_secrets_settings_and_makes_no_responses(server: Running) -> None:
    body = {"session": {"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}, **NEVER}}}}
    secret = json.loads(ask(server, "/v1/realtime/client_secrets", body)[2])["value"]
    header = {"Authorization": f"Bearer {secret}"}
    with talking(server, "/v1/realtime?intent=transcription", additional_headers=header) as talk:
        session = talk.frames[0]["session"]
        assert session["type"] == "transcription" and session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["input"]["transcription"] == {"model": "whisper-1"}
        talk.send("response.create")
        assert talk.error()["code"] == "unsupported_parameter"
        talk.send("input_audio_buffer.append", audio=b64(pcm(0.3)))
        talk.send("input_audio_buffer.commit")
        talk.wait("conversation.item.input_audio_transcription.completed")


def test_a_secret_for_settings_that_no_session_takes_is_refused(server: Running) -> None:
    body = {"session": {"type": "realtime", "instructions": "x" * 5_000}}
    is_error(ask(server, "/v1/realtime/client_secrets", body), 400, "invalid_value", "session.instructions")


# -- what clients of other houses rely on (make test-clients)


def test_any_version_of_a_usual_model_means_the_one_that_is_here() -> None:
    for name in (None, "roundelay", "gpt-realtime-2.1", "gpt-realtime-2025-08-28", "gpt-transcribe", "tts-1-hd",
                 "gpt-4o-mini-tts-2025-12-15", "gpt-audio-mini", "gpt-realtime-whisper"):  # fmt: skip
        assert aliases.model(name) == "roundelay"
    for name in ("gpt-9", "gpt-realtime-", "gpt-realtimes", "gpt-4o-transcribe-diarize", "tts-12", "", 4, ["tts-1"]):
        with pytest.raises(ApiError):
            aliases.model(name)


def test_errors_that_livekit_reads(server: Running) -> None:
    """It takes a cancel that comes too late by its message, and a doubled item by its code."""
    with talking(server) as talk:
        talk.send("response.cancel")
        assert talk.error()["message"].startswith("Cancellation failed")
        for _ in range(2):
            talk.type("hi", id="twice")
        assert talk.error()["code"] == "item_create_duplicate_item_id"


def test_what_is_typed_during_a_reply_is_answered_after_it() -> None:
    """response.done comes before the reply was heard: what a client types then stands after it in the history."""
    asked: list[list[str]] = []

    class Listening(FakeModel):
        def answer(self, text: str, history: Any = ()) -> Said:
            asked.append([message.text for message in history])
            return super().answer(text, history)

    with running(Listening()) as server, talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        for words in ("one two three", "four", "five"):
            talk.type(words)
            talk.send("response.create")
            done = talk.wait("response.done")["response"]
            assert done["output"][0]["content"][0]["transcript"] == f"you said {words}"
        talk.type("never mind", id="gone")
        talk.send("conversation.item.delete", item_id="gone")
        talk.wait("conversation.item.deleted")
        talk.type("six")
        talk.send("response.create")
        talk.wait("response.done")
    assert asked[-1] == ["one two three", "you said one two three", "four", "you said four", "five", "you said five",
                         "six"]  # fmt: skip


def test_a_tools_result_may_name_its_place(server: Running) -> None:
    """LiveKit puts it after the call, wherever the conversation has got to by then; else the result would be lost."""
    with talking(server) as talk:
        tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
        talk.configure(tools=[tool], audio={"input": NEVER})
        talk.type("the weather")
        talk.send("response.create")
        call = talk.wait("response.function_call_arguments.done")
        talk.wait("response.done")
        talk.type("meanwhile", id="meanwhile")
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        talk.send("conversation.item.create", item=result, previous_item_id=call["item_id"])
        while (done := talk.wait("conversation.item.done"))["item"]["type"] != "function_call_output":
            pass
        assert done["previous_item_id"] == call["item_id"]
        talk.type("after all", id="after")
        while (done := talk.wait("conversation.item.done"))["item"]["id"] != "after":
            pass
        assert done["previous_item_id"] == "meanwhile", "it stands before what came meanwhile"
        talk.send("conversation.item.create", item={"type": "message", "role": "user", "content": []},
                  previous_item_id="meanwhile")  # fmt: skip
        assert talk.error()["code"] == "unsupported_parameter"
