"""Resampler changes piece by piece: laws."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.voice.resample import CUTOFF, HALF_TAPS, Resampler

PAIRS = [(16_000, 24_000), (24_000, 16_000), (16_000, 8_000), (8_000, 16_000), (48_000, 16_000), (16_000, 48_000)]


def resampled(source: int, target: int, sound: np.ndarray) -> np.ndarray:
    stream = Resampler(source, target)
    return np.concatenate([stream.push(sound), stream.finish()])


@pytest.mark.parametrize("pair", PAIRS)
def test_pieces_give_what_the_whole_gives_and_nothing_is_late(pair: tuple[int, int]) -> None:
    source, target = pair
    draw = np.random.default_rng(0)
    sound = (0.1 * draw.standard_normal(source // 2)).astype(np.float32)
    whole = resampled(source, target, sound)
    assert len(whole) == -(-len(sound) * target // source)
    rate, at, given, parts = Resampler(source, target), 0, 0, []
    while at < len(sound):
        size = int(draw.integers(0, 500))
        parts.append(rate.push(sound[at : at + size]))
        at, given = min(at + size, len(sound)), given + len(parts[-1])
        late_s = at / source - given / target
        assert late_s <= (HALF_TAPS + 1) / min(pair), "all that is certain is given at once"
    parts.append(rate.finish())
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-6


@pytest.mark.parametrize("pair", PAIRS)
def test_a_tone_that_both_rates_hold_keeps_its_place_and_height_and_others_are_gone(pair: tuple[int, int]) -> None:
    source, target = pair
    inner = slice(target // 10, -target // 10)
    for hz in (100.0, 0.42 * min(pair)):
        given = resampled(source, target, np.sin(2 * np.pi * hz * np.arange(source) / source))
        wanted = np.sin(2 * np.pi * hz * np.arange(target) / target)
        assert np.abs(given - wanted)[inner].max() < 1e-3, hz
    if target < source:
        above = np.sin(2 * np.pi * 0.55 * target * np.arange(source) / source)
        assert np.abs(resampled(source, target, above))[inner].max() < 1e-3
    assert CUTOFF < 1


def test_the_same_rate_changes_nothing() -> None:
    sound = np.ones(7, np.float32)
    assert Resampler(16_000, 16_000).push(sound) is sound
