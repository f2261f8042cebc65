"""LiveKit agents' OpenAI plugin against a Roundelay server, by URL alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("livekit.plugins.openai", reason="livekit-agents[openai] is not installed: make test-clients")

import aiohttp
from clients_case import LONG_S, RATE_HZ, STORY_BYTES, WORD_BYTES, Server, pcm, speak, until
from livekit import rtc
from livekit.agents import function_tool, llm
from livekit.plugins import openai


def frame(data: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(data, RATE_HZ, 1, len(data) // 2)


class Ears:
    """What a session told: replies, words heard, turns, errors."""

    def __init__(self, session: Any) -> None:
        self.replies: list[Any] = []
        self.heard: list[str] = []
        self.turns = 0
        self.errors: list[Any] = []
        session.on("generation_created", self.replies.append)
        session.on("input_audio_transcription_completed", self._hear)
        session.on("input_speech_started", lambda event: self._turn())
        session.on("error", self.errors.append)

    def _hear(self, event: Any) -> None:
        if event.is_final:
            self.heard.append(event.transcript)

    def _turn(self) -> None:
        self.turns += 1


@asynccontextmanager
async def session(server: Server, **more: Any) -> AsyncIterator[tuple[Any, Ears]]:
    async with aiohttp.ClientSession() as http:
        model = openai.realtime.RealtimeModel(base_url=server.http, api_key="none", http_session=http, **more)
        made = model.session()
        ears = Ears(made)
        try:
            yield made, ears
            assert not ears.errors, ears.errors
        finally:
            await made.aclose()


async def told(reply: Any) -> tuple[str, int, list[Any]]:
    """(words, bytes of sound, function calls) of a reply, to its end."""
    words, sound = "", 0
    async for message in reply.message_stream:
        words += "".join([str(piece) async for piece in message.text_stream])
        sound += sum([len(piece.data) * 2 async for piece in message.audio_stream])
    return words, sound, [call async for call in reply.function_stream]


async def asking(made: Any, words: str) -> Any:
    context = made.chat_ctx.copy()
    context.add_message(role="user", content=words)
    await made.update_chat_ctx(context)
    return await made.generate_reply()


@pytest.mark.parametrize("model", ["gpt-4o-mini-tts", "tts-1"])  # server-sent events, and plain bytes; mp3 in both
def test_speaks(servers: dict[str, Server], model: str) -> None:
    async def run() -> None:
        voice = openai.TTS(base_url=servers["time"].http, api_key="none", model=model)
        sound = [piece.frame async for piece in voice.synthesize("hello there")]
        assert sum(len(each.data) for each in sound) * 2 >= 2 * WORD_BYTES * 0.8
        await voice.aclose()

    asyncio.run(run())


def test_transcribes(servers: dict[str, Server]) -> None:
    async def run() -> None:
        ear = openai.STT(base_url=servers["time"].http, api_key="none")
        made = await ear.recognize(frame(pcm(0.5)))
        assert made.alternatives[0].text == "what is the time"

    asyncio.run(run())


def test_the_packaged_voice_speaks_and_the_packaged_ears_hear(packaged: Server) -> None:
    """What is said and heard has its own measures (results/); here a client gets both through, and words come of it."""

    async def run() -> None:
        voice = openai.TTS(base_url=packaged.http, api_key="none")
        sound = rtc.combine_audio_frames([piece.frame async for piece in voice.synthesize("what is the time")])
        assert 0.4 < sound.duration < 6
        ear = openai.STT(base_url=packaged.http, api_key="none")
        assert (await ear.recognize(sound)).alternatives[0].text.strip()
        await voice.aclose()

    asyncio.run(run())


def test_converses_by_voice(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with session(servers["time"]) as (made, ears):
            await speak(lambda data: made.push_audio(frame(data)), pcm(0.6) + pcm(1.2, level=0))
            await until(lambda: ears.replies, "a reply")
            words, sound, _ = await asyncio.wait_for(told(ears.replies[0]), LONG_S)
            assert words == "you said what is the time" and sound >= 6 * WORD_BYTES * 0.95
            assert ears.heard == ["what is the time"] and ears.turns == 1

    asyncio.run(run())


def test_converses_by_text_with_instructions(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with session(servers["time"], turn_detection=None) as (made, _):
            await made.update_instructions("be brief")
            for words in ("hello there", "and again"):
                reply = await asking(made, words)
                assert reply.user_initiated
                assert (await asyncio.wait_for(told(reply), LONG_S))[0] == f"you said {words}"
            assert [item.role for item in made.chat_ctx.items] == ["user", "assistant"] * 2

    asyncio.run(run())


def test_is_interrupted_by_voice_and_by_the_program(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with session(servers["story"]) as (made, ears):
            push = lambda data: made.push_audio(frame(data))  # noqa: E731
            await speak(push, pcm(0.5) + pcm(0.8, level=0))
            await until(lambda: ears.replies, "a story")
            first = asyncio.create_task(told(ears.replies[0]))
            await speak(push, pcm(0.9))
            assert (await asyncio.wait_for(first, LONG_S))[1] < STORY_BYTES, "it was told to its end"
            assert ears.turns == 2
            await speak(push, pcm(0.8, level=0))
            await until(lambda: len(ears.replies) == 2, "the next reply")
            second = asyncio.create_task(told(ears.replies[1]))
            await asyncio.sleep(0.3)
            made.interrupt()
            assert (await asyncio.wait_for(second, LONG_S))[1] < STORY_BYTES
            made.interrupt()  # once more, when nothing is said

    asyncio.run(run())


def test_calls_a_function_and_tells_what_came(servers: dict[str, Server]) -> None:
    @function_tool
    async def get_weather(city: str) -> str:
        """The weather of a city."""
        return "sunny"

    async def run() -> None:
        async with session(servers["weather"], turn_detection=None) as (made, _):
            await made.update_tools([get_weather])
            _, _, calls = await asyncio.wait_for(told(await asking(made, "the weather in Paris")), LONG_S)
            assert [(call.name, call.arguments) for call in calls] == [("get_weather", '{"city": "Paris"}')]
            context = made.chat_ctx.copy()
            context.items.append(
                llm.FunctionCallOutput(
                    call_id=calls[0].call_id, name="get_weather", output=await get_weather("Paris"), is_error=False
                )
            )
            await made.update_chat_ctx(context)
            words, _, _ = await asyncio.wait_for(told(await made.generate_reply()), LONG_S)
            assert "sunny" in words

    asyncio.run(run())
