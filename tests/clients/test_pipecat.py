"""Pipecat's OpenAI services against a Roundelay server, by URL alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("pipecat", reason="pipecat-ai is not installed: make test-clients has its own environment")

from clients_case import LONG_S, RATE_HZ, STORY_BYTES, WORD_BYTES, Server, pcm, speak, until
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMRunFrame,
    ProposedUserStartedSpeakingFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.workers.runner import WorkerRunner

RATES = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)


class Catcher(FrameProcessor):
    """Keeps what passes, both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.seen.append(frame)
        await self.push_frame(frame, direction)

    def of(self, kind: type) -> list[Any]:
        return [frame for frame in self.seen if isinstance(frame, kind)]

    def text(self) -> str:
        return " ".join(frame.text for frame in self.of(TTSTextFrame))

    def sound(self) -> int:
        return sum(len(frame.audio) for frame in self.of(TTSAudioRawFrame))


class Bench:
    """A running pipeline: what to put in, what came out on each side."""

    def __init__(self, worker: PipelineWorker, before: Catcher, after: Catcher) -> None:
        self.worker, self.before, self.after = worker, before, after

    async def put(self, frame: Frame) -> None:
        await self.worker.queue_frame(frame)

    async def hear(self, data: bytes) -> None:
        await self.put(InputAudioRawFrame(data, RATE_HZ, 1))

    def fine(self) -> None:
        wrong = self.before.of(ErrorFrame) + self.after.of(ErrorFrame)
        assert not wrong, wrong


@asynccontextmanager
async def pipeline(service: FrameProcessor, context: LLMContext | None = None) -> AsyncIterator[Bench]:
    before, after = Catcher(), Catcher()
    row: list[FrameProcessor] = [before, service, after]
    if context is not None:
        pair = LLMContextAggregatorPair(context)
        row = [pair.user(), *row, pair.assistant()]
    worker = PipelineWorker(Pipeline(row), params=RATES, cancel_on_idle_timeout=False, enable_rtvi=False)
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _started(worker: Any, frame: Any) -> None:
        started.set()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await asyncio.wait_for(started.wait(), LONG_S)
    bench = Bench(worker, before, after)
    try:
        yield bench
        bench.fine()
    finally:
        await worker.queue_frame(EndFrame())
        await asyncio.wait_for(running, LONG_S)


def realtime(server: Server, **session: Any) -> OpenAIRealtimeLLMService:
    wish = events.SessionProperties(
        audio=events.AudioConfiguration(
            input=events.AudioInput(transcription=events.InputAudioTranscription(), **session)
        )
    )
    settings = OpenAIRealtimeLLMService.Settings(session_properties=wish)
    return OpenAIRealtimeLLMService(api_key="none", base_url=server.realtime, settings=settings)


@pytest.mark.parametrize("voice", ["alloy", "marin"])
def test_speaks(servers: dict[str, Server], voice: str) -> None:
    settings = OpenAITTSService.Settings(voice=voice)

    async def run() -> None:
        async with pipeline(
            OpenAITTSService(api_key="none", base_url=servers["time"].http, settings=settings)
        ) as bench:
            await bench.put(TTSSpeakFrame("hello there"))
            await until(lambda: bench.after.sound() >= 2 * WORD_BYTES, "two words of sound")

    asyncio.run(run())


def test_transcribes(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with pipeline(OpenAISTTService(api_key="none", base_url=servers["time"].http)) as bench:
            await bench.put(VADUserStartedSpeakingFrame())
            await speak(bench.hear, pcm(0.5))
            await bench.put(VADUserStoppedSpeakingFrame())
            await until(lambda: bench.after.of(TranscriptionFrame), "a transcription")
            assert bench.after.of(TranscriptionFrame)[0].text == "what is the time"

    asyncio.run(run())


def test_converses(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with pipeline(realtime(servers["time"]), LLMContext()) as bench:
            await speak(bench.hear, pcm(0.6) + pcm(1.2, level=0))
            await until(lambda: "the time" in bench.after.text(), "an answer")
            await until(lambda: bench.after.sound() >= 6 * WORD_BYTES, "its sound")
            heard = [frame.text for frame in bench.before.of(TranscriptionFrame)]
            assert heard == ["what is the time"]

    asyncio.run(run())


def test_is_interrupted_and_goes_on(servers: dict[str, Server]) -> None:
    async def run() -> None:
        async with pipeline(realtime(servers["story"]), LLMContext()) as bench:
            await speak(bench.hear, pcm(0.5) + pcm(0.8, level=0))
            await until(lambda: bench.after.sound() > WORD_BYTES, "the beginning of a story")
            before = len(bench.after.of(ProposedUserStartedSpeakingFrame))
            await speak(bench.hear, pcm(0.9))
            await until(lambda: len(bench.after.of(ProposedUserStartedSpeakingFrame)) > before, "an interruption")
            first = bench.after.sound()
            assert first < STORY_BYTES, "it was told to its end"
            await speak(bench.hear, pcm(0.8, level=0))
            await until(lambda: bench.after.sound() > first + WORD_BYTES, "the next answer")

    asyncio.run(run())


def test_calls_a_function_and_tells_what_came(servers: dict[str, Server]) -> None:
    asked: list[Any] = []

    async def weather(params: Any) -> None:
        asked.append(params.arguments)
        await params.result_callback({"sky": "sunny"})

    async def run() -> None:
        service = realtime(servers["weather"])
        service.register_function("get_weather", weather)
        tool = FunctionSchema("get_weather", "The weather.", {"city": {"type": "string"}}, ["city"])
        context = LLMContext([{"role": "user", "content": "the weather in Paris"}], ToolsSchema([tool]))
        async with pipeline(service, context) as bench:
            await bench.put(LLMRunFrame())
            await until(lambda: "sunny" in bench.after.text(), "the weather")
        assert asked == [{"city": "Paris"}]

    asyncio.run(run())
