"""Settings as other programs send them: names, spellings, empty fields. What had no effect is said; strict refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_case import FakeEngine, Running, running
from test_http import ask, is_error, wav

from roundelay.errors import BadInput
from roundelay.server.http.fields import Field, read
from roundelay.server.names import OPENAI_VOICES, Names, is_english, load
from roundelay.voice.interfaces import Capability
from roundelay.voice.voices import Voice

KOKORO = ["af_heart", "af_alloy", "af_bella", "af_sky", "am_michael", "bm_fable"]


def form(fields: list[tuple[str, str]], name: str = "file") -> tuple[bytes, dict[str, str]]:
    """A multipart body with these fields and a recording, and its header."""
    parts = [
        f'--X\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields
    ]
    head = f'--X\r\ncontent-disposition: form-data; name="{name}"; filename="a.wav"\r\n\r\n'.encode()
    return b"".join(parts) + head + wav() + b"\r\n--X--\r\n", {"content-type": "multipart/form-data; boundary=X"}


def transcribe(server: Running, *fields: tuple[str, str], name: str = "file") -> Any:
    body, header = form(list(fields), name)
    return ask(server, "/v1/audio/transcriptions", body, header)


def say(server: Running, **fields: Any) -> Any:
    return ask(server, "/v1/audio/speech", {"input": "hi there", "response_format": "pcm", **fields})


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    with running(names=Names(strict=True)) as made:
        yield made


# -- names


@pytest.mark.parametrize("model", [
    "", " ", "default", "Whisper-1", "whisper-large-v3", "Systran/faster-whisper-small", "openai/whisper-large-v3",
    "large-v3", "gpt-4o-transcribe", "gpt-4o-transcribe-diarize", "TTS-1-HD", "gpt-realtime", "parakeet", "Roundelay",
])  # fmt: skip
def test_any_model_of_others_serves(server: Running, strict: Running, model: str) -> None:
    ignored: list[str] = []
    meant = Names().model(model, ignored)
    status, headers, body = transcribe(server, ("model", model))
    assert status == 200 and json.loads(body)["text"] == "what is the time"
    assert headers.get("x-roundelay-ignored") == (", ".join(ignored) or None) and meant == "roundelay"
    known = model in ("gpt-4o-transcribe", "gpt-realtime")
    assert transcribe(strict, ("model", model))[0] == (200 if known else 404)
    assert (ignored == []) is (known or model.strip().lower() in ("", "default", "whisper-1", "tts-1-hd", "roundelay"))


def test_an_engine_of_kokoros_family_is_kokoro_where_it_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for here in (["nano", "kokoro"], ["nano"]):
        monkeypatch.setattr("roundelay.voice.engines.registry.loadable", lambda here=here: here)
        for model in ("kokoro", "hexgrad/Kokoro-82M", "speaches-ai/Kokoro-82M-v1.0-ONNX"):
            assert Names().model(model) == ("kokoro" if "kokoro" in here else "roundelay")


def test_an_engine_that_is_in_the_default_pipeline_is_not_loaded_again() -> None:
    with running(FakeEngine(name="kokoro")) as server:
        assert say(server, model="kokoro")[0] == 200
        assert set(server.service.engines._slots) == {server.service.engines.default}


def test_an_engine_that_must_be_loaded_first_is_waited_for() -> None:
    others = {"kokoro": FakeEngine(name="kokoro")}
    with running(others=others) as server:
        assert say(server, model="kokoro")[0] == 200 and others["kokoro"].said == ["hi there"]


@pytest.mark.parametrize("voice", [
    "Alloy", "NOVA", "", "default", "Flite-SLT", {"id": ""}, {"name": "alloy"}, {"id": "cedar"}, *OPENAI_VOICES,
])  # fmt: skip
def test_voices_that_are_here_in_any_spelling_serve_in_silence(server: Running, voice: Any) -> None:
    status, headers, _ = say(server, voice=voice)
    assert status == 200 and "x-roundelay-ignored" not in headers


@pytest.mark.parametrize("voice", ["af_bella", "bm_lewis", "Rachel", "en_US-amy-medium", "/etc/passwd", "flite-sltt"])
def test_voices_of_others_serve_and_are_said(server: Running, strict: Running, voice: str) -> None:
    status, headers, _ = say(server, voice=voice)
    assert status == 200 and headers["x-roundelay-ignored"] == "voice"
    answer = say(strict, voice=voice)
    is_error(answer, 400, "unknown_voice", "voice")


@pytest.mark.parametrize(("given", "means", "exact"), [
    ("alloy", "af_alloy", True), ("fable", "bm_fable", True), ("AF_Bella", "af_bella", True),
    ("af_bella+af_sky", "af_bella+af_sky", True), ("af_bella(2)+af_sky(1)", "af_bella+af_sky", False),
    ("af_bela", "af_bella", False), ("zf_xiaobei", "af_heart", False), ("", "af_heart", True),
])  # fmt: skip
def test_voices_where_kokoro_speaks(given: str, means: str, exact: bool) -> None:
    ignored: list[str] = []
    assert Names().voice(given, "voice", KOKORO, ignored) == means
    assert (ignored == []) is exact


def test_a_womans_name_is_a_womans_voice_where_kokoro_does_not_speak() -> None:
    assert "slt" in Names().voice("af_bella") and "rms" in Names().voice("am_adam")


def test_every_openai_voice_is_one_of_any_engine() -> None:
    for known in ([f"v{at}" for at in range(5)], ["only"], KOKORO):
        assert all(Names(strict=True).voice(name, "voice", known) in known for name in OPENAI_VOICES)
    assert Names().voice("nova", "voice", []) == Names().voice("Rachel", "voice", []) == ""


# -- the operator's own


def test_the_operators_aliases_come_first_and_are_no_surprise(tmp_path: Path) -> None:
    file = tmp_path / "names.toml"
    file.write_text('[voices]\nrachel = "flite-slt"\nnova = ["absent", "flite-rms"]\n"eleven_*" = "flite-rms"\n'
                    '[models]\n"Systran/*" = "nano"\n')  # fmt: skip
    names = load(file, ["voice:Bob=flite-rms", "voice:rachel=flite-rms-w019", "model:my-tts=nano"], strict=True)
    ignored: list[str] = []
    voices = [names.voice(name, "voice", None, ignored) for name in ("bob", "Rachel", "nova", "eleven_adam")]
    assert voices == ["flite-rms", "flite-rms-w019", "flite-rms", "flite-rms"]
    assert [names.model(name, ignored) for name in ("my-tts", "Systran/faster-whisper-small")] == ["nano", "nano"]
    assert ignored == []


@pytest.mark.parametrize(("text", "pairs"), [
    (None, ["alloy=nova"]), (None, ["voice:=x"]), (None, ["voice:x"]), (None, ["sound:x=y"]),
    (None, ["model:x=absent"]),
    ("[songs]\na = 'b'", []), ("[voices]\na = 3", []), ("[voices]\na = []", []), ("voices = 'x'", []), ("a = [", []),
    ("[models]\na = 'absent'", []),
])  # fmt: skip
def test_wrong_aliases_are_one_line(tmp_path: Path, text: str | None, pairs: list[str]) -> None:
    file = tmp_path / "names.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadInput) as error:
        load(file if text is not None else None, pairs, False)
    assert "\n" not in str(error.value)
    with pytest.raises(BadInput):
        load(tmp_path / "absent.toml", [], False)


# -- fields


@pytest.mark.parametrize("truth", ["true", "True", "1", "on", "YES", " true "])
def test_a_stream_is_asked_for_in_any_spelling(server: Running, strict: Running, truth: str) -> None:
    status, headers, body = transcribe(server, ("stream", truth))
    assert status == 200 and headers["content-type"].startswith("text/event-stream") and b"transcript.text.done" in body
    assert transcribe(strict, ("stream", truth))[0] == (200 if truth == "true" else 400)


@pytest.mark.parametrize("untruth", ["false", "False", "0", "off", "no", ""])
def test_and_declined_in_any(server: Running, untruth: str) -> None:
    assert transcribe(server, ("stream", untruth))[1]["content-type"] == "application/json"


@pytest.mark.parametrize("language", ["", "auto", "Auto", "en", "EN", "en-US", "en_GB", "English", "english (US)"])
def test_english_and_no_language_in_any_spelling(server: Running, language: str) -> None:
    assert transcribe(server, ("language", language))[0] == 200


def test_another_language_is_refused_with_what_is_known(server: Running) -> None:
    for language in ("de", "German", "zh-CN"):
        is_error(transcribe(server, ("language", language)), 400, "unsupported_parameter", "language")
        assert is_english(language) is False


WORD = "timestamp_granularities"


@pytest.mark.parametrize("fields", [
    [(f"{WORD}[]", "word"), (f"{WORD}[]", "segment")], [(WORD, "word"), (WORD, "segment")],
    [(WORD, "word,segment")], [(WORD, '["word", "segment"]')], [(f"{WORD}[0]", "Word"), (f"{WORD}[1]", "segment")],
    [("timestampGranularities", "word, segment")], [("timestamp-granularities[]", "word"), (WORD, "segment")],
])  # fmt: skip
def test_a_list_with_brackets_or_without(fields: list[tuple[str, str]]) -> None:
    with running(FakeEngine(capabilities=frozenset({Capability.WORD_TIMES}))) as server:
        status, headers, body = transcribe(server, ("response_format", "Verbose_JSON"), *fields)
        assert status == 200 and "x-roundelay-ignored" not in headers
        assert {"words", "segments"} <= set(json.loads(body))
        status, headers, _ = transcribe(server, *fields)
        assert status == 200 and headers["x-roundelay-ignored"] == WORD


def test_empty_fields_mean_the_default_and_what_has_no_effect_is_said(server: Running, strict: Running) -> None:
    empty = [(name, "") for name in ("model", "language", "prompt", "response_format", "temperature", WORD, "stream")]
    status, headers, body = transcribe(server, *empty)
    assert status == 200 and json.loads(body)["text"] and "x-roundelay-ignored" not in headers
    status, headers, _ = transcribe(server, ("prompt", "x" * 100_000), ("temperature", "warm"), ("vad_filter", "true"),
                                    ("include[]", "logprobs"), ("hotwords", ""))  # fmt: skip
    assert status == 200
    assert set(headers["x-roundelay-ignored"].split(", ")) == {"prompt", "temperature", "vad_filter", "include[]",
                                                               "hotwords"}  # fmt: skip
    is_error(transcribe(strict, ("response_format", "")), 400, "invalid_value", "response_format")
    assert say(server, voice="", model="", instructions="", speed="", stream_format="", language="en")[0] == 200


def test_the_file_may_have_another_name(server: Running, strict: Running) -> None:
    assert transcribe(server, name="audio_file")[0] == 200
    is_error(transcribe(strict, name="audio_file"), 400, "missing_required_parameter", "file")


def test_numbers_and_formats_as_text(server: Running, strict: Running) -> None:
    status, headers, _ = say(server, speed="1.0", response_format=" WAV", seed="3", streamFormat="AUDIO")
    assert status == 200 and headers["content-type"].startswith("audio/wav")
    is_error(say(strict, speed="1.0"), 400, "invalid_type", "speed")
    is_error(say(server, speed="fast"), 400, "invalid_type", "speed")
    is_error(say(server, speed="nan"), 400, "invalid_value", "speed")


def test_chat_as_others_ask_for_it(server: Running) -> None:
    asked = {"messages": [{"role": "user", "content": "hello"}], "model": "llama3:8b", "stream": "False",
             "n": "1", "max_tokens": "100", "modalities": "Text,audio",
             "audio": {"voice": "Rachel", "format": "WAV"}}  # fmt: skip
    status, headers, body = ask(server, "/v1/chat/completions", asked)
    message = json.loads(body)["choices"][0]["message"]
    assert status == 200 and message["audio"]["transcript"] == "you said hello"
    assert set(headers["x-roundelay-ignored"].split(", ")) == {"model", "max_tokens", "audio.voice"}
    asked = {"messages": asked["messages"], "modalities": ["text", "audio"]}
    assert ask(server, "/v1/chat/completions", asked)[0] == 200


FIELDS = (
    Field("on", "boolean", "", default=False), Field("many", "array", "", default=()), Field("n", "integer", ""),
    Field("who", "voice", ""), Field("kind", "string", "", choices=("a", "B")), Field("x", "number", "", ignored=True),
)  # fmt: skip


@pytest.mark.parametrize(("given", "name", "value"), [
    ({"on": "yes"}, "on", True), ({"on": 0}, "on", False), ({"On": "1"}, "on", True),
    ({"many": "a, b"}, "many", ["a", "b"]),
    ({"many[]": '["a"]'}, "many", ["a"]), ({"many": "7"}, "many", [7]), ({"n": "3"}, "n", 3), ({"n": 3.0}, "n", 3),
    ({"kind": "b"}, "kind", "B"), ({"kind": " "}, "kind", None), ({"who": {"id": "x"}}, "who", {"id": "x"}),
    ({"x": "warm"}, "x", None), ({"N": "4", "n": ""}, "n", 4), ({"n": 5, "N": 4}, "n", 5),
])  # fmt: skip
def test_a_field_reads_what_others_write(given: dict[str, Any], name: str, value: Any) -> None:
    assert read(FIELDS, given)[0][name] == value


# -- what cannot be said


class English(FakeEngine):
    """An engine that reads Latin letters alone."""

    def synthesize(self, utterance: Any, options: Any = None) -> Any:
        if not any(each.isascii() and each.isalnum() for each in utterance.text):
            raise BadInput("text", utterance.text, "holds nothing to read aloud; give words or numbers")
        return super().synthesize(utterance, options)

    def voices(self) -> list[Voice]:
        return [Voice("only")]


@pytest.mark.parametrize("text", ["\U0001f44d", "\U0001f44d\u200d\U0001f3fd!", "\u4f60\u597d", "\u2026", "\u05e9"])
def test_a_text_that_cannot_be_spoken_is_refused_with_what_can(text: str) -> None:
    with running(English()) as server:
        answer = say(server, input=text)
        is_error(answer, 400, "invalid_value", "input")
        assert "give words or numbers" in json.loads(answer[2])["error"]["message"]
