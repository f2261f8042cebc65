"""The data engine's parts: text and its splits, voices, warps, effects, filters, phones."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.voice.data import phones, speakers, text
from roundelay.voice.data.effects import EffectShares, apply_effects, draw_effects
from roundelay.voice.data.filters import FilterLimits, rejection_reason, speech_fraction
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.data.warp import retime, warp_voice

RATE = 16_000
TEXT = re.compile(r"[a-z']+( [a-z']+)*")


def voice_like(seconds: float = 1.0, hertz: float = 120.0) -> np.ndarray:
    """A buzz with a slow loudness: enough for an energy detector and a pitch tracker."""
    time = np.arange(round(RATE * seconds)) / RATE
    buzz = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, 20))
    return (0.2 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def grammar_line(rng: np.random.Generator, split: str = "train") -> str:
    return text.draw(rng, split, 0.0)[0]


def test_the_grammar_ends_and_writes_only_letters() -> None:
    rng = np.random.default_rng(1)
    lines = [grammar_line(rng) for _ in range(500)]
    assert all(TEXT.fullmatch(line) for line in lines)
    assert len(set(lines)) > 400


@pytest.mark.parametrize("split", ["train", "dev"])
def test_no_sentence_lies_in_two_splits(split: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        line = grammar_line(rng, split)
        assert text.split_of(line) == split
        assert line not in TEST_SENTENCES


def test_the_test_sentences_are_many_plain_and_held_out() -> None:
    assert len(TEST_SENTENCES) >= 50
    assert all(TEXT.fullmatch(line) and text.split_of(line) == "test" for line in TEST_SENTENCES)


def test_half_of_the_lines_are_lexicon_words() -> None:
    pytest.importorskip("pocketsphinx", reason="the lexicon is read from the pocketsphinx package")
    rng = np.random.default_rng(3)
    kinds = [text.draw(rng, "train", 0.5)[1] for _ in range(400)]
    assert 150 < kinds.count("lexicon") < 250
    common, rare = text.lexicon()
    assert {"the", "and", "people"} <= set(common)
    assert len(common) + len(rare) > 50_000
    assert not set(common) & set(rare)


@given(st.text())
def test_clean_text_is_clean(raw: str) -> None:
    made = text.clean(raw)
    assert made == "" or TEXT.fullmatch(made)
    assert text.clean(made) == made


@pytest.mark.parametrize("engine", ["flite", "festival", "espeak", "kokoro"])
def test_speakers_are_many_seeded_and_never_the_held_out_voice(engine: str) -> None:
    made = speakers.training_speakers(engine, 100, 5)
    assert made == speakers.training_speakers(engine, 100, 5)
    assert made != speakers.training_speakers(engine, 100, 6)
    assert len({speaker.name for speaker in made}) == len(made) > 100
    held = {speaker.voice for speaker in speakers.held_out_speakers(engine)}
    assert held.isdisjoint(part for speaker in made for part in (speaker.voice, *speaker.voice.split("+")))
    assert not any("kal" in speaker.voice or speaker.voice.endswith("+m3") for speaker in made)


def pitch_hz(wave: np.ndarray) -> float:
    lags = np.correlate(wave[4000:8000], wave[4000:8000], "full")[3999:]
    return RATE / (40 + int(np.argmax(lags[40:400])))


def test_a_warp_changes_pitch_rate_and_times_as_asked() -> None:
    pytest.importorskip("pyworld", reason="WORLD comes with the train extra")
    wave = voice_like(1.5)
    warp = speakers.Warp(f0=1.4, formant=1.1, rate=1.2)
    made = warp_voice(wave, RATE, warp)
    assert made.size == pytest.approx(wave.size / 1.2, abs=2)
    assert pitch_hz(made) / pitch_hz(wave) == pytest.approx(1.4, rel=0.05)
    assert retime((("a", 0.0, 1.2),), 1.2) == (("a", 0.0, 1.0),)


def test_effects_are_drawn_by_seed_and_do_what_they_say() -> None:
    wave = voice_like()
    always = draw_effects(np.random.default_rng(1), EffectShares(1, 1, 1))
    assert always is not None
    assert set(always) == {"room", "noise", "telephone"}
    assert draw_effects(np.random.default_rng(1), EffectShares(0, 0, 0)) is None
    first, again = (apply_effects(wave, RATE, always, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.abs(first).max() <= 1
    line = apply_effects(wave, RATE, {"telephone": {"mu_law": False}}, np.random.default_rng(0))
    spectrum, hertz = np.abs(np.fft.rfft(line)) ** 2, np.fft.rfftfreq(line.size, 1 / RATE)
    assert spectrum[(hertz < 150) | (hertz > 4_000)].sum() < 1e-3 * spectrum.sum()
    noisy = apply_effects(wave, RATE, {"noise": {"snr_db": 10.0, "slope": 0.0}}, np.random.default_rng(0))
    gain = np.dot(noisy, wave) / np.dot(wave, wave)
    ratio_db = 10 * np.log10(np.mean((gain * wave) ** 2) / np.mean((noisy - gain * wave) ** 2))
    assert ratio_db == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("wave", "line", "reason"),
    [
        (voice_like(), "good morning", None),
        (voice_like(), "", "no text"),
        (voice_like(0.1), "hi", "too short"),
        (voice_like(20.0), "hi", "too long"),
        (np.zeros(RATE, np.float32), "hi", "too quiet"),
        (np.full(RATE, np.nan, np.float32), "hi", "not finite"),
        (np.clip(9 * voice_like(), -1, 1), "hello there", "clipped"),
        (np.concatenate([voice_like(0.2), np.zeros(2 * RATE, np.float32)]), "hello", "no speech"),
        (voice_like(1.0), "word " * 20, "too fast for its text"),
        (voice_like(9.0), "these are four words", "too slow for its text"),
    ],
)
def test_each_gate_names_its_reason(wave: np.ndarray, line: str, reason: str | None) -> None:
    assert rejection_reason(wave, RATE, line, FilterLimits()) == reason


def test_the_energy_detector_measures_the_spoken_share() -> None:
    half = np.concatenate([voice_like(1.0), np.zeros(RATE, np.float32)])
    assert speech_fraction(half, RATE) == pytest.approx(0.5, abs=0.05)


def test_phones_are_one_set_and_cover_the_time() -> None:
    made = phones.from_espeak([("h", 50), ("@", 100), ("O@", 200), ("strange", 300), ("_:", 350)], 0.5)
    assert [symbol for symbol, _, _ in made] == ["pau", "hh", "ax", "ao", "r", "pau"]
    assert made[0][1] == 0.0
    assert made[-1][2] == 0.5
    assert all(a[2] == pytest.approx(b[1]) for a, b in pairwise(made))
    assert phones.from_ends([("pau", 0.1), ("ax", 0.2), ("brth", 0.3)])[-1] == ("pau", 0.2, 0.3)
    assert {part for parts in phones.ESPEAK.values() for part in parts} <= set(phones.SYMBOLS)
