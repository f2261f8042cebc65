"""The service's own worker with a fake model: voice in, a reply out, tools and instructions of the session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from realtime_case import NEVER, pcm, talking, voice
from server_case import FakeEngine, running

from roundelay.voice.audio import Audio
from roundelay.voice.engines.chat_completions import ChatCompletions
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, ToolCall, Utterance
from roundelay.voice.vad import EnergyDetector


def test_the_embedded_worker_hears_answers_and_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    # a network that knows voices tires of a drone; the plain detector does not
    monkeypatch.setattr("roundelay.voice.realtime.worker.default_detector", EnergyDetector)

    class Hissing(FakeEngine):
        """Sounds unlike the user, whose voice would otherwise be taken for its echo."""

        def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
            drawn = np.random.default_rng(0)
            for audio in super().synthesize(utterance, options):
                yield Audio(drawn.uniform(-0.2, 0.2, len(audio.samples)), audio.rate)

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


def test_a_chat_model_gets_the_instructions_the_tools_and_their_results() -> None:
    asked: list[dict[str, Any]] = []

    class Chat(ChatCompletions):
        def _stream(self, messages: Any, tools: Any, choice: str) -> Iterator[str | ToolCall]:
            asked.append(self.body(messages, tools, choice, stream=True))
            if tools and messages[-1]["content"] == "look outside":
                yield ToolCall("look", '{"where": "outside"}', "call_1")
                return
            yield f"answer {len(asked)}"

    chat = Chat("http://127.0.0.1:1/v1")
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"where": {}}}}
    with running(responder=chat, create_worker=None) as server, talking(server) as talk:
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
    assert asked[2]["tool_choice"] == {"type": "function", "function": {"name": "smell"}}
    assert "tools" not in asked[3] and "tool_choice" not in asked[0]
    assert asked[0]["messages"] == [{"role": "system", "content": "be a sailor"},
                                    {"role": "user", "content": "look outside"}]  # fmt: skip
    assert asked[0]["tools"][0]["function"]["name"] == "look"
    assert "rain" in asked[1]["messages"][-1]["content"]
