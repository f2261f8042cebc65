"""Long audio: every engine hears it in pieces, and its transcript is one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import AudioFile
from roundelay.voice.engines import piecewise
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Segment, Transcript, Word
from roundelay.voice.pieces import MAX_PIECE_S, SpeechPieces

RATE_HZ = 16_000


class ByLevel:
    def speech_probability(self, frame: np.ndarray) -> float:
        return float(np.abs(frame).max() > 0.01)


class Lengths:
    """Hears how long a piece is; as plain text, or with a segment and a word."""

    name, capabilities = "lengths", frozenset[Capability]()

    def __init__(self, plain: bool = False) -> None:
        self.plain, self.heard = plain, list[Audio]()

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript | str:
        self.heard.append(audio)
        text = f"{audio.duration_s:.1f}"
        if self.plain:
            return text
        word = Word(text, 0.5, 0.9)
        return Transcript(text, (Segment(text, 0.4, audio.duration_s, (word,), 0.5),), "en", 0.5)


@pytest.fixture(autouse=True)
def by_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piecewise, "SpeechPieces", lambda: SpeechPieces(ByLevel()))


def spoken() -> np.ndarray:
    rng = np.random.default_rng(0)
    parts = [np.zeros(25 * RATE_HZ), rng.uniform(-0.1, 0.1, 70 * RATE_HZ), np.zeros(30 * RATE_HZ)]
    return np.concatenate([*parts, rng.uniform(-0.1, 0.1, 2 * RATE_HZ)]).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_a_file_is_transcribed_in_pieces_with_the_times_of_the_whole(tmp_path: Path, rate: int) -> None:
    Audio(spoken(), RATE_HZ).resample(rate).write(tmp_path / "a.wav")
    file, engine, steps = AudioFile.open(tmp_path / "a.wav"), Lengths(), list[int]()

    def progress(parts: Sequence[Any]) -> Iterable[Any]:
        steps.append(len(parts))
        return parts

    found = piecewise.transcribe(engine, file, CallOptions(progress=progress))
    assert steps == [13] and found.final and found.language == "en" and found.confidence == 0.5
    assert max(heard.duration_s for heard in engine.heard) <= MAX_PIECE_S and len(engine.heard) >= 4
    assert found.text == " ".join(segment.text for segment in found.segments)
    starts = [segment.start_s for segment in found.segments]
    assert starts == sorted(starts) and 24.5 < starts[0] < 25.5 and 124.5 < starts[-1] < 125.5
    assert all(0.09 < segment.words[0].start_s - segment.start_s < 0.11 for segment in found.segments)


def test_engines_that_give_plain_text_get_a_segment_for_a_piece() -> None:
    found = piecewise.transcribe(Lengths(plain=True), Audio(spoken(), RATE_HZ), CallOptions())
    assert len(found.segments) >= 4 and found.segments[-1].end_s == pytest.approx(127, abs=0.1)


def test_short_audio_is_given_as_it_is() -> None:
    engine, short = Lengths(), Audio(np.zeros(5 * RATE_HZ, np.float32), RATE_HZ)
    assert piecewise.transcribe(engine, short, CallOptions()).text == "5.0" and engine.heard == [short]


def test_in_a_file_of_silence_the_engine_is_not_asked(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.zeros(120 * RATE_HZ, np.float32), RATE_HZ)
    engine = Lengths()
    assert piecewise.transcribe(engine, AudioFile.open(tmp_path / "a.flac"), CallOptions()) == Transcript("")
    assert not engine.heard


def test_what_was_heard_before_a_cancel_is_kept() -> None:
    engine = Lengths()
    found = piecewise.transcribe(engine, Audio(spoken(), RATE_HZ), CallOptions(lambda: len(engine.heard) >= 2))
    assert not found.final and len(engine.heard) == 2


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for minutes in (5, 10):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
            for _ in range(minutes):
                file.write(spoken()[25 * RATE_HZ : 85 * RATE_HZ])
        engine = Lengths()
        engine.heard = Forgets()
        tracemalloc.start()
        found = piecewise.transcribe(engine, AudioFile.open(path), CallOptions())
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        assert len(found.segments) >= 2 * minutes
    assert peaks[1] < peaks[0] + 1 and peaks[1] < 16, peaks  # MiB; ten minutes whole are 37


class Forgets(list[Audio]):
    """A list that keeps nothing."""

    def append(self, audio: Audio) -> None:
        pass
