"""Laws of sampling: seeds repeat, sound keeps its pattern, bad rules are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from roundelay.errors import BadInput
from roundelay.voice.lm.sampling import CHAT, TTS, Pattern, Sampler, Sampling, probabilities, top_k, top_p
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB, Vocab

NANO = Vocab(size=6144, text=1024)


def logits(seed: int, size: int = VOCAB.size) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, size).astype(np.float32)


def run(sampler: Sampler, count: int, size: int = VOCAB.size) -> list[int]:
    return [sampler.draw(logits(each, size)) for each in range(count)]


@pytest.mark.parametrize("rules", [CHAT, TTS])
def test_a_seed_repeats_and_another_differs(rules: Sampling) -> None:
    first, again, other = (run(Sampler(rules, seed), 40) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("rules", [CHAT, TTS, Sampling(temperature=0, repetition=True)])
def test_sound_keeps_its_pattern(rules: Sampling) -> None:
    sampler = Sampler(rules, seed=1, pattern=Pattern(), shortest=100)
    ids = run(sampler, 100)
    assert Tokens(ids).groups == 20  # Tokens refuses what is out of the pattern


def test_an_end_comes_only_between_groups_and_not_too_early() -> None:
    scores = logits(0)
    scores[3] = 1000.0
    pattern = Pattern()
    may_end = [bool(np.isfinite(pattern.mask(scores, audio, shortest=10)[3])) for audio in range(20)]
    assert may_end == [audio in (10, 15) for audio in range(20)]


def test_the_pattern_of_another_vocabulary() -> None:
    ids = np.array(run(Sampler(TTS, pattern=Pattern(NANO), shortest=99), 50, NANO.size)).reshape(-1, 5)
    assert ((ids[:, :2] >= 1024) & (ids[:, :2] < 2048)).all() and ((ids[:, 2:] >= 2048) & (ids[:, 2:] < 6144)).all()


@settings(deadline=None)
@given(some.integers(0, 999), some.integers(1, 60), some.floats(0.05, 1.0))
def test_top_k_and_top_p_keep_the_best(seed: int, k: int, p: float) -> None:
    scores = logits(seed, 50)
    kept_k, kept_p = np.isfinite(top_k(scores, k)), np.isfinite(top_p(scores, p))
    assert kept_k.sum() == min(k, 50)
    assert kept_k[scores.argmax()] and kept_p[scores.argmax()]
    chances = probabilities(scores)
    assert chances[kept_p].sum() >= p - 1e-5
    assert kept_p.sum() == 1 or chances[kept_p].sum() - chances[kept_p].min() < p + 1e-5
    assert scores[kept_p].min() >= scores[~kept_p].max(initial=-np.inf)


def test_draws_follow_the_probabilities() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.2, 1e-9], np.float32))
    sampler = Sampler(Sampling(temperature=1.0, top_p=1.0), seed=9)
    counts = np.bincount([sampler.draw(scores) for _ in range(4000)], minlength=4) / 4000
    assert np.abs(counts - [0.5, 0.3, 0.2, 0.0]).max() < 0.03


@pytest.mark.parametrize("rule", [{"temperature": -1.0}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_refuses_impossible_rules(rule: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=next(iter(rule))):
        Sampling(**rule)  # type: ignore[arg-type]


def test_nothing_left_to_choose_is_one_line() -> None:
    with pytest.raises(BadInput, match="no id to choose"):
        probabilities(np.full(4, -np.inf, np.float32))
