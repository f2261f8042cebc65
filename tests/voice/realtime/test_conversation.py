"""The conversation in one process: fakes of four engines, audio cut into blocks of any length and rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from roundelay.errors import BadInput, RoundelayError
from roundelay.voice.agent.tools import Tool
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import (
    DEFAULT_OPTIONS,
    CallOptions,
    Capability,
    Request,
    Response,
    ToolCall,
    Transcript,
    Utterance,
)
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.realtime.conversation import (
    BotAudio,
    BotText,
    Conversation,
    ConversationConfig,
    Interrupted,
    ReplyEnded,
    ReplyError,
    ToolUsed,
    Update,
    UserTurn,
)
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.core.state import State
from roundelay.voice.vad import EnergyDetector
from roundelay.voice.voices import Voice

CLOCK = Tool("clock", run=lambda: "noon")


@dataclass
class FakeEngine:
    """All four engines: transcribes one text, answers another, speaks 0.1 s a word."""

    words: str = "what time is it"
    answer: str = "It is noon. Good day."
    rate_hz: int = 16_000
    name: str = "fake"
    capabilities: frozenset[Capability] = frozenset()
    call: ToolCall | None = None
    asked: list[Request] = field(default_factory=list)

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        if self.words == "broken":
            raise RoundelayError("the recogniser is broken")
        return Transcript(self.words)

    def reply(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[str | ToolCall | Response]:
        self.asked.append(request)
        if self.call is not None and request.text:
            yield self.call
        yield self.answer

    def voices(self) -> list[Voice]:
        return [Voice("only")]

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        for _ in utterance.text.split():
            yield Audio(np.full(self.rate_hz // 10, 0.1, np.float32), self.rate_hz)

    def probability(self, text: str, domain_only: bool) -> float | None:
        return 0.95


def converse(
    engine: FakeEngine, sound: np.ndarray, rate: int = 16_000, block: int = 320, **more: object
) -> list[Update]:
    """All updates of a conversation whose microphone gave this sound."""
    config = ConversationConfig(detector=EnergyDetector(), **more)  # type: ignore[arg-type]
    conversation = Conversation(Pipeline(engine, engine, engine, engine), config)
    updates = [
        update
        for at in range(0, len(sound), block)
        for update in conversation.hear(Audio(sound[at : at + block], rate))
    ]
    return updates + conversation.finish()


def noise(ms: int, rate: int = 16_000, seed: int = 1) -> np.ndarray:
    return (1e-3 * np.random.default_rng(seed).standard_normal(ms * rate // 1000)).astype(np.float32)


def speech(ms: int, rate: int = 16_000, hz: float = 130.0) -> np.ndarray:
    """A buzz that the energy detector takes for speech, with a fade at its end."""
    time_s = np.arange(ms * rate // 1000) / rate
    wave = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 12))
    fade = np.clip((ms / 1000 - time_s) / 0.1, 0, 1)
    return (0.1 * wave * fade).astype(np.float32) + noise(ms, rate, seed=3)


def question(rate: int = 16_000, after_ms: int = 3_000) -> np.ndarray:
    return np.concatenate([noise(600, rate), speech(900, rate), noise(after_ms, rate, seed=2)])


def shown(updates: list[Update]) -> list[str]:
    """The updates but for audio, as text."""
    return [
        f"{type(update).__name__}: {getattr(update, 'text', '')}"
        for update in updates
        if not isinstance(update, BotAudio)
    ]


TURN = ["UserTurn: what time is it", "BotText: It is noon.", "BotText: Good day.", "ReplyEnded: It is noon. Good day."]


def test_a_turn_is_transcribed_answered_and_spoken_in_step_with_the_microphone() -> None:
    updates = converse(engine := FakeEngine(), question())
    assert shown(updates) == TURN and engine.asked[0].text == "what time is it"
    audio = [update for update in updates if isinstance(update, BotAudio)]
    assert sum(len(update.audio.samples) for update in audio) == 5 * 1_600
    turn = next(update for update in updates if isinstance(update, UserTurn))
    assert 1.5 + 0.35 < turn.at_s < 1.5 + 0.6, "a complete question is answered after the short wait"
    assert audio[-1].at_s - audio[0].at_s == pytest.approx(0.5, abs=0.05), "half a second of audio takes half a second"


@pytest.mark.parametrize("block", [160, 1_000, 10**6])
def test_the_length_of_the_blocks_changes_nothing(block: int) -> None:
    expected = converse(FakeEngine(), question())
    found = converse(FakeEngine(), question(), block=block)
    assert shown(found) == shown(expected)
    assert [update.at_s for update in found] == [update.at_s for update in expected]


@pytest.mark.parametrize(("rate", "voice_rate"), [(8_000, 22_050), (48_000, 48_000), (44_100, 24_000)])
def test_microphone_and_voice_have_any_rate(rate: int, voice_rate: int) -> None:
    updates = converse(FakeEngine(rate_hz=voice_rate), question(rate), rate=rate, block=rate // 50)
    assert shown(updates) == TURN
    audio = [update.audio for update in updates if isinstance(update, BotAudio)]
    assert {each.rate for each in audio} == {voice_rate}
    assert sum(len(each.samples) for each in audio) == 5 * (voice_rate // 10)


def test_the_rate_may_change_on_the_way() -> None:
    engine = FakeEngine()
    conversation = Conversation(Pipeline(engine, engine, engine, engine), ConversationConfig(detector=EnergyDetector()))
    updates = conversation.hear(Audio(noise(600, 8_000), 8_000))
    updates += conversation.hear(Audio(question(48_000), 48_000)) + conversation.finish()
    assert shown(updates) == TURN and conversation.history[-1].text == "It is noon. Good day."


def test_a_file_that_ends_in_speech_is_answered_by_finish() -> None:
    updates = converse(FakeEngine(), question(after_ms=0)[:-1_600])
    assert shown(updates) == TURN


def test_speech_over_the_bot_interrupts_it_and_is_answered() -> None:
    engine = FakeEngine(answer="one two three four five six seven eight nine ten. " * 2)
    sound = np.concatenate([question(after_ms=1_300), speech(900, hz=170.0), noise(4_000, seed=5)])
    updates = converse(engine, sound)
    cut = next(update for update in updates if isinstance(update, Interrupted))
    assert cut.text and engine.answer.startswith(cut.text) and len(cut.text) < len(engine.answer)
    assert len([update for update in updates if isinstance(update, UserTurn)]) == 2
    assert isinstance(updates[-1], ReplyEnded)


def test_a_backchannel_does_not_interrupt() -> None:
    engine = FakeEngine(answer="one two three four five six seven eight nine ten. " * 2)
    sound = np.concatenate([question(after_ms=1_300), speech(300, hz=170.0), noise(4_000, seed=5)])
    config = ConversationConfig(detector=EnergyDetector())
    conversation = Conversation(Pipeline(engine, engine, engine, engine), config)
    updates = conversation.hear(Audio(sound[: 16 * 2_500], 16_000))
    engine.words = "uh-huh"
    updates += conversation.hear(Audio(sound[16 * 2_500 :], 16_000)) + conversation.finish()
    assert not [update for update in updates if isinstance(update, Interrupted)]
    assert [update.text for update in updates if isinstance(update, UserTurn)] == ["what time is it"]


def test_a_failure_is_an_update_and_the_conversation_goes_on() -> None:
    engine = FakeEngine(words="broken")
    conversation = Conversation(Pipeline(engine, engine, engine, engine), ConversationConfig(detector=EnergyDetector()))
    updates = conversation.hear(Audio(question(), 16_000))
    assert [update.why for update in updates if isinstance(update, ReplyError)] == ["the recogniser is broken"]
    engine.words = "what time is it"
    assert shown(conversation.hear(Audio(question(), 16_000)) + conversation.finish())[-4:] == TURN


def test_a_tool_runs_and_its_result_is_answered() -> None:
    engine = FakeEngine(answer="Done.", capabilities=frozenset({Capability.TOOLS}), call=ToolCall("clock", "{}"))
    updates = converse(engine, question(), tools=(CLOCK,))
    assert [update.name for update in updates if isinstance(update, ToolUsed)] == ["clock"]
    assert any(message.text.endswith("= noon") for message in engine.asked[-1].history)


def test_after_finish_nothing_is_heard_and_bad_settings_are_refused() -> None:
    engine = FakeEngine()
    conversation = Conversation(Pipeline(engine, engine, engine, engine), ConversationConfig(detector=EnergyDetector()))
    assert conversation.finish() == conversation.finish() == [] and conversation.state is State.CLOSED
    with pytest.raises(BadInput, match="finished"):
        conversation.hear(Audio(noise(100), 16_000))
    with pytest.raises(BadInput, match="run"):
        ConversationConfig(tools=(replace(CLOCK, run=None),))
    with pytest.raises(BadInput, match="detection"):
        ConversationConfig(thresholds=Thresholds(detection="none"))


def test_the_embedded_voice_asks_and_the_embedded_engine_answers() -> None:
    pipeline = Pipeline.load()
    asked = pipeline.say("What is twelve plus thirty?")
    conversation = Conversation(pipeline)
    padded = np.concatenate([np.zeros(8_000, np.float32), asked.samples, np.zeros(8_000, np.float32)])
    updates = conversation.hear(Audio(padded, asked.rate)) + conversation.finish()
    assert [type(update) for update in updates if not isinstance(update, BotAudio)] == [UserTurn, BotText, ReplyEnded]
    assert "forty-two" in conversation.history[-1].text or "42" in conversation.history[-1].text
