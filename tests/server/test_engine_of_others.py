"""An engine of others, registered by name, behind HTTP and in a conversation; its faults end no session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import openai
import pytest
from faults import hangs, raises, released
from realtime_case import NEVER, talking
from server_case import Running, running
from test_http import ask
from test_middleware import until
from tone_engine import ToneEngine

from roundelay.server.limits import Limits
from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, registry
from roundelay.voice.interfaces import EngineSpec, Utterance
from roundelay.voice.pipeline import Pipeline

LIMITS = guard.Limits(first_s=0.3, next_s=0.3)


@dataclass
class Loaded:
    """What `running` takes: something with a pipeline."""

    pipeline: Pipeline


def wrong_rate() -> Any:
    return iter([Audio(np.zeros(100, np.float32), 8_000)])


def not_a_number() -> Any:
    return iter([Audio(np.full(100, np.nan, np.float32), 22_050)])


FAULTS: dict[str, tuple[Callable[[], Any], int]] = {
    "raises": (raises, 502),
    "hangs": (hangs, 504),
    "at a wrong rate": (wrong_rate, 502),
    "not a number": (not_a_number, 502),
    "nothing": (lambda: iter(()), 400),
}


class Faulty(ToneEngine):
    """Fails in the way that the text to be said names, once for each time it is named."""

    def synthesize(self, utterance: Utterance, options: Any = None) -> Any:
        for name, (act, _) in FAULTS.items():
            if name in utterance.text:
                return act()
        return super().synthesize(utterance, options)  # type: ignore[no-untyped-call]


@pytest.fixture(params=[22_050, 48_000])
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    def load(roles: tuple[str, ...]) -> dict[str, Any]:
        return dict.fromkeys(roles, Faulty(request.param))  # type: ignore[no-untyped-call]

    released.clear()
    registry.register(EngineSpec("tone", dict.fromkeys(registry.ROLES, frozenset()), load))  # type: ignore[arg-type]
    loaded = Loaded(replace(Pipeline.load("tone", "tone", "tone", "tone"), limits=LIMITS))
    try:
        with running(loaded, others={"tone": loaded}, create_worker=None) as made:
            body = {"input": "a word", "model": "tone"}
            assert until(lambda: ask(made, "/v1/audio/speech", body)[0] != 503)  # loaded when it is first asked for
            yield made
    finally:
        registry.unregister("tone")
        released.set()


def test_http_speaks_transcribes_and_answers_with_it(server: Running) -> None:
    client = server.client()
    said = client.audio.speech.create(model="tone", voice="alloy", input="three short words", response_format="pcm")
    assert abs(len(said.content) // 2 - 3 * 2_400) <= 2
    wav = client.audio.speech.create(model="tone", voice="alloy", input="three short words", response_format="wav")
    heard = client.audio.transcriptions.create(model="tone", file=("a.wav", wav.content))
    assert heard.text == "0.3 seconds"
    messages = [{"role": "user", "content": "hello"}]
    assert client.chat.completions.create(model="tone", messages=messages).choices[0].message.content == (
        "You said hello."
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_http_gives_one_typed_error_for_a_fault(server: Running, fault: str) -> None:
    client = server.client()
    with pytest.raises(openai.APIStatusError) as error:
        client.audio.speech.create(model="tone", voice="alloy", input=fault, response_format="pcm")
    assert error.value.status_code == FAULTS[fault][1] and error.value.body["code"]  # type: ignore[index,call-overload]
    assert client.audio.speech.create(model="tone", voice="alloy", input="well", response_format="pcm").content


def test_an_engine_that_hangs_leaves_its_worker_when_the_request_ends() -> None:
    class Deaf(ToneEngine):
        def transcribe(self, audio: Audio, options: Any = None) -> Any:
            return hangs()

    released.clear()
    deaf: Any = Deaf()
    limits = replace(Limits(), request_s=0.5, workers=1)
    try:
        with running(Loaded(Pipeline(deaf, deaf, deaf, deaf)), limits) as server:
            client, body = server.client(), {"input": "hello", "response_format": "wav"}
            data = ask(server, "/v1/audio/speech", body)
            for _ in range(2):
                with pytest.raises(openai.APIStatusError, match="took longer"):
                    client.audio.transcriptions.create(model="whisper-1", file=("a.wav", data[2]))
                assert ask(server, "/v1/audio/speech", body)[0] == 200
    finally:
        released.set()


def test_a_conversation_speaks_with_it_and_outlives_its_faults(server: Running) -> None:
    with talking(server) as talk:
        talk.configure(audio={"input": NEVER})
        for at, words in enumerate(("hello", *FAULTS, "again")):
            talk.frames.clear()
            talk.type(words)
            talk.send("response.create")
            done = talk.wait("response.done")["response"]
            if words in FAULTS:
                assert done["status"] == "failed", words
                assert "tone" in done["status_details"]["error"]["message"], words
                continue
            assert done["status"] == "completed"
            assert done["output"][0]["content"][0]["transcript"] == f"You said {words}."
            assert abs(len(talk.audio()) // 2 - 3 * 2_400) <= 50, at
