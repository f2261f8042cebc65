"""`roundelay serve | talk | bench`: the doors, with a fake model where one is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile
from realtime_case import voice
from server_case import FakeEngine, FakeWorker, running

from roundelay.errors import BadInput, RoundelayError
from roundelay.server.bench import latency
from roundelay.server.bench.caller import PlayedResponse
from roundelay.server.engine import Engines
from roundelay.server.service import Service
from roundelay.server.terminal.terminal import talk
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Transcript


def service(model: FakeEngine) -> Service:
    return Service(Engines(lambda name: model.pipeline), create_worker=FakeWorker)


def test_a_recording_is_answered_in_the_terminal() -> None:
    samples = np.frombuffer(voice(0.8), "<i2").astype(np.float32) / 32768
    said: list[tuple[str, str]] = []
    answer = asyncio.run(talk(service(FakeEngine()), Audio(samples, 24_000), None, lambda *line: said.append(line)))
    assert sorted(said) == [("bot", "you said what is the time"), ("you", "what is the time")]
    assert abs(answer.duration_s - 6 * 0.08) < 0.01


def test_silence_is_answered_by_one_line() -> None:
    with pytest.raises(BadInput, match="no voice"):
        asyncio.run(talk(service(FakeEngine()), Audio(np.zeros(8_000, np.float32), 16_000), None, lambda *line: None))


def test_a_missing_model_is_one_line(roundelay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(choices: object) -> None:
        raise RoundelayError("weights lm.onnx cannot be read")

    monkeypatch.setattr("roundelay.server.engine.load_choices", missing)
    soundfile.write(tmp_path / "q.wav", np.zeros(800), 16_000)
    for words in (("talk", "--file", tmp_path / "q.wav"), ("bench", "latency", "--turns", 1)):
        outcome = roundelay(*words)
        assert outcome.code == 2 and "lm.onnx" in outcome.err and "Traceback" not in outcome.err


@pytest.mark.parametrize("words", [
    ("serve", "--host", "0.0.0.0", "--port", "0"), ("serve", "--chat-url", "ftp://x"), ("serve", "--engine", "nanno"),
    ("serve", "--engine", "chat_completions", "--chat-url", "http://127.0.0.1:9/v1"),
    ("serve", "--hear", "chat_completions"), ("serve", "--speak", "wisper"), ("serve", "--hear", "nano+http://x/v1"),
    ("serve", "--engine", "nano:folder"), ("talk", "--speak", "nano:colour=red"),
    ("serve", "--set", "sessions=many"), ("serve", "--set", "nonsense=1"), ("serve", "--port", "70000"),
    ("talk", "--file", "nowhere.wav"),
    ("talk", "--out", "x.wav"),
])  # fmt: skip
def test_a_wrong_flag_is_one_line_and_exit_2(
    roundelay, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROUNDELAY_API_KEYS", raising=False)
    outcome = roundelay(*words)
    assert outcome.code == 2 and outcome.err.startswith("error: ") and outcome.err.count("\n") == 1


def test_the_benchmark_measures_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Changing(FakeEngine):
        """Hears something else every time, or a word over its answer would be taken for its echo."""

        def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
            self.heard = f"{'abcdefghij'[len(self.said) % 10] * 3} " * 30
            return Transcript(self.heard)

    monkeypatch.setattr(latency, "Service", lambda *given, **more: Service(*given, create_worker=FakeWorker, **more))
    monkeypatch.setattr(latency, "LONG", "word " * 40)
    model = Changing()
    said = np.frombuffer(voice(0.6), "<i2").astype(np.float32) / 32768
    made = latency.measure(latency.in_process(lambda name: model.pipeline), 1, lambda what: None, [said])
    rows = {row["figure"]: row for row in made.rows()}
    assert list(rows) == [
        "first sound, with speculation", "first audible sound, with speculation", "last sample after a barge-in",
        "first byte of /v1/audio/speech", "first sound, without speculation",
        "first audible sound, without speculation",
        "turns answered, with speculation", "answers with a gap, with speculation", "drafts committed",
        "voices over an answer that stopped it", "false takeover, pauses of 1 s",
        "turns answered, without speculation", "answers with a gap, without speculation"]  # fmt: skip
    assert rows["first sound, with speculation"]["p50"] > 0 and rows["drafts committed"]["share"] == 1


def test_a_gap_is_what_playback_waits_for() -> None:
    heard, loud = PlayedResponse(), np.full(2_400, 0.1, np.float32)
    heard.add(10.0, np.zeros(1_200, np.float32))  # 50 ms of silence, played at once
    heard.add(10.04, loud)
    assert heard.first == 10.0 and heard.gap_s == 0 and abs(heard.ends - 10.15) < 1e-6
    assert heard.audible is not None and abs(heard.audible - 10.05) < 1e-6
    heard.add(10.25, loud)
    assert abs(heard.gap_s - 0.1) < 1e-6 and abs(heard.ends - 10.35) < 1e-6 and heard.last == 10.25


def test_questions_are_in_the_models_own_voice_where_no_teacher_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency.shutil, "which", lambda name: None)
    with running() as server:
        spoken = latency.questions(server.port)
    assert len(spoken) == len(latency.QUESTIONS)
    assert abs(len(spoken[0]) / 24_000 - 0.08 * len(latency.QUESTIONS[0].split())) < 0.01
    with pytest.raises(BadInput, match="silence"):
        latency.trim(np.zeros(100, np.float32), "What?")
