"""The conversation's shell: the detector, the judge, the worker with a twenty-line model, tools and personas."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roundelay.errors import BadInput, RoundelayError
from roundelay.voice.agent.persona import persona, personas
from roundelay.voice.agent.tools import Tool, parse_call
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import Message
from roundelay.voice.realtime import endpointing, vad
from roundelay.voice.realtime.budget import Lead
from roundelay.voice.realtime.clauses import clauses
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.ring_buffer import RingBuffer
from roundelay.voice.realtime.trim_silence import PRE_ONSET_MS, trim_leading_silence
from roundelay.voice.realtime.worker import Manner, Pool, Worker, told

RATE = ev.RATE_HZ
JFK = Path(__file__).parents[4] / "shared" / "data" / "human" / "jfk.flac"
LIMITS = Thresholds()


def buzz(ms: int, hz: float = 120.0, level: float = 0.2) -> np.ndarray:
    """A sawtooth: loud and periodic, as a voice is."""
    t = np.arange(ms * RATE // 1000) / RATE
    return (level * (2 * (t * hz % 1) - 1)).astype(np.float32)


def noise(ms: int, level: float = 0.001, seed: int = 0) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(ms * RATE // 1000)).astype(np.float32)


def edges(judge: vad.Detector, sound: np.ndarray, piece: int = 320) -> list[vad.SpeechBoundary]:
    ear = vad.SpeechSegmenter(judge)
    return [edge for at in range(0, len(sound), piece) for edge in ear.push(sound[at : at + piece], LIMITS)]


# ---- the detector


def test_the_plain_detector_finds_a_voice_in_a_quiet_and_in_a_noisy_room() -> None:
    for level in (0.0005, 0.01):
        voiced = buzz(800) + noise(800, level, 1)
        sound = np.concatenate([noise(1_600, level), voiced, noise(800, level, 2)])
        start, stop = edges(vad.EnergyDetector(), sound)
        assert start.starts and abs(start.sample - 1_600 * 16) <= 1_024
        assert not stop.starts and abs(stop.sample - 2_400 * 16) <= 2_048


def test_the_plain_detector_takes_neither_silence_nor_hiss_nor_a_click_for_a_voice() -> None:
    click = np.zeros(16_000, np.float32)
    click[8_000:8_100] = 0.9
    for sound in (np.zeros(32_000, np.float32), noise(2_000, 0.05), click):
        assert edges(vad.EnergyDetector(), sound) == []


def test_a_frame_that_may_begin_a_voice_is_doubtful_for_a_while_only() -> None:
    begins, mumbles = [0.1, 0.3, 0.1, 0.4, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1], [0.3] * 20 + [0.1, 0.3]

    class Scripted:
        def __init__(self, said: list[float]) -> None:
            self.said = iter(said)

        def speech_probability(self, frame: np.ndarray) -> float:
            return next(self.said)

    def doubted(said: list[float]) -> tuple[list[int], list[bool]]:
        ear, maybe_speech, found = vad.SpeechSegmenter(Scripted(said)), [], []
        for at in range(len(said)):
            found += [edge.starts for edge in ear.push(np.zeros(vad.FRAME, np.float32), LIMITS)]
            maybe_speech += [at] * ear.maybe_speech
        return maybe_speech, found

    assert doubted(begins) == ([1, 3, 4, 5], [True, False])  # with the frame of the edge: nothing slips through there
    assert doubted(mumbles) == ([0, 1, 2, 3, 4, 5, 21], [])


def test_sound_that_nobody_judged_keeps_its_place() -> None:
    ear = vad.SpeechSegmenter(vad.EnergyDetector())
    assert [edge.starts for edge in ear.push(np.concatenate([noise(500), buzz(500)]), LIMITS)] == [True]
    ear.skip(10 * RATE)
    assert not ear.maybe_speech
    start, stop = ear.push(np.concatenate([noise(600), buzz(500), noise(500)]), LIMITS)
    assert start.starts and abs(start.sample - 11_600 * 16) <= 1_024 and not stop.starts


def test_edges_do_not_depend_on_how_the_sound_is_cut() -> None:
    sound = np.concatenate([noise(500), buzz(700), noise(600, seed=3), buzz(300), noise(500, seed=4)])
    whole = edges(vad.EnergyDetector(), sound, len(sound))
    assert len(whole) == 4 and [edge.starts for edge in whole] == [True, False, True, False]
    assert all(edges(vad.EnergyDetector(), sound, piece) == whole for piece in (1, 511, 4_096))


def test_sileros_file_is_found_without_importing_torch() -> None:
    code = (
        "import sys; from roundelay.voice.realtime import worker, vad; path = vad.silero_path(); "
        "vad.default_detector(); "
        "assert 'torch' not in sys.modules and 'silero_vad' not in sys.modules; print(path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(vad.silero_path() is None, reason="Silero's file is not installed")
@pytest.mark.skipif(not JFK.exists(), reason="no shared recordings beside this checkout")
def test_silero_and_the_plain_detector_agree_on_a_recording() -> None:
    path = vad.silero_path()
    assert path is not None
    sound = np.concatenate([np.zeros(8_000, np.float32), Audio.read(JFK, RATE).samples, np.zeros(16_000, np.float32)])
    masks = []
    for judge in (vad.Silero(path), vad.EnergyDetector()):
        mask = np.zeros(len(sound), bool)
        found = edges(judge, sound)
        assert found and found[0].starts and not found[-1].starts
        for start, stop in zip(found[::2], found[1::2], strict=True):
            mask[start.sample : stop.sample] = True
        masks.append(mask)
    assert (masks[0] == masks[1]).mean() > 0.8
    assert not masks[0][:7_000].any() and not masks[0][-8_000:].any()


def babble(seed: int, ms: int = 2_400) -> np.ndarray:
    """Buzzes whose pitch wanders, so that no two moments are alike."""
    draw = np.random.default_rng(seed)
    hz = np.repeat(draw.uniform(90, 220, ms // 60), 60 * 16)
    return (0.2 * (2 * (np.cumsum(hz) / RATE % 1) - 1)).astype(np.float32)


def through(played: np.ndarray, heard: np.ndarray) -> list[vad.SpeechBoundary]:
    ear = vad.SpeechSegmenter(vad.EnergyDetector(), echo := vad.Echo())
    echo.played(played)
    return list(ear.push(np.concatenate([noise(500, 0.002, 5), heard, noise(500, 0.002, 6)]), LIMITS))


def test_an_echo_is_taken_back_and_a_user_over_it_is_not() -> None:
    played = babble(1)
    echo = 0.3 * np.concatenate([np.zeros(4_800, np.float32), played[:24_000]]) + noise(1_800, 0.002)
    start, back = through(played, echo)
    assert start.starts and not back.starts and back.sample == start.sample and back.echo >= LIMITS.echo
    start, stop = through(played, babble(2, 900))
    assert start.starts and not stop.starts and stop.sample - start.sample > 12_000 and start.echo == stop.echo == 0
    interrupting = echo.copy()
    interrupting[16_000:] += babble(3, 900)[: len(interrupting) - 16_000]
    start, back, user, stop = through(played, interrupting)
    assert back.sample == start.sample and user.starts and user.sample > 12_000 and stop.sample > user.sample


# ---- the judge of a turn's end


@pytest.mark.parametrize("text", ["what is the capital of france", "stop", "how are you", "add two and three", "yes"])
def test_complete_words_are_over(text: str) -> None:
    assert endpointing.end_of_turn_probability(np.zeros(0, np.float32), text) >= LIMITS.sure


@pytest.mark.parametrize("text", ["what is the", "twelve plus", "i would like to um", "and", "how many"])
def test_words_that_need_another_are_not(text: str) -> None:
    assert endpointing.end_of_turn_probability(np.zeros(0, np.float32), text) <= LIMITS.unsure


def test_words_that_nobody_can_answer_are_waited_for_and_whole_questions_are_not() -> None:
    sure = glide(140, 100, 0.3)
    assert endpointing.end_of_turn_probability(sure, "what is the capital of", 0.95) >= LIMITS.sure
    wait_ms = LIMITS.wait_ms(endpointing.end_of_turn_probability(sure, "what is twelve", 0.05))
    assert (
        wait_ms is not None
        and wait_ms > 1_000
        and endpointing.end_of_turn_probability(sure, "what is twelve") >= LIMITS.sure
    )
    assert endpointing.end_of_turn_probability(sure, "", 0.0) == endpointing.end_of_turn_probability(sure)
    judged = []
    for known in (True, False, None):
        model = Fake(heard="what is twelve")
        model.complete = lambda text, known=known: known  # type: ignore[attr-defined]
        desk = Desk(model)
        desk.worker.hear(buzz(1_000))
        desk.worker.do(do.Transcribe(1, 0, 16_000))
        judged.append(
            next(e.probability for e in desk.wait(ev.EndOfTurnPredicted) if isinstance(e, ev.EndOfTurnPredicted))
        )
    assert judged[1] < LIMITS.unsure < LIMITS.sure < judged[2] <= judged[0]


def glide(first_hz: float, last_hz: float, fade: float) -> np.ndarray:
    """A buzz of a second whose pitch and loudness change over its last fifth."""
    bend = np.clip((np.arange(RATE) / RATE - 0.8) / 0.1, 0, 1)
    hz = first_hz * (last_hz / first_hz) ** bend
    wave = 2 * (np.cumsum(hz) / RATE % 1) - 1
    return (0.2 * wave * fade**bend).astype(np.float32)


def test_a_fall_sounds_like_an_end_and_a_level_pitch_does_not() -> None:
    fall, level = endpointing.prosody_score(glide(140, 100, 0.4)), endpointing.prosody_score(glide(140, 140, 1.0))
    assert fall > 0.5 and level < -0.2 and endpointing.prosody_score(glide(140, 200, 0.6)) > 0.5
    assert endpointing.prosody_score(np.zeros(100, np.float32)) == 0.0
    assert (
        endpointing.end_of_turn_probability(glide(140, 140, 1.0))
        < 0.5
        < endpointing.end_of_turn_probability(glide(140, 100, 0.4))
    )


# ---- the worker


class Fake:
    """A model of twenty lines: hears one text, answers another, speaks a tenth of a second a word."""

    def __init__(
        self, heard: str = "what time is it", text: str = "It is noon. Good day.", call: object = None
    ) -> None:
        self.heard, self.text, self.call = heard, text, call
        self.reads, self.ways = 0, list[int]()
        self.gate = threading.Event()
        self.gate.set()

    def say_stream(
        self,
        text: str,
        voice: str | None = None,
        seed: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
        ways: Callable[[], int] = lambda: 1,
    ) -> Iterator[np.ndarray]:
        for _ in text.split():
            self.ways.append(ways())
            self.gate.wait(5)
            if cancelled():
                return
            yield np.full(1_600, 0.1, np.float32)

    def transcribe(self, audio: Audio) -> str:
        self.reads += 1
        if self.heard == "broken":
            raise RoundelayError("the ears are broken")
        return self.heard

    def answer(self, text: str, history: object = ()) -> Fake:
        self.asked, self.history = text, history
        return self


class Desk:
    """A worker and what it tells; time is the number of the news."""

    def __init__(self, model: Fake, pool: Pool | None = None, **manner: object) -> None:
        self.told: list[ev.Event] = []
        self.news = threading.Condition()
        self.pool = pool or Pool(2)
        self.worker = Worker(model, self.tell, self.pool, Manner(LIMITS, persona(), **manner), vad.EnergyDetector())  # type: ignore[arg-type]

    def tell(self, make: Callable[[int], ev.Event]) -> None:
        with self.news:
            self.told.append(make(len(self.told)))
            self.news.notify_all()

    def wait(self, kind: type[ev.Event], count: int = 1) -> list[ev.Event]:
        """The events told, as soon as there are `count` of a kind."""
        with self.news:
            assert self.news.wait_for(lambda: sum(isinstance(e, kind) for e in self.told) >= count, 10), self.told
            return list(self.told)


DRAFT = do.Draft(1, "turn", (Message("user", "hello", "turn-0"),), 1, 0, 16_000)


def test_a_draft_is_read_answered_and_spoken_clause_by_clause() -> None:
    desk = Desk(model := Fake())
    desk.worker.hear(buzz(1_000))
    desk.worker.do(DRAFT)
    desk.wait(ev.EndOfTurnPredicted)  # it is judged beside the answer, sooner or later
    told_ = desk.wait(ev.ReplyDone)
    mine = [
        event for event in told_ if not isinstance(event, ev.SpeechStarted | ev.SpeechStopped | ev.EndOfTurnPredicted)
    ]
    assert [type(event).__name__ for event in mine] == ["Transcribed", "ReplyText", *["ReplyAudio"] * 3, "ReplyText",
                                                        *["ReplyAudio"] * 2, "ReplyDone"]  # fmt: skip
    assert model.asked == "what time is it" and model.history[0] == persona().message  # type: ignore[index]
    desk.worker.do(do.Transcribe(1, 0, 16_000))
    desk.wait(ev.Transcribed, 2)
    assert model.reads == 1, "what was read is not read again"


def test_care_is_taken_with_words_that_are_not_waited_for() -> None:
    desk = Desk(model := Fake(text="one two three four five six seven eight nine ten."))
    desk.worker.do(DRAFT)
    desk.wait(ev.ReplyDone)
    assert model.ways[0] == 1 and model.ways[-1] > 1 and model.ways == sorted(model.ways)


def test_ways_follow_how_far_the_sound_is_ahead_and_how_long_one_took(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("roundelay.voice.realtime.budget.time.monotonic", lambda: now[0])

    def after(way_s: float) -> list[int]:
        lead, asked = Lead(), []
        for _ in range(8):
            asked.append(lead.ways())
            now[0] += way_s * asked[-1]
            lead.add(RATE // 2)
        return asked

    assert after(0.05) == sorted(after(0.05)) and after(0.05)[0] == 1 and after(0.05)[-1] == 4
    assert after(0.6) == [1] * 8  # slower than the listener
    busy = after(0.22)
    assert sum(busy) < sum(after(0.05)) and busy[1] == 1


def test_a_dropped_draft_ends_between_two_sounds() -> None:
    desk = Desk(model := Fake(text="one two three four five six seven."))
    model.gate.clear()
    desk.worker.do(DRAFT)
    desk.wait(ev.ReplyText)
    desk.worker.do(do.Drop(1))
    model.gate.set()
    desk.worker.do(do.Draft(2, "request", (Message("user", "hello", "m"),)))
    told_ = desk.wait(ev.ReplyDone)
    assert not [event for event in told_ if isinstance(event, ev.ReplyAudio | ev.ReplyDone) and event.reply == 1]


def test_words_that_were_not_heard_are_asked_for() -> None:
    desk = Desk(Fake(heard=""))
    desk.worker.do(DRAFT)
    assert [e.text for e in desk.wait(ev.ReplyDone) if isinstance(e, ev.ReplyText)] == ["Sorry, I did not catch that."]


def test_a_failure_is_one_line_and_the_next_draft_lives() -> None:
    desk = Desk(model := Fake(heard="broken"))
    desk.worker.hear(noise(1_000))
    desk.worker.do(DRAFT)
    failed = next(e for e in desk.wait(ev.ReplyFailed) if isinstance(e, ev.ReplyFailed))
    assert failed.why == "the ears are broken"
    model.heard = "better"
    desk.worker.do(do.Draft(2, "turn", (), 2, 0, 15_000))
    desk.wait(ev.ReplyDone)


def test_a_full_pool_refuses_and_says_so() -> None:
    pool = Pool(1, waiting=1)
    model = Fake()
    model.gate.clear()
    desk = Desk(model, pool)
    for number in (1, 2, 3):
        desk.worker.do(do.Draft(number, "asked", (Message("user", "hello", "m"),)))
    assert [e.reply for e in desk.wait(ev.ReplyFailed) if isinstance(e, ev.ReplyFailed)] == [3]
    model.gate.set()
    desk.wait(ev.ReplyDone, 2)
    pool.close()
    assert not pool.submit(lambda: None)


def test_a_word_over_the_bots_voice_is_read_while_every_thread_speaks() -> None:
    desk = Desk(model := Fake(heard="stop"), Pool(1))
    model.gate.clear()
    desk.worker.do(do.Draft(1, "request", (Message("user", "hello", "m"),)))
    desk.wait(ev.ReplyText)
    desk.worker.hear(buzz(500))
    desk.worker.do(do.Transcribe(2, 0, 8_000))
    assert any(isinstance(e, ev.Transcribed) and e.text == "stop" for e in desk.wait(ev.Transcribed))
    model.gate.set()


def test_a_reply_sounds_or_not_as_it_was_asked_for_whatever_the_session_does() -> None:
    for session, wish in ((False, ("audio",)), (True, ("text",)), (True, None), (False, None)):
        desk = Desk(Fake(), aloud=session)
        options = {"modalities": wish} if wish else None
        desk.worker.do(do.Draft(1, "request", (Message("user", "hello", "m"),), options=options))
        sounds = [event for event in desk.wait(ev.ReplyDone) if isinstance(event, ev.ReplyAudio)]
        assert bool(sounds) == (wish == ("audio",) if wish else session)


def test_a_tools_result_is_told_wherever_it_stands_in_the_history() -> None:
    desk = Desk(Fake())
    history = (Message("tool", "clock({}) = noon", "c"), Message("assistant", "Let me see.", "reply-1"))
    desk.worker.do(do.Draft(1, "tool", history))
    assert [e.text for e in desk.wait(ev.ReplyDone) if isinstance(e, ev.ReplyText)] == ["clock:", "noon"]


def test_a_little_before_a_turn_is_read_with_it_but_not_before_one_that_the_client_bounds() -> None:
    lengths: list[int] = []

    class Measuring(Fake):
        def transcribe(self, audio: Audio) -> str:
            lengths.append(len(audio.samples))
            return "yes"

    desk = Desk(Measuring())
    desk.worker.hear(noise(2_000))
    desk.worker.do(do.Transcribe(1, 16_000, 32_000))
    desk.wait(ev.Transcribed)
    desk.worker.do(do.Transcribe(2, 16_000, 32_000, exact=True))
    desk.wait(ev.Transcribed, 2)
    desk.worker.do(do.Draft(3, "turn", (), 3, 16_000, 32_000, exact=True))
    desk.wait(ev.Transcribed, 3)
    assert lengths == [16_000 + LIMITS.prefix_ms * 16, 16_000, 16_000]


def test_a_closed_worker_says_nothing_more() -> None:
    desk = Desk(model := Fake())
    model.gate.clear()
    desk.worker.do(DRAFT)
    desk.wait(ev.ReplyText)
    desk.worker.close()
    before = len(desk.told)
    model.gate.set()
    time.sleep(0.05)
    assert len(desk.told) == before


def test_tools_are_called_in_words_or_by_name_and_local_ones_are_run() -> None:
    clock = Tool("clock", "", {"properties": {"city": {"type": "string"}}}, run=lambda city="here": f"noon in {city}")
    desk = Desk(Fake(call="clock new york"), tools=(clock,))
    desk.worker.do(do.Draft(1, "request", (Message("user", "time", "m"),)))
    call = next(e for e in desk.wait(ev.ToolCalled) if isinstance(e, ev.ToolCalled))
    assert (call.name, call.arguments) == ("clock", '{"city": "new york"}')
    desk.worker.do(do.CallTool(1, call.call, call.name, call.arguments))
    assert any(isinstance(e, ev.ToolReturned) and e.output == "noon in new york" for e in desk.wait(ev.ToolReturned))
    desk = Desk(Fake(call="capital france"), tools=(clock,))  # a skill of the model's own
    desk.worker.do(do.Draft(1, "request", (Message("user", "time", "m"),)))
    assert not [e for e in desk.wait(ev.ReplyDone) if isinstance(e, ev.ToolCalled)]


def test_a_whole_turn_from_microphone_to_voice() -> None:
    """The machine and its shell together: a buzz is a turn, its draft is committed and played."""
    session, out, desk = Session(), [], Desk(Fake(text="It is noon."))
    done = False
    sound = np.concatenate([noise(600), buzz(900), noise(1_500, seed=9)])
    for now in range(20, 3_000, 20):
        desk.worker.hear(sound[(now - 20) * 16 : now * 16])
        if now == 1_900 and not done:  # the work of a turn that paused long ago has come
            desk.wait(ev.ReplyDone)
        with desk.news:
            news, desk.told = desk.told, []
        done = done or any(isinstance(event, ev.ReplyDone) for event in news)
        for event in [*(replace(event, at_ms=now) for event in news), ev.Tick(now)]:
            for action in session.feed(event):
                out.append(type(action).__name__)
                desk.worker.do(action)
                if isinstance(action, do.PredictEndOfTurn):  # time does not run on while the judge thinks
                    desk.wait(ev.EndOfTurnPredicted)
    assert out == ["StartTurn", "PredictEndOfTurn", "Draft", "Caption", "StopTurn", "CommitTurn", "Caption", "Begin",
                   "Say", "Play", "Play", "Play", "Finish"]  # fmt: skip


def test_the_microphone_keeps_a_minute_and_cuts_by_sample() -> None:
    mic = RingBuffer(keep=1_000)
    for at in range(0, 3_000, 300):
        mic.push(np.arange(at, at + 300, dtype=np.float32))
    assert mic.end == 3_000 and list(mic.cut(2_495, 2_500)) == [2_495, 2_496, 2_497, 2_498, 2_499]
    assert len(mic.cut(0, 3_000)) <= 1_300 and mic.cut(0, 3_000)[-1] == 2_999


def test_clauses_hold_every_word_and_the_first_is_short() -> None:
    text = "Well, that depends on what you mean, as always. It is four percent! " + "word " * 60
    made = clauses(text)
    assert " ".join(made).split() == text.split() and len(made[0]) <= 40 and max(map(len, made)) <= 90
    assert clauses("… !") == [] and told('get_time({"city": "x"}) = noon') == "get time: noon"


# ---- tools and personas


def test_a_tool_checks_its_arguments_and_its_faults_become_text() -> None:
    tool = Tool("add", "", {"properties": {"a": {"type": "integer"}, "b": {"type": "number"}}, "required": ["a"]},
                run=lambda a, b=1: a / b)  # fmt: skip
    assert tool.parse_arguments('{"a": 1, "b": 2}') == {"a": 1, "b": 2} and tool.call('{"a": 1, "b": 2}') == "0.5"
    for bad in ("nonsense", "[1]", "{}", '{"a": "x"}', '{"a": true}', '{"a": 1, "c": 2}'):
        with pytest.raises(BadInput):
            tool.parse_arguments(bad)
        assert tool.call(bad).startswith("error: ")
    assert tool.call('{"a": 1, "b": 0}') == "error: ZeroDivisionError: division by zero"
    assert parse_call("add 1 2.5", [tool]) == (tool, '{"a": 1, "b": 2.5}') and parse_call("subtract 1", [tool]) is None
    assert len(Tool("long", run=lambda: "x" * 9_999).call("")) == 2_000


def test_personas_are_known_by_name() -> None:
    assert persona() is next(iter(personas().values())) and persona("teacher").greeting
    with pytest.raises(BadInput, match="operator"):
        persona("nobody")


# ---- the first sound


@pytest.mark.parametrize("size", [160, 1_000, 40_000])
def test_a_reply_begins_where_it_can_be_heard(size: int) -> None:
    sound = np.concatenate([noise(180, 1e-4), buzz(400), noise(300, 1e-4), buzz(50)])
    pieces = list(trim_leading_silence(sound[at : at + size] for at in range(0, len(sound), size)))
    given = np.concatenate(pieces)
    assert np.array_equal(given, sound[len(sound) - len(given) :]), "only the beginning is left out"
    assert 400 + 350 < len(given) / 16 <= 400 + 350 + PRE_ONSET_MS + 10 and len(pieces[0]) >= 60 * 16


def test_silence_alone_comes_as_it_is() -> None:
    for ms in (100, 3_000):
        quiet = np.zeros(ms * 16, np.float32)
        assert sum(map(len, trim_leading_silence(iter(np.split(quiet, 10))))) == len(quiet)
    assert list(trim_leading_silence(iter([]))) == []
