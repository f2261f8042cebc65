"""The worker of a conversation with an engine of twenty lines: transcripts, replies, tools, failures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from worker_case import DRAFT, LIMITS, FakeEngine, WorkerTest, buzz, noise

from roundelay.voice.agent.persona import persona
from roundelay.voice.agent.tools import Tool
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Message, Transcript, Utterance
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.worker_pool import WorkerPool


def test_a_draft_is_read_answered_and_spoken_clause_by_clause() -> None:
    bench = WorkerTest(engine := FakeEngine())
    bench.worker.hear(buzz(1_000))
    bench.worker.do(DRAFT)
    bench.wait(ev.EndOfTurnPredicted)  # it is judged beside the answer, sooner or later
    told_ = bench.wait(ev.ReplyDone)
    mine = [
        event for event in told_ if not isinstance(event, ev.SpeechStarted | ev.SpeechStopped | ev.EndOfTurnPredicted)
    ]
    assert [type(event).__name__ for event in mine] == ["Transcribed", "ReplyText", *["ReplyAudio"] * 3, "ReplyText",
                                                        *["ReplyAudio"] * 2, "ReplyDone"]  # fmt: skip
    assert engine.request.text == "what time is it" and engine.request.history[0] == persona().message
    bench.worker.do(do.Transcribe(1, 0, 16_000))
    bench.wait(ev.Transcribed, 2)
    assert engine.reads == 1, "what was read is not read again"


def test_care_is_taken_with_words_that_are_not_waited_for() -> None:
    bench = WorkerTest(engine := FakeEngine(text="one two three four five six seven eight nine ten."))
    bench.worker.do(DRAFT)
    bench.wait(ev.ReplyDone)
    assert engine.candidates[0] == 1 and engine.candidates[-1] > 1 and engine.candidates == sorted(engine.candidates)


def test_a_dropped_draft_ends_between_two_sounds() -> None:
    bench = WorkerTest(engine := FakeEngine(text="one two three four five six seven."))
    engine.gate.clear()
    bench.worker.do(DRAFT)
    bench.wait(ev.ReplyText)
    bench.worker.do(do.Drop(1))
    engine.gate.set()
    bench.worker.do(do.Draft(2, "request", (Message("user", "hello", "m"),)))
    told_ = bench.wait(ev.ReplyDone)
    assert not [event for event in told_ if isinstance(event, ev.ReplyAudio | ev.ReplyDone) and event.reply == 1]


def test_a_clause_without_sound_is_passed_over_and_a_reply_without_any_has_failed() -> None:
    class Silent(FakeEngine):
        def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
            return iter(()) if "42" in utterance.text else super().synthesize(utterance, options)

    bench = WorkerTest(engine := Silent(text="Before. 42. After it."))
    draft = do.Draft(1, "request", (Message("user", "hello", "m"),))
    bench.worker.do(draft)
    told_ = bench.wait(ev.ReplyDone)
    assert [event.text for event in told_ if isinstance(event, ev.ReplyText)] == ["Before.", "42.", "After it."]
    assert sum(isinstance(event, ev.ReplyAudio) for event in told_) == 3
    engine.text = "42. 42."
    bench.worker.do(replace(draft, reply=2))
    told_ = bench.wait(ev.ReplyFailed)
    assert "gave no sound" in str(told_[-1]) and sum(isinstance(event, ev.ReplyDone) for event in told_) == 1


def test_words_that_were_not_heard_are_asked_for() -> None:
    bench = WorkerTest(FakeEngine(heard=""))
    bench.worker.do(DRAFT)
    assert [e.text for e in bench.wait(ev.ReplyDone) if isinstance(e, ev.ReplyText)] == ["Sorry, I did not catch that."]


def test_quick_words_are_told_at_once_and_the_final_ones_are_answered() -> None:
    class TwoPasses(FakeEngine):
        def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> str:
            assert options.partial is not None
            options.partial(Transcript("what time is in", final=False))
            self.gate.wait(5)
            return "What time is it?"

    bench = WorkerTest(engine := TwoPasses())
    engine.gate.clear()
    bench.worker.hear(buzz(1_000))
    bench.worker.do(DRAFT)
    told = bench.wait(ev.EndOfTurnPredicted)  # by the quick words, while the final ones are awaited
    assert [event.text for event in told if isinstance(event, ev.PartialTranscript)] == ["what time is in"]
    assert not any(isinstance(event, ev.Transcribed) for event in told)
    engine.gate.set()
    told = bench.wait(ev.ReplyDone)
    assert [event.text for event in told if isinstance(event, ev.Transcribed)] == ["What time is it?"]
    assert engine.request.text == "What time is it?"


def test_a_failure_is_one_line_and_the_next_draft_lives() -> None:
    bench = WorkerTest(engine := FakeEngine(heard="broken"))
    bench.worker.hear(noise(1_000))
    bench.worker.do(DRAFT)
    failed = next(e for e in bench.wait(ev.ReplyFailed) if isinstance(e, ev.ReplyFailed))
    assert failed.why == "the recogniser is broken"
    engine.heard = "better"
    bench.worker.do(do.Draft(2, "turn", (), 2, 0, 15_000))
    bench.wait(ev.ReplyDone)


def test_a_full_pool_refuses_and_says_so() -> None:
    pool = WorkerPool(1, waiting=1)
    engine = FakeEngine()
    engine.gate.clear()
    bench = WorkerTest(engine, pool)
    for number in (1, 2, 3):
        bench.worker.do(do.Draft(number, "asked", (Message("user", "hello", "m"),)))
    assert [e.reply for e in bench.wait(ev.ReplyFailed) if isinstance(e, ev.ReplyFailed)] == [3]
    engine.gate.set()
    bench.wait(ev.ReplyDone, 2)
    pool.close()
    assert not pool.submit(lambda: None)


def test_a_word_over_the_bots_voice_is_read_while_every_thread_speaks() -> None:
    bench = WorkerTest(engine := FakeEngine(heard="stop"), WorkerPool(1))
    engine.gate.clear()
    bench.worker.do(do.Draft(1, "request", (Message("user", "hello", "m"),)))
    bench.wait(ev.ReplyText)
    bench.worker.hear(buzz(500))
    bench.worker.do(do.Transcribe(2, 0, 8_000))
    assert any(isinstance(e, ev.Transcribed) and e.text == "stop" for e in bench.wait(ev.Transcribed))
    engine.gate.set()


def test_a_reply_sounds_or_not_as_it_was_asked_for_whatever_the_session_does() -> None:
    for session, wish in ((False, ("audio",)), (True, ("text",)), (True, None), (False, None)):
        bench = WorkerTest(FakeEngine(), spoken=session)
        options = {"modalities": wish} if wish else None
        bench.worker.do(do.Draft(1, "request", (Message("user", "hello", "m"),), options=options))
        sounds = [event for event in bench.wait(ev.ReplyDone) if isinstance(event, ev.ReplyAudio)]
        assert bool(sounds) == (wish == ("audio",) if wish else session)


def test_a_tools_result_is_told_wherever_it_stands_in_the_history() -> None:
    bench = WorkerTest(FakeEngine())
    history = (Message("tool", "clock({}) = noon", "c"), Message("assistant", "Let me see.", "reply-1"))
    bench.worker.do(do.Draft(1, "tool", history))
    assert [e.text for e in bench.wait(ev.ReplyDone) if isinstance(e, ev.ReplyText)] == ["clock:", "noon"]


def test_a_little_before_a_turn_is_read_with_it_but_not_before_one_that_the_client_bounds() -> None:
    lengths: list[int] = []

    class Measuring(FakeEngine):
        def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> str:
            lengths.append(len(audio.samples))
            return "yes"

    bench = WorkerTest(Measuring())
    bench.worker.hear(noise(2_000))
    bench.worker.do(do.Transcribe(1, 16_000, 32_000))
    bench.wait(ev.Transcribed)
    bench.worker.do(do.Transcribe(2, 16_000, 32_000, exact=True))
    bench.wait(ev.Transcribed, 2)
    bench.worker.do(do.Draft(3, "turn", (), 3, 16_000, 32_000, exact=True))
    bench.wait(ev.Transcribed, 3)
    assert lengths == [16_000 + LIMITS.prefix_ms * 16, 16_000, 16_000]


def test_a_closed_worker_says_nothing_more() -> None:
    bench = WorkerTest(engine := FakeEngine())
    engine.gate.clear()
    bench.worker.do(DRAFT)
    bench.wait(ev.ReplyText)
    bench.worker.close()
    before = len(bench.told)
    engine.gate.set()
    time.sleep(0.05)
    assert len(bench.told) == before


def test_tools_are_called_in_words_or_by_name_and_local_ones_are_run() -> None:
    clock = Tool("clock", "", {"properties": {"city": {"type": "string"}}}, run=lambda city="here": f"noon in {city}")
    bench = WorkerTest(FakeEngine(skill="clock new york"), tools=(clock,))
    bench.worker.do(do.Draft(1, "request", (Message("user", "time", "m"),)))
    call = next(e for e in bench.wait(ev.ToolCalled) if isinstance(e, ev.ToolCalled))
    assert (call.name, call.arguments) == ("clock", '{"city": "new york"}')
    bench.worker.do(do.CallTool(1, call.call, call.name, call.arguments))
    assert any(isinstance(e, ev.ToolReturned) and e.output == "noon in new york" for e in bench.wait(ev.ToolReturned))
    bench = WorkerTest(FakeEngine(skill="capital france"), tools=(clock,))  # a skill of the engine's own
    bench.worker.do(do.Draft(1, "request", (Message("user", "time", "m"),)))
    assert not [e for e in bench.wait(ev.ReplyDone) if isinstance(e, ev.ToolCalled)]


def test_a_whole_turn_from_microphone_to_voice() -> None:
    """The machine and its shell together: a buzz is a turn, its draft is committed and played."""
    session, out, bench = Session(), [], WorkerTest(FakeEngine(text="It is noon."))
    done = False
    sound = np.concatenate([noise(600), buzz(900), noise(1_500, seed=9)])
    for now in range(20, 3_000, 20):
        bench.worker.hear(sound[(now - 20) * 16 : now * 16])
        if now == 1_900 and not done:  # the work of a turn that paused long ago has come
            bench.wait(ev.ReplyDone)
        with bench.news:
            news, bench.told = bench.told, []
        done = done or any(isinstance(event, ev.ReplyDone) for event in news)
        for event in [*(replace(event, at_ms=now) for event in news), ev.Tick(now)]:
            for action in session.feed(event):
                out.append(type(action).__name__)
                bench.worker.do(action)
                if isinstance(action, do.PredictEndOfTurn):  # time does not run on while the judge thinks
                    bench.wait(ev.EndOfTurnPredicted)
    assert out == ["StartTurn", "PredictEndOfTurn", "Draft", "Caption", "StopTurn", "CommitTurn", "Caption", "Begin",
                   "Say", "Play", "Play", "Play", "Finish"]  # fmt: skip


def test_a_chat_model_summarises_a_long_history_and_another_responder_drops_it() -> None:
    messages = (Message("user", "my name is Ada", "turn-1"), Message("assistant", "Hello Ada.", "reply-1"))
    for capabilities, text in ((frozenset({Capability.CHAT}), "The user is Ada."), (frozenset(), "")):
        engine = FakeEngine(text="The user is Ada.")
        engine.capabilities = capabilities
        bench = WorkerTest(engine)
        bench.worker.do(do.Summarise(messages, "reply-1"))
        told = next(e for e in bench.wait(ev.Summarised) if isinstance(e, ev.Summarised))
        assert (told.key, told.text) == ("reply-1", text)
        assert not text or (engine.request.history == messages and engine.request.tool_choice == "none")


def test_the_reply_keeps_the_engines_rate_and_its_echo_is_known_at_the_inputs() -> None:
    engine = FakeEngine()
    engine.rate_hz = 48_000
    bench = WorkerTest(engine)
    bench.worker.do(do.Draft(1, "request", (Message("user", "hello", "m"),)))
    sounds = [e for e in bench.wait(ev.ReplyDone) if isinstance(e, ev.ReplyAudio)]
    assert {(e.rate_hz, len(e.samples)) for e in sounds} == {(48_000, 4_800)}
    played = buzz(1_600, 150.0)
    times = np.arange(len(played) * 3) / 3
    bench.worker.note_playback(np.interp(times, np.arange(len(played)), played).astype(np.float32), 48_000)
    bench.worker.hear(np.concatenate([noise(320), 0.5 * played]))
    boundaries = [e for e in bench.told if isinstance(e, ev.SpeechStarted | ev.SpeechStopped)]
    assert len(boundaries) == 2 and isinstance(boundaries[1], ev.SpeechStopped), "the echo is taken back"
