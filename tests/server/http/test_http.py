"""The endpoints by URL alone, with the official client, and with requests that should not have been sent."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.error
import urllib.request
from typing import Any

import numpy as np
import pytest
import soundfile
from server_case import FakeEngine, Running, running

from roundelay.errors import RoundelayError
from roundelay.server.http.speech import DEFAULT_INSTRUCTIONS
from roundelay.server.names import OPENAI_VOICES, Names
from roundelay.voice.engines import registry

openai = pytest.importorskip("openai", reason="the official client is not installed (extra dev)")


def wav(seconds: float = 0.5, rate: int = 16_000, level: float = 0.5) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, level * np.sin(np.arange(int(seconds * rate)) * 0.1), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def ask(
    server: Running, path: str, body: Any = None, headers: Any = None, method: Any = None, timeout: float = 20
) -> Any:
    """(status, headers, body) of a plain request."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    given = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(server.url + path, data, given, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def is_error(answer: Any, status: int, code: str, param: str | None = None) -> None:
    got, _, body = answer
    assert got == status, body
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    assert (error["code"], error["param"]) == (code, param)


# -- speech


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
def test_speech_comes_in_every_format_and_lasts_as_long_as_what_was_said(server: Running, name: Any) -> None:
    data = server.client().audio.speech.create(input="one two three four five", model="tts-1", voice="alloy",
                                               response_format=name).content  # fmt: skip
    if name == "wav":  # a streamed WAV says "length unknown"; its samples follow the 44 bytes
        samples, rate = np.frombuffer(data[44:], "<i2") / 32768, 24_000
        assert data[:4] == b"RIFF" and data[24:28] == (24_000).to_bytes(4, "little")
    else:
        samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == 24_000
    assert abs(len(samples) / rate - 5 * 0.08) < 0.08  # MP3 and Opus pad to whole frames
    assert np.abs(samples).max() > 0.2


def test_instructions_that_ask_for_nothing_are_no_style(server: Running) -> None:
    """OpenAI's agents SDK sends them by itself."""
    answer = ask(
        server,
        "/v1/audio/speech",
        {"input": "hello there", "instructions": DEFAULT_INSTRUCTIONS, "response_format": "pcm"},
    )
    assert answer[0] == 200 and len(answer[2]) == 2 * 1280 * 3 // 2 * 2


def test_speech_as_pcm_is_24_khz_and_streams(server: Running) -> None:
    with server.client().audio.speech.with_streaming_response.create(
        input="one two three", model="roundelay", voice={"id": "flite-slt"}, response_format="pcm"
    ) as response:
        pieces = list(response.iter_bytes())
    assert sum(map(len, pieces)) == 3 * 1280 * 3 // 2 * 2
    assert response.headers["content-type"].startswith("audio/pcm")


def test_speech_begins_before_it_is_finished() -> None:
    with running(FakeEngine(pause_s=0.3)) as server:
        with server.client().audio.speech.with_streaming_response.create(
            input="word " * 20, model="roundelay", voice="alloy", response_format="pcm"
        ) as response:
            pieces = response.iter_bytes(64)
            assert next(pieces) and server.model.said and server.service.engines.busy == 1
        for _ in range(200):  # the worker hears that nobody listens any more, at most one piece later
            if server.model.cancelled:
                break
            time.sleep(0.05)
        assert server.model.cancelled == 1 and server.service.engines.busy == 0


def test_speech_as_events_is_what_the_bytes_are(server: Running) -> None:
    body = {"input": "one two", "model": "roundelay", "voice": "alloy", "response_format": "pcm"}
    _, _, plain = ask(server, "/v1/audio/speech", body)
    status, headers, events = ask(server, "/v1/audio/speech", {**body, "stream_format": "sse"})
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    parsed = [json.loads(line[6:]) for line in events.decode().split("\n\n") if line]
    assert b"".join(base64.b64decode(each["audio"]) for each in parsed[:-1]) == plain
    assert parsed[-1]["type"] == "speech.audio.done"


def test_every_openai_voice_is_an_alias_and_an_unknown_one_lists_them(server: Running) -> None:
    listed = json.loads(ask(server, "/v1/audio/voices")[2])["data"]
    known = {each["id"]: each.get("alias_of") for each in listed}
    assert {each["id"] for each in json.loads(ask(server, "/v1/audio/voices")[2])["voices"]} == set(known)
    assert set(OPENAI_VOICES) <= set(known) and all(known[name] in known for name in OPENAI_VOICES)
    with running(names=Names(strict=True)) as strict:
        for voice in ("nobody", "/etc/passwd", "../voices.json", {"id": 3}):
            answer = ask(strict, "/v1/audio/speech", {"input": "hi", "voice": voice})
            is_error(answer, 400, "unknown_voice", "voice")
            assert "flite-slt" in answer[2].decode() and "alloy" in answer[2].decode()


@pytest.mark.parametrize(("change", "code", "param"), [
    ({"input": ""}, "invalid_value", "input"),
    ({"input": " \n\t"}, "invalid_value", "input"),
    ({"input": None}, "missing_required_parameter", "input"),
    ({"input": 7}, "invalid_type", "input"),
    ({"input": "x" * 4097}, "string_above_max_length", "input"),
    ({"input": "\ufffd"}, "invalid_value", "input"),
    ({"speed": 9}, "invalid_value", "speed"),
    ({"speed": True}, "invalid_type", "speed"),
    ({"speed": 0.2}, "invalid_value", "speed"),
    ({"response_format": "midi"}, "invalid_value", "response_format"),
    ({"voice": 3}, "invalid_type", "voice"),
])  # fmt: skip
def test_wrong_speech_is_a_typed_400(server: Running, change: dict[str, Any], code: str, param: str | None) -> None:
    is_error(ask(server, "/v1/audio/speech", {"input": "hello", "voice": "alloy", **change}), 400, code, param)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000, b'"text"', b"NaN"])
def test_garbage_is_a_typed_400(server: Running, body: bytes) -> None:
    for path in ("/v1/audio/speech", "/v1/chat/completions"):
        is_error(ask(server, path, body, method="POST"), 400, "invalid_json")
    is_error(ask(server, "/v1/audio/transcriptions", body, method="POST"), 400, "invalid_content_type", "file")


def test_what_has_no_effect_is_said(server: Running) -> None:
    _, headers, _ = ask(server, "/v1/audio/speech", {"input": "hi", "response_format": "pcm", "emotion": "joy"})
    assert headers["x-roundelay-ignored"] == "emotion"


# -- transcriptions


def test_transcription_in_every_shape(server: Running) -> None:
    client, text = server.client(), "what is the time"
    ears = client.audio.transcriptions
    assert ears.create(file=("a.wav", wav()), model="whisper-1").text == text
    assert ears.create(file=("a.wav", wav()), model="whisper-1", response_format="text").strip() == text
    verbose = ears.create(file=("a.wav", wav()), model="whisper-1", response_format="verbose_json")
    assert verbose.duration == 0.5 and verbose.segments[0].text == text
    assert ears.create(file=("a.wav", wav()), model="whisper-1", response_format="srt") == (
        f"1\n00:00:00,000 --> 00:00:00,500\n{text}\n\n"
    )
    assert ears.create(file=("a.wav", wav()), model="whisper-1", response_format="vtt") == (
        f"WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n{text}\n"
    )
    events = list(ears.create(file=("a.wav", wav()), model="whisper-1", stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[-1].text == text


@pytest.mark.parametrize(("file", "code"), [
    (b"", "invalid_audio"), (b"not sound", "invalid_audio"), (wav()[:300], "invalid_audio"),
    (wav()[:44], "invalid_audio"),
])  # fmt: skip
def test_a_file_that_is_no_sound_is_a_typed_400(server: Running, file: bytes, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        server.client().audio.transcriptions.create(file=("../../x.wav", file), model="whisper-1")
    assert error.value.code == code and "/tmp" not in error.value.message


def test_silence_and_one_millisecond_are_sound(server: Running) -> None:
    ears = server.client().audio.transcriptions
    assert ears.create(file=("a.wav", wav(level=0)), model="whisper-1").text == ""
    assert ears.create(file=("a.wav", wav(0.001)), model="whisper-1").text


def test_a_small_file_that_unpacks_to_hours_is_refused_before_it_is_unpacked(server: Running) -> None:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(8_000 * 3600, np.int16), 8_000, format="FLAC")
    assert len(out.getvalue()) < 1 << 20
    with pytest.raises(openai.APIStatusError) as error:
        server.client().audio.transcriptions.create(file=("a.flac", out.getvalue()), model="whisper-1")
    assert (error.value.status_code, error.value.code) == (413, "audio_too_long")


def test_unsupported_wishes_of_a_transcription_are_refused(server: Running) -> None:
    ears = server.client().audio.transcriptions
    with pytest.raises(openai.BadRequestError) as error:
        ears.create(file=("a.wav", wav()), model="whisper-1", language="zh")
    assert error.value.param == "language"
    with pytest.raises(openai.BadRequestError) as error:
        ears.create(file=("a.wav", wav()), model="whisper-1", response_format="verbose_json",
                    timestamp_granularities=["word"])  # fmt: skip
    assert error.value.code == "unsupported_parameter"
    for both in (["word", "segment"], ["segment", "word"]):
        with pytest.raises(openai.BadRequestError) as error:
            ears.create(file=("a.wav", wav()), model="whisper-1", response_format="verbose_json",
                        timestamp_granularities=both)  # type: ignore[arg-type]  # fmt: skip
        assert error.value.code == "unsupported_parameter"


# -- chat


def test_chat_answers_in_text_and_in_sound(server: Running) -> None:
    chat = server.client().chat.completions
    messages: Any = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]
    made = chat.create(model="roundelay", messages=messages)
    assert made.choices[0].message.content == "you said hello" and made.choices[0].finish_reason == "stop"
    part = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav()).decode(), "format": "wav"}}
    heard: Any = [{"role": "user", "content": [part]}]
    made = chat.create(model="roundelay", messages=heard, modalities=["text", "audio"],
                       audio={"voice": "alloy", "format": "wav"})  # fmt: skip
    audio = made.choices[0].message.audio
    assert audio is not None and audio.transcript == "you said what is the time"
    assert base64.b64decode(audio.data)[:4] == b"RIFF"


def test_chat_streams_and_calls_functions(server: Running) -> None:
    chat = server.client().chat.completions
    messages: Any = [{"role": "user", "content": "the weather"}]
    made = chat.create(model="roundelay", messages=messages)
    call = made.choices[0].message.tool_calls[0].function
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})
    assert made.choices[0].finish_reason == "tool_calls"
    chunks = list(chat.create(model="roundelay", messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "let me see"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(("messages", "param"), [
    ([], "messages"), ([3], "messages[0]"), ([{"role": "king", "content": "x"}], "messages[0]"),
    ([{"role": "assistant", "content": "x"}], "messages"),
    ([{"role": "user", "content": 5}], "messages[0].content"),
    ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content[0]"),
    ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "é$"}}]}],
     "messages[0].content[0].input_audio.data"),
    ([{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA"}}]}],
     "messages[0].content[0]"),
    ([{"role": "user", "content": " "}], "messages"),
])  # fmt: skip
def test_a_wrong_conversation_is_a_typed_400_that_names_the_place(server: Running, messages: Any, param: str) -> None:
    status, _, body = ask(server, "/v1/chat/completions", {"messages": messages})
    assert status == 400 and json.loads(body)["error"]["param"] == param


# -- the service


def test_models_and_unknown_ones(server: Running) -> None:
    client = server.client()
    assert [model.id for model in client.models.list()] == ["roundelay", *registry.loadable()]
    is_error(ask(server, "/v1/models/chat_completions"), 404, "model_not_found", "model")  # no request can give its url
    is_error(ask(server, "/v1/models/Systran/faster-whisper-small"), 404, "model_not_found", "model")
    assert client.models.retrieve("nano").id == "nano"
    assert client.models.retrieve("roundelay").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-5")
    with running(names=Names(strict=True)) as strict:
        is_error(ask(strict, "/v1/audio/speech", {"input": "x", "model": "gpt-5"}), 404, "model_not_found", "model")
        answer = ask(strict, "/v1/audio/speech", {"input": "x", "model": "nanno"})
    is_error(answer, 404, "model_not_found", "model")
    assert "did you mean nano?" in json.loads(answer[2])["error"]["message"]


def test_health_ready_metrics(server: Running) -> None:
    assert ask(server, "/health")[0] == 200
    assert json.loads(ask(server, "/ready")[2]) == {"ready": True, "model": "ready", "reason": None}
    text = ask(server, "/metrics")[2].decode()
    assert "roundelay_ready 1" in text and 'route="/health",status="200"' in text
    assert json.loads(ask(server, "/v1/x/live")[2])["roundelay_sessions"] == 0


def test_unknown_paths_and_methods_are_typed(server: Running) -> None:
    for path, body, named in (("/v1/nothing", None, "/v1/audio/speech"),
                              ("/v1/audio/translations", {}, "/v1/audio/transcriptions transcribes"),
                              ("/v1/audio/speach", {}, "POST /v1/audio/speech"), ("/v2/models", None, "GET /v1/models"),
                              ("/audio/speech", {}, "POST /v1/audio/speech"), ("/v1/embeddings", {}, "not offered"),
                              ("/v1/audio/speech/", {}, "POST /v1/audio/speech"), ("/x/y/\n", {}, "/v1/models"),
                              ("/nothing.html", None, "/v1/models")):  # fmt: skip
        answer = ask(server, path.replace("\n", "%0A"), body)
        is_error(answer, 404, "not_found")
        assert named in json.loads(answer[2])["error"]["message"]
    for path, method, named in (("/v1/models", "POST", "send GET"), ("/v1/audio/speech", "GET", "send POST"),
                                ("/v1/realtime", "GET", "open it as a WebSocket")):  # fmt: skip
        answer = ask(server, path, {} if method == "POST" else None, method=method)
        is_error(answer, 405, "method_not_allowed")
        assert named in json.loads(answer[2])["error"]["message"] and answer[1]["allow"]
    is_error(ask(server, "/v1/audio/voices", {}), 501, "unsupported_operation")


def test_without_weights_ready_says_so_and_the_endpoints_are_a_typed_503() -> None:
    with running(RoundelayError("weights lm.onnx cannot be read")) as server:
        status, _, body = ask(server, "/ready")
        assert status == 503 and "lm.onnx" in json.loads(body)["reason"]
        is_error(ask(server, "/v1/audio/speech", {"input": "hi"}), 503, "model_missing")
        is_error(ask(server, "/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}), 503,
                 "model_missing")  # fmt: skip
        assert ask(server, "/")[0] == 200 and ask(server, "/v1/models")[0] == 200
