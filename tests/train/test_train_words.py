"""The words of hearing: an n-gram that sums to one, a tree that leads to each word, a search that brute force meets."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="weights are read by the voice extra")

from roundelay.train.lm.lexicon import BEGIN, END, Pronunciation, ngram_model, pack, phone_tree
from roundelay.voice.engines.nano.ctc_decoder import BeamConfig, beam_search
from roundelay.voice.engines.nano.generate import ctc_score
from roundelay.voice.engines.nano.lexicon import FILE, Lexicon, NgramLM

SPELT = ("", "a", "bad", "bat", "cab", "cat")
WAYS = [(1, (1,)), (2, (2, 1, 3)), (3, (2, 1, 4)), (3, (2, 5, 4)), (4, (6, 1, 2)), (5, (6, 1, 4))]
LINES = [[1, 2], [1, 2, 5], [1, 3], [1, 3], [4, 1, 3], [5], [5, 5], [1, 2, 5], [3, 4]]


def probability(found: NgramLM, state: int, word: int) -> tuple[float, int]:
    cost = 0.0
    while True:
        arcs = slice(found.arcs_at[state], found.arcs_at[state + 1])
        at = np.flatnonzero(found.word[arcs] == word)
        if len(at):
            return cost + float(found.log[arcs][at[0]]), int(found.to[arcs][at[0]])
        cost += float(found.back[state])
        if state == 0:
            return cost, 0
        state = int(found.lower[state])


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    found = ngram_model(LINES, len(SPELT))
    chances = np.array([probability(found, 0, word)[0] for word in range(len(SPELT))], np.float32)
    return Lexicon(SPELT, phone_tree([Pronunciation(*way) for way in WAYS], chances), found)


def test_after_every_state_the_chances_of_all_words_sum_to_one(lexicon: Lexicon) -> None:
    found = lexicon.ngram
    for state in range(len(found.lower)):
        total = sum(np.exp(probability(found, state, word)[0]) for word in range(len(SPELT)))
        assert total == pytest.approx(1, abs=1e-5)
    often, rare = (probability(found, int(found.start), word)[0] for word in (1, 2))
    assert often > rare and BEGIN not in found.word and END in found.word


def test_every_way_to_say_a_word_leads_to_it_and_no_better_word_hides_below(lexicon: Lexicon) -> None:
    made = lexicon.tree
    for word, phones in WAYS:
        at = 0
        for phone in phones:
            children = range(made.first[at], made.first[at] + made.count[at])
            at = next(child for child in children if made.phone[child] == phone)
        assert word in made.ended[made.words_at[at] : made.words_at[at + 1]]
        assert made.best[at] >= probability(lexicon.ngram, 0, word)[0] - 1e-6


def sounded(logs: np.ndarray, labels: list[int]) -> float:
    """The best alignment of labels with blanks, by trying every one."""
    best = -np.inf
    for path in itertools.product(sorted({0, *labels}), repeat=len(logs)):
        kept = [label for k, label in enumerate(path) if label and (k == 0 or path[k - 1] != label)]
        if kept == labels:
            best = max(best, float(sum(logs[step, label] for step, label in enumerate(path))))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_the_search_finds_what_trying_everything_finds(lexicon: Lexicon, seed: int) -> None:
    config = BeamConfig(blank_penalty=0.3, lm_weight=0.7, word_bonus=0.4, beam_size=5_000, margin=1e9)
    logs = np.log(np.random.default_rng(seed).dirichlet(np.ones(7) * 0.4, 6) + 1e-4).astype(np.float32)
    tried: dict[tuple[int, ...], float] = {}
    plain = logs.copy()
    plain[:, 0] -= config.blank_penalty
    for count in range(4):
        for line in itertools.product(range(len(WAYS)), repeat=count):
            labels = [phone for way in line for phone in WAYS[way][1]]
            if len(labels) > 5:
                continue
            state, total = int(lexicon.ngram.start), config.word_bonus * count
            for word in (*(WAYS[way][0] for way in line), END):
                log, state = probability(lexicon.ngram, state, word)
                total += config.lm_weight * log
            key = tuple(WAYS[way][0] for way in line)
            tried[key] = max(tried.get(key, -np.inf), total + sounded(plain, labels))
    best = max(tried, key=lambda key: tried[key])
    found = beam_search(lexicon, logs, config, count=2)
    if len(best) < 4 and sum(map(len, found[0].words)) <= 5:
        assert found[0].words == tuple(SPELT[word] for word in best)
        assert found[0].score == pytest.approx(tried[best], abs=1e-3)
    assert found[0].score >= tried[best] - 1e-3 and found[0].words != found[1].words
    assert list(found[0].ends) == sorted(found[0].ends)


def test_nothing_heard_is_no_word(lexicon: Lexicon) -> None:
    logs = np.full((20, 7), -12.0, np.float32)
    logs[:, 0] = 0.0
    assert beam_search(lexicon, logs)[0].words == ()
    assert beam_search(lexicon, logs[:0])[0].text == ""


def test_the_words_come_back_from_their_file(lexicon: Lexicon, tmp_path: Path) -> None:
    data = pack(lexicon)
    (tmp_path / FILE).write_bytes(data)
    entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": {FILE: entry}}))
    again = Lexicon.load(tmp_path)
    logs = np.log(np.random.default_rng(9).dirichlet(np.ones(7) * 0.3, 12) + 1e-4).astype(np.float32)
    assert again.words == lexicon.words and beam_search(again, logs)[0].words == beam_search(lexicon, logs)[0].words


def test_a_fit_is_the_sum_over_all_alignments() -> None:
    logs = np.log(np.random.default_rng(3).dirichlet(np.ones(4), 5))
    for labels in ([], [1], [1, 1], [2, 1], [3, 2, 1]):
        total = 0.0
        for path in itertools.product(range(4), repeat=5):
            kept = [label for k, label in enumerate(path) if label and (k == 0 or path[k - 1] != label)]
            total += np.exp(sum(logs[k, label] for k, label in enumerate(path))) if kept == labels else 0.0
        assert ctc_score(logs, [0, *labels]) == pytest.approx(np.log(total) / (len(labels) + 1), rel=1e-6)
