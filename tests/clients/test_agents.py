"""OpenAI's agents SDK against a Roundelay server, by URL alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed: make test-clients")

import numpy as np
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.voice import AudioInput, STTModelSettings, TTSModelSettings
from agents.voice.models.openai_model_provider import OpenAIVoiceModelProvider
from clients_case import STORY_BYTES, WORD_BYTES, Server, pcm, speak, until
from openai import AsyncOpenAI


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@asynccontextmanager
async def session(server: Server) -> AsyncIterator[tuple[Any, list[Any]]]:
    """A session, and its events so far."""
    agent = RealtimeAgent(name="bot", instructions="be brief", tools=[get_weather])
    runner = RealtimeRunner(agent, config={"tracing_disabled": True})
    seen: list[Any] = []
    async with await runner.run(model_config={"url": server.realtime, "api_key": "none"}) as made:

        async def follow() -> None:
            async for event in made:
                seen.append(event)  # noqa: PERF401 - one by one, as they come

        following = asyncio.create_task(follow())
        try:
            yield made, seen
            assert not of(seen, "error"), of(seen, "error")
        finally:
            following.cancel()


def of(seen: list[Any], kind: str) -> list[Any]:
    return [event for event in seen if event.type == kind]


def sound(seen: list[Any]) -> int:
    return sum(len(event.audio.data) for event in of(seen, "audio"))


def words(seen: list[Any]) -> str:
    """All transcripts in the newest history."""
    history = of(seen, "history_updated")[-1].history if of(seen, "history_updated") else []
    parts = [part for item in history for part in getattr(item, "content", [])]
    return " ".join(getattr(part, "transcript", None) or "" for part in parts)


def provider(server: Server) -> OpenAIVoiceModelProvider:
    return OpenAIVoiceModelProvider(openai_client=AsyncOpenAI(api_key="none", base_url=server.http))


def test_speaks(servers: dict[str, Server]) -> None:
    async def run() -> int:
        voice = provider(servers["time"]).get_tts_model(None)
        return sum([len(piece) async for piece in voice.run("hello there", TTSModelSettings())])

    assert asyncio.run(run()) == 2 * WORD_BYTES


def test_transcribes(servers: dict[str, Server]) -> None:
    async def run() -> str:
        ear = provider(servers["time"]).get_stt_model(None)
        sound_ = AudioInput(np.frombuffer(pcm(0.5), np.int16))
        return await ear.transcribe(sound_, STTModelSettings(), False, False)

    assert asyncio.run(run()) == "what is the time"


def test_converses(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with session(servers["time"]) as (made, seen):
            await made.send_message("hello there")
            await until(lambda: "you said hello there" in words(seen), "an answer to a message")
            await until(lambda: of(seen, "audio_end"), "its sound")
            before = sound(seen)
            await speak(made.send_audio, pcm(0.6) + pcm(1.5, level=0))
            await until(lambda: "you said what is the time" in words(seen), "an answer to a voice")
            await until(lambda: sound(seen) >= before + 6 * WORD_BYTES, "its sound")

    asyncio.run(run())


def test_is_interrupted_by_voice_and_by_the_program(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with session(servers["story"]) as (made, seen):
            await speak(made.send_audio, pcm(0.5) + pcm(1.0, level=0))
            await until(lambda: sound(seen) > WORD_BYTES, "the beginning of a story")
            await speak(made.send_audio, pcm(0.9))
            await until(lambda: of(seen, "audio_interrupted"), "an interruption by voice")
            assert sound(seen) < STORY_BYTES, "it was told to its end"
            told = sound(seen)
            await speak(made.send_audio, pcm(1.0, level=0))
            await until(lambda: sound(seen) > told + WORD_BYTES, "the next answer")
            before = len(of(seen, "audio_interrupted"))
            await made.interrupt()
            await until(lambda: len(of(seen, "audio_interrupted")) > before, "an interruption by the program")

    asyncio.run(run())


def test_calls_a_function_and_tells_what_came(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with session(servers["weather"]) as (made, seen):
            await made.send_message("the weather in Paris")
            await until(lambda: of(seen, "tool_end"), "a call")
            assert of(seen, "tool_end")[0].output == "sunny in Paris"
            await until(lambda: "sunny in Paris" in words(seen), "the weather")

    asyncio.run(run())
