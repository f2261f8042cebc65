"""A judge is any transcriber; PocketSphinx where it is installed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from roundelay.voice.audio import Audio
from roundelay.voice.eval.judges import CachedTranscriber, Judge
from roundelay.voice.eval.metrics.error_rate import Errors
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Transcriber, Transcript

SECOND = Audio(np.full(22_050, 0.1, np.float32), 22_050)


@dataclass
class Fixed:
    """A transcriber that always hears the same, and keeps what it was asked."""

    text: str
    capabilities: frozenset[Capability] = frozenset()
    name: str = "fixed"
    asked: list[CallOptions] = field(default_factory=list)

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        self.asked.append(options)
        return Transcript(self.text)


def test_a_judge_counts_word_errors_of_what_is_transcribed() -> None:
    assert isinstance(Fixed("a"), Transcriber)
    assert Judge(Fixed("the cat sat")).errors("the cat sat down", SECOND) == Errors(1, 4)


def test_a_judge_tells_its_words_to_a_transcriber_that_takes_them() -> None:
    plain, told = Fixed("a"), Fixed("a", frozenset({Capability.VOCABULARY}))
    for transcriber in (plain, told):
        Judge.of_texts(transcriber, ["a cat", "a dog"]).transcribe(SECOND)
    assert plain.asked[0].vocabulary is None
    assert told.asked[0].vocabulary == {"a", "cat", "dog"}


def test_transcripts_are_kept_by_audio_and_words(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "answers.jsonl"
    engine = Fixed("first", frozenset({Capability.VOCABULARY}))
    judge = Judge(CachedTranscriber(engine, path), frozenset({"first"}))
    assert judge.transcribe(SECOND) == judge.transcribe(SECOND) == "first"
    assert len(engine.asked) == 1
    engine.text = "second"
    again = CachedTranscriber(engine, path)
    assert Judge(again, frozenset({"first"})).transcribe(SECOND) == "first"
    assert Judge(again, frozenset({"other"})).transcribe(SECOND) == "second"
    assert Judge(again, frozenset({"first"})).transcribe(Audio(SECOND.samples, 48_000)) == "second"


def test_pocketsphinx_understands_a_teacher_whatever_it_transcribed_before() -> None:
    pytest.importorskip("pocketsphinx", reason="the judge comes with the eval extra")
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed (make setup-train)")
    from roundelay.voice.data.teachers import Flite, Line
    from roundelay.voice.engines.pocketsphinx import RATE_HZ, PocketSphinx

    text = "please fold the letter and seal the envelope"
    spoken = Flite().speak([Line(text, "slt")])[0]
    assert spoken is not None
    audio = Audio(spoken.samples, RATE_HZ)
    judge = Judge.of_texts(PocketSphinx(), [text, "house green water"])
    first = judge.transcribe(audio)
    judge.transcribe(Audio.from_array(np.random.default_rng(0).standard_normal(RATE_HZ) * 0.1, RATE_HZ))
    assert judge.errors(text, audio).rate <= 0.25
    assert judge.transcribe(audio) == first
    assert judge.transcribe(Audio(np.zeros(RATE_HZ, np.float32), RATE_HZ)) == ""
    assert judge.errors(text, audio.resample(44_100)).rate <= 0.25


def test_the_recogniser_filter_drops_what_was_not_said() -> None:
    pytest.importorskip("pocketsphinx", reason="the judge comes with the eval extra")
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed (make setup-train)")
    from roundelay.voice.data.filters import FilterLimits, recogniser_filter
    from roundelay.voice.data.teachers import RATE_HZ, Flite, Line

    assert recogniser_filter(FilterLimits()) is None
    fails = recogniser_filter(FilterLimits(worst_wer=0.6))
    spoken = Flite().speak([Line("please open the window in the morning", "slt")])[0]
    assert fails is not None
    assert spoken is not None
    assert fails(spoken.samples, RATE_HZ, "please open the window in the morning") is None
    assert fails(spoken.samples, RATE_HZ, "nobody ever sold eleven purple elephants") == "misheard"
