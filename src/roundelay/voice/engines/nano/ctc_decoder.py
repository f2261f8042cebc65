"""CTC decoding: a beam search from phone log-probabilities to words, over the lexicon's tree and n-gram model (ours).

A hypothesis is a node of the tree, a state of the n-gram model and the last phone (none after a blank). Hypotheses that
agree in all three are merged: the likelier stays (Viterbi). The n-gram score of the best word below a node is added
when the node is entered, so that unlikely words leave the beam early.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from roundelay.voice.engines.nano.lexicon import NONE, Lexicon

TABLE_BITS = 17  # of the hash table of a step's hypotheses, which is filled by half at beam_size


@dataclass(frozen=True, slots=True)
class BeamConfig:
    """Weights of the scores and limits of the beam; tuned on dev sentences (docs/log.md)."""

    blank_penalty: float = 2.0  # nats taken from the blank's log-probability: the CTC head over-predicts blank
    lm_weight: float = 0.7  # of a word's log-probability by the n-gram model
    word_bonus: float = 1.0  # nats for every word, against the n-gram model's bias to few words
    beam_size: int = 200  # hypotheses kept from step to step
    margin: float = 16.0  # nats behind the best at which a hypothesis is dropped


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A transcription: its words, the 20 ms step at which each ended, and its score in nats."""

    words: tuple[str, ...]
    ends: tuple[int, ...]
    score: float

    @property
    def text(self) -> str:
        """The words in one line."""
        return " ".join(self.words)


def beam_search(
    lexicon: Lexicon, logs_TC: np.ndarray, config: BeamConfig = BeamConfig(), count: int = 1
) -> list[Hypothesis]:
    """The `count` likeliest transcriptions, best first, of phone log-probabilities [T, 40] at 50 Hz (0: blank)."""
    tree, ngram = lexicon.tree, lexicon.ngram
    logs = np.array(logs_TC, np.float32)
    logs[:, 0] -= config.blank_penalty
    scores, lasts, links = _search(
        logs,
        (tree.first, tree.count, tree.phone, tree.best, tree.words_at, tree.ended),
        (ngram.arcs_at, ngram.word, ngram.log, ngram.to, ngram.lower, ngram.back),
        int(ngram.start),
        (np.float32(config.lm_weight), np.float32(config.word_bonus), np.float32(config.margin)),
        config.beam_size,
    )
    return list(_hypotheses(lexicon, scores, lasts, links, count))


def sentence_end_probability(lexicon: Lexicon, text: str) -> float:
    """The probability (0 to 1) by the n-gram model that a sentence ends after the words of `text`."""
    ngram, state = lexicon.ngram, int(lexicon.ngram.start)
    tables = (ngram.arcs_at, ngram.word, ngram.log, ngram.to, ngram.lower, ngram.back)
    for word in text.split():
        at = bisect_left(lexicon.words, word)
        known = at < len(lexicon.words) and lexicon.words[at] == word
        state = int(_score(tables, state, at)[1]) if known else 0
    return float(np.exp(_score(tables, state, 0)[0]))


def _hypotheses(
    lexicon: Lexicon, scores: np.ndarray, lasts: np.ndarray, links: np.ndarray, count: int
) -> Iterator[Hypothesis]:
    """The `count` best different word sequences among the final hypotheses, best first."""
    seen: set[tuple[int, ...]] = set()
    for at in np.argsort(-scores, kind="stable"):
        line, ends, link = [], [], int(lasts[at])
        while link != NONE:
            link, word, step = map(int, links[link])
            line.append(word)
            ends.append(step)
        key = tuple(reversed(line))
        if key in seen:
            continue
        seen.add(key)
        yield Hypothesis(tuple(lexicon.words[word] for word in key), tuple(reversed(ends)), float(scores[at]))
        if len(seen) == count:
            return


@numba.njit(cache=True, nogil=True)
def _score(ngram, state, word):  # type: ignore[no-untyped-def]
    """Log-probability of a word after a state, and the state after it."""
    arcs_at, words, logs, to, lower, back = ngram
    cost = np.float32(0.0)
    while True:
        low, high = arcs_at[state], arcs_at[state + 1]
        while low < high:
            middle = (low + high) // 2
            if words[middle] < word:
                low = middle + 1
            else:
                high = middle
        if low < arcs_at[state + 1] and words[low] == word:
            return cost + logs[low], to[low]
        if state == 0:
            return cost + back[0], 0
        cost += back[state]
        state = lower[state]


@numba.njit(cache=True, nogil=True)
def _place(table, made, node, state, last, value):  # type: ignore[no-untyped-def]
    """The place of a hypothesis among the `made` ones of a step, new or old; -1 if an equal one scores no worse."""
    keys, places, used, nodes, states, lasts, scores, _ = table
    key = (np.uint64(state) << np.uint64(27)) + (np.uint64(node) << np.uint64(6)) + np.uint64(last + 1)
    at = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - TABLE_BITS)
    while keys[at] != 0 and keys[at] != key:
        at = (at + np.uint64(1)) & np.uint64(len(keys) - 1)
    if keys[at] == key:
        place = places[at]
        if scores[place] >= value:
            return -1
    else:
        place = made
        if place == len(nodes):
            return -1
        keys[at], places[at], used[place] = key, place, at
        nodes[place], states[place], lasts[place] = node, state, last
    scores[place] = value
    return place


@numba.njit(cache=True, nogil=True)
def _step(row, step, beam, table, tree, ngram, weights, links, linked):  # type: ignore[no-untyped-def]
    """Fill the table with the successors of the hypotheses of `beam` [5 arrays] after one step of `row` [40].

    Returns how many there are, the links, how many links, and the best score.
    """
    first, count, phone, best, words_at, ended = tree
    lm_weight, bonus, margin = weights
    made, top = 0, np.float32(-1e30)
    for h in range(len(beam[0])):
        n, s, sounding, link, base = beam[0][h], beam[1][h], beam[2][h], beam[3][h], beam[4][h]
        for move in range(2 + count[n]):
            to, last, value = n, 0, base + row[0]  # a blank
            if move == 1:  # the same phone continues
                last, value = sounding, base + row[sounding]
            elif move > 1:
                to = first[n] + move - 2
                last = phone[to]
                value = base + row[last] + lm_weight * (best[to] - best[n])
            if value < top - margin or (move == 1 and sounding == 0) or (move > 1 and last == sounding):
                continue
            top = max(top, value)
            if move < 2 or count[to]:  # inside a word, or between two
                place = _place(table, made, to, s, last, value)
                if place >= 0:
                    table[-1][place] = link
                    made = max(made, place + 1)
            for end in range(words_at[to], words_at[to + 1] if move > 1 else 0):
                log, after = _score(ngram, s, ended[end])
                whole = value + lm_weight * (log - best[to]) + bonus
                place = _place(table, made, 0, after, last, whole) if whole >= top - margin else -1
                if place >= 0:
                    if linked == len(links):
                        links = np.concatenate((links, np.zeros_like(links)))
                    links[linked, 0], links[linked, 1], links[linked, 2] = link, ended[end], step
                    table[-1][place] = linked
                    linked, made = linked + 1, max(made, place + 1)
    return made, links, linked, top


@numba.njit(cache=True, nogil=True)
def _search(logs, tree, ngram, start, weights, beam_size):  # type: ignore[no-untyped-def]
    """Scores and last links of the final hypotheses, and all links [(previous link, word, step)]."""
    size, room = 1 << TABLE_BITS, 1 << (TABLE_BITS - 1)
    keys, places, used = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(room, np.int64)
    nodes, states, lasts = np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.int32)
    scores, heads = np.zeros(room, np.float32), np.full(room, -1, np.int32)
    table = (keys, places, used, nodes, states, lasts, scores, heads)
    beam = (nodes[:1].copy(), np.full(1, start, np.int32), lasts[:1].copy(), heads[:1].copy(), scores[:1].copy())
    links, linked = np.zeros((4096, 3), np.int32), 0
    for step in range(len(logs)):
        made, links, linked, top = _step(logs[step], step, beam, table, tree, ngram, weights, links, linked)
        for k in range(made):
            keys[used[k]] = 0
        cut = top - weights[2]
        if made > beam_size:
            cut = max(cut, -np.partition(-scores[:made], beam_size - 1)[beam_size - 1])
        kept = np.flatnonzero(scores[:made] >= cut)[:beam_size]
        beam = (nodes[kept], states[kept], lasts[kept], heads[kept], scores[kept])
    whole, best = np.flatnonzero(beam[0] == 0), tree[3]
    kept = whole if len(whole) else np.arange(len(beam[0]))  # those that end a word; if there are none, all
    finals = np.empty(len(kept), np.float32)
    for at, h in enumerate(kept):
        finals[at] = beam[4][h] + weights[0] * (_score(ngram, beam[1][h], 0)[0] - best[beam[0][h]])
    return finals, beam[3][kept], links[:linked]
