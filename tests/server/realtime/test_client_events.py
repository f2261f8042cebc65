"""What a client's frames do to a conversation; much of it without a socket, a clock or a model."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from realtime_case import NEVER, Room, b64, pcm, talking
from server_case import FakeEngine, Running, running
from test_http import ask, is_error

from roundelay.server import names
from roundelay.server.errors import ApiError
from roundelay.server.names import Names
from roundelay.server.realtime.frames import MAX_ITEMS_BYTES, Items
from roundelay.server.realtime.settings import Settings
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Request, Response
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev


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
    other = next(name for name in names.built_in() if name != shown)
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
        assert Names(strict=True).model(name) == "roundelay"
    for name in ("gpt-9", "gpt-realtime-", "gpt-realtimes", "gpt-4o-transcribe-diarize", "tts-12", "", 4, ["tts-1"]):
        with pytest.raises(ApiError):
            Names(strict=True).model(name)


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

    class Listening(FakeEngine):
        def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Response]:
            asked.append([message.text for message in request.history])
            return super().reply(request, options)

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
