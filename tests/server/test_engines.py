"""Other engines behind the server: their rate is kept, their faults are typed errors, a request chooses one by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from engine_case import FAULTS, Tones, peak_hz, samples_of
from realtime_case import NEVER, Talk, talking
from server_case import FakeEngine, Running, running
from test_http import ask, is_error
from test_middleware import until

from roundelay.server.audio.g711 import G711
from roundelay.server.engine import Engines
from roundelay.server.errors import ApiError
from roundelay.voice.audio import Audio
from roundelay.voice.engines import registry
from roundelay.voice.interfaces import CallOptions, Capability, EngineSpec, Utterance
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.core.settings import Thresholds

WORDS = "one two three four five six seven eight nine ten"
SPEECH = {"input": WORDS, "response_format": "pcm"}


@contextmanager
def conversation(server: Running, **session: object) -> Iterator[Talk]:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER, **session})
        yield talk


def answer(talk: Talk, words: str) -> dict:
    talk.frames.clear()
    talk.type(words)
    talk.send("response.create")
    done: dict = talk.wait("response.done")["response"]
    return done


@pytest.mark.parametrize(("rate_hz", "hz"), [(16_000, 440), (22_050, 440), (48_000, 440), (48_000, 10_000)])
def test_speech_keeps_the_duration_and_frequency_of_any_rate(rate_hz: int, hz: int) -> None:
    """10 kHz would not survive a detour by 16 kHz."""
    with running(Tones(rate_hz, hz)) as server:
        samples = samples_of(ask(server, "/v1/audio/speech", SPEECH)[2])
    assert abs(len(samples) - 24_000) <= 4 * 24_000 // 1_000
    assert abs(peak_hz(samples, 24_000) - hz) < 2 and np.abs(samples[2_400:-2_400]).max() > 0.25


@pytest.mark.parametrize(("rate_hz", "hz"), [(22_050, 440), (48_000, 440), (48_000, 10_000)])
def test_a_reply_keeps_the_duration_and_frequency_of_any_rate(rate_hz: int, hz: int) -> None:
    with running(Tones(rate_hz, hz), create_worker=None) as server, conversation(server) as talk:
        done = answer(talk, "one two three four five six seven eight")
        samples = samples_of(talk.audio())
        assert done["status"] == "completed" and abs(len(samples) - 24_000) <= 4 * 24  # you said, and eight words
        assert abs(peak_hz(samples, 24_000) - hz) < 2
        item = done["output"][0]["id"]
        talk.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=1_001)
        assert "only 1000 ms" in talk.error()["message"]
        talk.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=400)
        talk.wait("conversation.item.truncated")


def test_a_reply_in_g711_is_resampled_once_to_8_khz() -> None:
    form = {"format": {"type": "audio/pcmu"}}
    with running(Tones(48_000), create_worker=None) as server, conversation(server, output=form) as talk:
        answer(talk, "one two three four five six seven eight")
        samples = G711("audio/pcmu").decode(talk.audio())
    assert abs(len(samples) - 8_000) <= 32 and abs(peak_hz(samples, 8_000) - 440) < 2


def test_a_session_speaks_at_its_speed_and_in_the_same_pitch() -> None:
    with running(Tones(24_000), create_worker=None) as server, conversation(server) as talk:
        assert talk.configure(audio={"output": {"speed": 0.5}})["audio"]["output"]["speed"] == 0.5
        answer(talk, "one two three four five six seven eight")
        samples = samples_of(talk.audio())
    assert abs(len(samples) / 24_000 - 2.0) < 0.3 and abs(peak_hz(samples, 24_000) - 440) < 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_engine_fails_the_response_and_the_session_lives(fault: str) -> None:
    engine = Tones()
    with running(engine, create_worker=None) as server, conversation(server) as talk:
        engine.fault = fault
        done = answer(talk, "hello")
        error = done["status_details"]["error"]
        assert done["status"] == "failed" and (error["type"], error["code"]) == ("server_error", "reply_failed")
        assert "synthesizer tone" in error["message"] and "\n" not in error["message"]
        engine.fault = ""
        assert answer(talk, "hello again")["status"] == "completed" and talk.audio()


def test_a_reply_that_stalls_fails_before_its_engine_is_given_up() -> None:
    engine = Tones(fault="hangs")
    limits = Thresholds(stall_ms=300)
    with running(engine, create_worker=None, thresholds=limits) as server, conversation(server) as talk:
        done = answer(talk, "hello")
        assert done["status"] == "failed" and done["status_details"]["error"]["message"] == "stalled"
        engine.fault = ""
        assert answer(talk, "hello again")["status"] == "completed"


@pytest.mark.parametrize(("fault", "status", "code"), [
    ("raises", 502, "engine_failed"), ("NaN", 502, "engine_failed"), ("wrong rate", 502, "engine_failed"),
    ("nothing", 400, "invalid_value"), ("hangs", 504, "engine_timeout"),
])  # fmt: skip
def test_a_faulty_engine_is_a_typed_error(fault: str, status: int, code: str) -> None:
    with running(Tones(fault=fault)) as server:
        is_error(ask(server, "/v1/audio/speech", SPEECH), status, code, "input" if status == 400 else None)
        assert ask(server, "/health")[0] == 200


def test_a_request_chooses_an_engine_by_its_model() -> None:
    registry.register(EngineSpec("tones", {"synthesizer": frozenset()}, lambda roles: {}))
    try:
        with running(FakeEngine(), others={"tones": Tones(48_000)}) as server:
            assert "tones" in [each["id"] for each in json.loads(ask(server, "/v1/models")[2])["data"]]
            body = {**SPEECH, "model": "tones"}
            assert until(lambda: ask(server, "/v1/audio/speech", body)[0] != 503)  # loaded when it is first asked for
            status, _, data = ask(server, "/v1/audio/speech", body)
            assert status == 200 and abs(peak_hz(samples_of(data), 24_000) - 440) < 2
            with talking(server, "/v1/realtime?model=tones") as talk:
                assert talk.frames[0]["session"]["model"] == "tones"
            wish = {"session": {"type": "realtime", "model": "tones"}}
            made = json.loads(ask(server, "/v1/realtime/client_secrets", wish)[2])
            bearer = {"authorization": f"Bearer {made['value']}"}
            assert made["session"]["model"] == "tones"
            for path, model in (
                ("/v1/realtime", "tones"),
                ("/v1/realtime?model=nano", "nano"),
            ):  # the address goes first
                with talking(server, path, additional_headers=bearer) as talk:
                    assert talk.frames[0]["session"]["model"] == model
    finally:
        registry.unregister("tones")


def test_speed_and_instructions_are_asked_of_the_engine_that_has_them() -> None:
    class Fast(Tones):
        capabilities = frozenset({"speed", "instructions"})

        def synthesize(self, utterance: Utterance, options: CallOptions | None = None) -> Iterator[Audio]:
            assert utterance.style.speed == 2 and utterance.style.instructions == "Be cheerful."
            return super().synthesize(utterance, options)

    fast = {"synthesizer": frozenset({Capability.SPEED, Capability.INSTRUCTIONS})}
    registry.register(EngineSpec("fast", fast, lambda roles: {}))  # type: ignore[arg-type]
    try:
        with running(FakeEngine(), others={"fast": Fast()}) as server:
            body = {**SPEECH, "speed": 2, "instructions": "Be cheerful.", "model": "fast"}
            assert until(lambda: ask(server, "/v1/audio/speech", body)[0] == 200)
            assert "x-roundelay-ignored" not in ask(server, "/v1/audio/speech", body)[1]
    finally:
        registry.unregister("fast")


def test_an_engine_that_cannot_be_loaded_is_a_typed_error() -> None:
    def load(name: str) -> Pipeline:
        raise ZeroDivisionError("a bug")

    engines = Engines(load)
    engines.start()
    while engines.state == "loading":
        pass
    with pytest.raises(ApiError, match="could not be loaded") as error:
        engines.pipeline()
    assert error.value.status == 503 and "a bug" in engines.reason
    engines.stop()
