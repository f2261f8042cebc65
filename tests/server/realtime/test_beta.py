"""Clients of the beta of the Realtime interface: flat settings, old names of events, keys; other programs' settings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from realtime_case import NEVER, Room, Talk, b64, pcm, talking
from server_case import FakeEngine, Running, running
from test_http import ask, is_error
from websockets.sync.client import connect

from roundelay.server.errors import ApiError
from roundelay.server.names import Names
from roundelay.server.realtime import beta
from roundelay.server.realtime.settings import Settings, sound_format

FLAT = {"modalities": ["text", "audio"], "input_audio_format": "g711_ulaw", "output_audio_format": "g711_ulaw",
        "turn_detection": {"type": "server_vad"}, "voice": "Alloy", "temperature": 0.8}  # fmt: skip


class OldTalk(Talk):
    """A client of the beta: its frames are no events of today."""

    def next(self, timeout: float = 10.0) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.socket.recv(timeout=timeout))
        assert "output_audio" not in frame["type"] and frame["type"] != "conversation.item.done"
        self.frames.append(frame)
        return frame


@contextmanager
def old(server: Running, first: str = "session.created", path: str = "?model=gpt-4o-realtime-preview",
        **more: Any) -> Iterator[OldTalk]:  # fmt: skip
    more = more or {"additional_headers": {"OpenAI-Beta": "realtime=v1"}}
    with connect(f"ws://127.0.0.1:{server.port}/v1/realtime{path}", proxy=None, close_timeout=1, **more) as socket:
        talk = OldTalk.__new__(OldTalk)
        talk.socket, talk.frames = socket, []
        talk.wait(first)
        yield talk


def test_a_telephone_of_the_beta_is_heard_and_answered(server: Running) -> None:
    with old(server) as talk:
        talk.send("session.update", session=FLAT)
        shown = talk.wait("session.updated")["session"]
        assert {key: shown[key] for key in FLAT} | {"turn_detection": None} == {**FLAT, "turn_detection": None}
        assert shown["turn_detection"]["type"] == "server_vad" and shown["x_ignored"] == ["session.temperature"]
        for _ in range(5):
            talk.send(
                "input_audio_buffer.append", audio=b64((b"\x10" * 10 + b"\x90" * 10) * 40)
            )  # 100 ms of a loud tone
            time.sleep(0.1)
        for _ in range(12):
            talk.send("input_audio_buffer.append", audio=b64(b"\xff" * 800))
            time.sleep(0.1)
        done = talk.wait("response.done")["response"]
    assert done["modalities"] == ["text", "audio"] and done["output_audio_format"] == "g711_ulaw"
    assert done["output"][0]["content"] == [{"type": "audio", "transcript": "you said what is the time"}]
    assert {"conversation.item.created", "response.audio.delta", "response.audio.done", "response.output_item.added",
            "response.audio_transcript.delta", "response.content_part.added"} <= set(talk.kinds())  # fmt: skip


def test_text_of_the_beta(server: Running) -> None:
    with old(server, subprotocols=[beta.PROTOCOL]) as talk:
        assert talk.socket.subprotocol == beta.PROTOCOL
        talk.send("session.update", session={"turn_detection": None})
        assert talk.wait("session.updated")["session"]["turn_detection"] is None
        talk.type("hi")
        talk.send("response.create", response={"modalities": ["text"]})
        assert talk.wait("response.text.done")["text"] == "you said hi"
        assert talk.wait("response.done")["response"]["output"][0]["content"][0]["type"] == "text"


def test_flat_settings_of_a_client_of_today_serve_too(server: Running) -> None:
    with talking(server) as talk:
        shown = talk.configure(**FLAT)
        assert shown["audio"]["input"]["format"] == shown["audio"]["output"]["format"] == {"type": "audio/pcmu"}
        assert shown["audio"]["output"]["voice"] == "Alloy" and shown["output_modalities"] == ["audio"]
        shown = talk.configure(voice="nova", audio={"output": {"voice": "ash"}}, modalities=["text"])
        assert shown["audio"]["output"]["voice"] == "ash" and shown["output_modalities"] == ["text"]


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("says_so", [True, False])
def test_a_transcription_session_of_the_beta(server: Running, wrapped: bool, says_so: bool) -> None:
    wish: dict[str, Any] = {"input_audio_format": "pcm16", "turn_detection": None,
                            "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": ""}}  # fmt: skip
    first = "transcription_session.created" if says_so else "session.created"
    more: dict[str, Any] = {} if says_so else {"subprotocols": ["realtime"]}
    with old(server, first, "?intent=transcription", **more) as talk:
        talk.send(beta.UPDATE, **({"session": wish} if wrapped else wish))
        shown = talk.wait("transcription_session.updated")["session"]
        assert shown["input_audio_format"] == "pcm16" and shown["turn_detection"] is None
        talk.send("input_audio_buffer.append", audio=b64(pcm(0.3)))
        talk.send("input_audio_buffer.commit")
        heard = talk.wait("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "what is the time"


def test_a_transcription_session_tells_what_it_hears_without_being_told_to(server: Running) -> None:
    with talking(server, "/v1/realtime?intent=transcription") as talk:
        talk.send("session.update", session={"type": "transcription", "audio": {"input": NEVER}})
        talk.wait("session.updated")
        talk.send("input_audio_buffer.append", audio=b64(pcm(0.3)))
        talk.send("input_audio_buffer.commit")
        talk.wait("conversation.item.input_audio_transcription.completed")


def test_a_key_of_the_beta_opens_a_session_of_the_beta() -> None:
    with running(keys=("first",)) as server:
        bearer, path = {"authorization": "Bearer first"}, "/v1/realtime/sessions"
        is_error(ask(server, path, {}), 401, "invalid_api_key")
        status, headers, body = ask(server, path, {**FLAT, "model": "gpt-4o-realtime-preview", "dream": 1}, bearer)
        made = json.loads(body)
        assert status == 200 and made["object"] == "realtime.session" and made["voice"] == "Alloy"
        assert headers["x-roundelay-ignored"] == "session.temperature, session.dream"
        key = made["client_secret"]["value"]
        assert 0 < made["client_secret"]["expires_at"] - time.time() <= 600
        with old(server, subprotocols=["realtime", f"openai-insecure-api-key.{key}"]) as talk:
            assert talk.frames[0]["session"]["input_audio_format"] == "g711_ulaw"
        assert ask(server, path, b"", bearer, method="POST")[0] == 200
        status, _, body = ask(server, "/v1/realtime/transcription_sessions", {"voice": ""}, bearer)
        assert status == 200 and json.loads(body)["object"] == "realtime.transcription_session"
        for bad in (b"{", b"[]", {"input_audio_format": "mp3"}, {"modalities": 4}, {"turn_detection": "on"}):
            assert ask(server, path, bad, bearer)[0] == 400
        is_error(ask(server, path, {}, {"authorization": f"Bearer {key}"}), 401, "invalid_api_key")


# -- settings


def test_turn_detection_keeps_what_is_not_given() -> None:
    def wish(**detection: Any) -> dict[str, Any]:
        return {"audio": {"input": {"turn_detection": detection}}}

    first = Settings().with_update(wish(type="server_vad", threshold=0.7, create_response=False))
    second = first.with_update(wish(silence_duration_ms=900))
    assert second.detection == {**(first.detection or {}), "silence_duration_ms": 900}
    assert second.with_update(wish()).detection == second.detection
    assert second.with_update({"turn_detection": {"type": "server_vad", "threshold": 0.2}}).detection == {
        **(second.detection or {}), "threshold": 0.2}  # fmt: skip
    semantic = second.with_update(wish(type="semantic_vad"))
    assert semantic.detection is not None and semantic.detection["create_response"] is True
    assert semantic.with_update(wish(eagerness="low")).detection == {**semantic.detection, "eagerness": "low"}
    off = second.with_update({"turn_detection": None})
    assert off.detection is None and second.with_update(wish(type="none")).detection is None
    assert second.with_update({"turn_detection": False}).detection is None
    again = off.with_update(wish(threshold=0.3)).detection
    assert again is not None and again["type"] == "server_vad" and again["threshold"] == 0.3


@pytest.mark.parametrize(("given", "kind"), [
    ("pcm16", "audio/pcm"), ("G711_ULAW", "audio/pcmu"), ("audio/pcma", "audio/pcma"), ({"type": "pcmu"}, "audio/pcmu"),
    ({"type": "audio/PCM", "rate": 24_000}, "audio/pcm"),
])  # fmt: skip
def test_a_sound_format_in_any_spelling(given: Any, kind: str) -> None:
    assert sound_format(given, "format") == kind


def test_a_message_as_chat_completions_have_it() -> None:
    room = Room(audio={"input": NEVER})
    room.item("message", role="developer", content="be brief")
    room.item("message", role="user", content="hello")
    assert room.history == [("system", "be brief"), ("user", "hello")]


def test_tools_as_chat_completions_have_them() -> None:
    tool = {"name": "look", "description": "looks", "parameters": {}}
    for given in ({"type": "function", **tool}, {"type": "function", "function": tool}):
        assert Settings().with_update({"tools": [given]}).tools == ({"type": "function", **tool},)


def test_names_of_others_serve_and_are_said_and_strict_refuses(server: Running) -> None:
    with talking(server, "/v1/realtime?model=gemini-live") as talk:
        assert talk.frames[0]["session"]["x_ignored"] == ["session.model"]
        heard = {"model": "whisper-large-v3", "language": "English"}
        shown = talk.configure(voice="Puck", model="gemini-live", input_audio_transcription=heard)
        assert shown["x_ignored"] == ["session.model", "session.audio.output.voice"]
    strict = Settings(names=Names(strict=True))
    for wish, code in (({"voice": "Puck"}, "unknown_voice"), ({"model": "gemini-live"}, "model_not_found")):
        with pytest.raises(ApiError) as error:
            strict.with_update(wish)
        assert error.value.code == code


# -- outside the conversation


def test_a_response_outside_the_conversation_leaves_no_trace(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.type("hello", id="mine")
        talk.wait("conversation.item.done")
        before = len(talk.frames)
        wish = {"conversation": "none", "metadata": {"topic": "mood"}, "output_modalities": ["text"]}
        talk.send("response.create", response=wish)
        done = talk.wait("response.done")["response"]
        assert done["conversation_id"] is None and done["metadata"] == {"topic": "mood"}
        assert done["output"][0]["content"][0]["text"] == "you said hello"
        assert not any(frame["type"].startswith("conversation.") for frame in talk.frames[before:])
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
        for given, said in (([item], "you said hi"), ([{"type": "item_reference", "id": "mine"}], "you said hello")):
            talk.send("response.create", response={**wish, "input": given, "output_modalities": ["audio"]})
            done = talk.wait("response.done")["response"]
            assert done["output"][0]["content"][0]["transcript"] == said
        assert len(talk.audio()) > 0
        talk.send("response.create", response={**wish, "input": [], "instructions": "Say a word."})
        assert talk.wait("response.done")["response"]["output"][0]["content"][0]["text"] == "you said Say a word."
        talk.send("response.create")  # the conversation knows nothing of it
        assert talk.wait("response.done")["response"]["output"][0]["content"][0]["transcript"] == "you said hello"


def test_it_may_run_beside_a_reply_fail_and_be_cancelled() -> None:
    class Slow(FakeEngine):
        def reply(self, request: Any, options: Any = None) -> Any:
            if "fail" in request.text:
                raise ZeroDivisionError("a bug")
            if "wait" in request.text:
                while not options.cancelled():
                    time.sleep(0.02)
            yield from super().reply(request)

    def asked(words: str) -> dict[str, Any]:
        item = {"role": "user", "content": [{"type": "input_text", "text": words}]}
        return {"conversation": "none", "output_modalities": ["text"], "input": [item]}

    with running(Slow()) as server, talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        talk.send("response.create", response=asked("fail"))
        assert talk.wait("response.done")["response"]["status"] == "failed"
        talk.send("response.create", response=asked("wait"))
        name = talk.wait("response.created")["response"]["id"]
        talk.type("hello")
        talk.send("response.create")
        assert talk.wait("response.done")["response"]["status"] == "completed"
        talk.send("response.cancel", response_id=name)
        done = talk.wait("response.done")["response"]
        assert (done["id"], done["status"]) == (name, "cancelled")
        for _ in range(4):
            talk.send("response.create", response=asked("wait"))
            talk.wait("response.created")
        talk.send("response.create", response=asked("wait"))
        assert talk.error()["code"] == "too_many"


def test_in_a_call_it_is_text() -> None:
    room = Room()
    room.bridge.output_buffer = object()  # type: ignore[assignment]
    assert room.code("response.create", response={"conversation": "none"}) == "unsupported_parameter"
    room.send("response.create", response={"conversation": "none", "output_modalities": ["text"]})
    assert len(room.client.asides) == 1


def test_a_frame_of_today_is_not_changed_by_its_translation() -> None:
    session = Settings().as_dict("sess_1", 0)
    shown = json.dumps(session)
    made = beta.server_event({"type": "session.created", "session": session})
    assert made is not None and made["session"]["modalities"] == ["text", "audio"] and json.dumps(session) == shown
    again = Settings().with_update(made["session"])  # a session may be sent back as it is shown
    assert replace(again, ignored=()) == replace(Settings(), voice=made["session"]["voice"])
