"""The Realtime interface with the official client: every frame is held against the SDK's own unions, strictly."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from realtime_case import NEVER, UNION, b64, pcm, talking
from server_case import FakeEngine, Running, running
from test_http import ask, is_error

from roundelay.server.limits import Limits
from roundelay.server.realtime.pacing import LEAD_MS, Pacer
from roundelay.voice.realtime.core.actions import Play

RATE_HZ = 24_000  # of a reply


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
    with running(FakeEngine(heard="tell me a story " * 20)) as server, talking(server) as talk:
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
    model = FakeEngine(heard="a question")
    hear = model.transcribe
    model.transcribe = lambda *given: (time.sleep(0.3), hear(*given))[1]  # type: ignore[method-assign]
    with running(model) as server, talking(server) as talk:
        talk.send("input_audio_buffer.append", audio=b64(pcm(0.5) + pcm(15, level=0)))
        assert talk.wait("response.done")["response"]["status"] == "completed"


def test_nothing_goes_out_while_a_voice_may_have_begun_but_time_passes() -> None:
    pacer = Pacer(0)
    for _ in range(8):
        pacer.add(Play(1, np.zeros(RATE_HZ // 4, np.float32), RATE_HZ))
    assert sum(len(each.samples) for each in pacer.take(0)) == LEAD_MS * RATE_HZ // 1000  # type: ignore[attr-defined]
    assert pacer.take(500, maybe_speech=True) == [] and pacer.played == RATE_HZ // 2 and pacer.waiting
    assert sum(len(each.samples) for each in pacer.take(500)) == RATE_HZ // 2  # type: ignore[attr-defined]


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
    ({"audio": {"output": {"voice": 3}}}, "unknown_voice"),
    ({"audio": {"output": {"speed": 1.6}}}, "invalid_value"),
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
    ({"type": "dream"}, "invalid_value"), ({"model": 9}, "model_not_found"), ("text", "invalid_type"),
    (None, "invalid_type"),
])  # fmt: skip
def test_a_wrong_setting_is_an_error_and_changes_nothing(server: Running, session: Any, code: str) -> None:
    with talking(server) as talk:
        talk.send("session.update", session=session, event_id="mine")
        error = talk.error()
        assert error["code"] == code and error["event_id"] == "mine"
        assert talk.configure() == talk.frames[0]["session"]
