"""The measures: errors against a brute force, pitch of known tones, use of codes; judges where installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.codebook import code_use
from roundelay.voice.eval.metrics.error_rate import Errors, character_errors, distance, word_errors
from roundelay.voice.eval.metrics.signal import median_pitch, pitch_track, stoi
from roundelay.voice.eval.metrics.similarity import cosine

RATE = 16_000


def slow_distance(a: str, b: str) -> int:
    """The definition, by recursion."""
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return slow_distance(a[1:], b[1:])
    return 1 + min(slow_distance(a[1:], b), slow_distance(a, b[1:]), slow_distance(a[1:], b[1:]))


@settings(max_examples=60, deadline=None)
@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_the_distance_is_the_definition(a: str, b: str) -> None:
    assert distance(a, b) == slow_distance(a, b) == distance(b, a)


def test_word_errors_add_up() -> None:
    first = word_errors("ask not what your country", "ask what your count tree")
    assert first == Errors(3, 5)
    assert (first + word_errors("", "")).rate == 0.6
    assert word_errors("", "noise").rate == 1.0
    assert character_errors("abc", "abd") == Errors(1, 3)


def buzz(hertz: float, seconds: float = 1.0) -> Audio:
    time = np.arange(round(RATE * seconds)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, int(4_000 / hertz)))
    return Audio.from_array(0.2 * np.asarray(wave), RATE)


@pytest.mark.parametrize("hertz", [90.0, 180.0, 320.0])
def test_the_pitch_of_a_tone_is_found(hertz: float) -> None:
    pytest.importorskip("pyworld", reason="WORLD comes with the eval extra")
    assert median_pitch(buzz(hertz)) == pytest.approx(hertz, rel=0.01)
    times, f0 = pitch_track(buzz(hertz))
    assert times.shape == f0.shape


def test_silence_has_no_pitch() -> None:
    pytest.importorskip("pyworld", reason="WORLD comes with the eval extra")
    assert np.isnan(median_pitch(Audio(np.zeros(RATE, np.float32), RATE)))


def test_intelligibility_falls_with_noise() -> None:
    pytest.importorskip("pystoi", reason="STOI comes with the eval extra")
    rng = np.random.default_rng(0)
    time = np.arange(2 * RATE) / RATE
    shape = np.clip(np.sin(2 * np.pi * 3 * time), 0, 1) * rng.standard_normal(time.size)
    clean = Audio.from_array(0.2 * shape, RATE)
    noisy = Audio.from_array(0.2 * shape + 0.2 * rng.standard_normal(time.size), RATE)
    assert stoi(clean, clean) == pytest.approx(1.0, abs=1e-3)
    assert stoi(clean, noisy) < 0.9
    with pytest.raises(BadInput, match="must be the same"):
        stoi(clean, clean.resample(8_000))


def test_the_use_of_codes_is_counted() -> None:
    even = code_use(np.arange(8).repeat(3), 16)
    assert (even.used, even.share, even.codes) == (8, 0.5, 24)
    assert even.perplexity == pytest.approx(8)
    assert code_use(np.zeros(9, int), 16).perplexity == pytest.approx(1)
    assert code_use(np.zeros(0, int), 16).used == 0


def test_the_cosine_of_voices_is_that_of_their_directions() -> None:
    assert cosine(np.array([1.0, 0.0]), np.array([0.0, 2.0])) == pytest.approx(0.0)
    assert cosine(np.array([1.0, 1.0]), np.array([3.0, 3.0])) == pytest.approx(1.0)
    assert cosine(np.array([1.0, 0.0]), np.array([-5.0, 0.0])) == pytest.approx(-1.0)
    assert cosine(np.zeros(2), np.ones(2)) == 0.0
