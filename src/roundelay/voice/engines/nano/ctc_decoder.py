"""From phones as they are heard to words: a beam search over the tree of words and their n-gram (ours).

Connectionist temporal classification with a lexicon: a hypothesis is a node of the tree, a state of the n-gram and the
phone that sounds (none: a blank). Hypotheses that differ in nothing else are one, the likelier. The n-gram's best word
below a node counts as soon as the node is entered, so that unlikely words fall out early.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np

from roundelay.voice.engines.nano.lexicon import NONE, Words

TABLE_BITS = 17  # of the table of a step's hypotheses, which holds half as many as it has places


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much each witness counts; chosen on dev sentences (docs/log.md)."""

    blank: float = 2.0  # taken from the blank's log-probability: CTC says nothing too gladly
    grams: float = 0.7  # of a word's log-probability by the n-gram
    word: float = 1.0  # for every word, against the shortness the n-gram prefers
    beam: int = 200  # hypotheses kept from step to step
    margin: float = 16.0  # nats behind the best at which one is dropped


@dataclass(frozen=True, slots=True)
class Heard:
    """One reading: its words, the step of 20 ms at which each ended, and its score in nats."""

    words: tuple[str, ...]
    ends: tuple[int, ...]
    score: float

    @property
    def text(self) -> str:
        """The words in one line."""
        return " ".join(self.words)


def search(words: Words, logs_TC: np.ndarray, weighing: Weighing = Weighing(), most: int = 1) -> list[Heard]:
    """The likeliest readings, best first, of the phones' log-probabilities [T, 40] at 50 Hz (class 0 is the blank)."""
    tree, grams = words.tree, words.grams
    logs = np.array(logs_TC, np.float32)
    logs[:, 0] -= weighing.blank
    scores, lasts, links = _search(
        logs,
        (tree.first, tree.count, tree.phone, tree.best, tree.words_at, tree.ended),
        (grams.arcs_at, grams.word, grams.log, grams.to, grams.lower, grams.back),
        int(grams.start),
        (np.float32(weighing.grams), np.float32(weighing.word), np.float32(weighing.margin)),
        weighing.beam,
    )
    return list(_readings(words, scores, lasts, links, most))


def ending(words: Words, text: str) -> float:
    """The probability (0 to 1) that a sentence is over after the words of `text`, by the n-gram."""
    grams, state = words.grams, int(words.grams.start)
    tables = (grams.arcs_at, grams.word, grams.log, grams.to, grams.lower, grams.back)
    for word in text.split():
        at = bisect_left(words.spelt, word)
        known = at < len(words.spelt) and words.spelt[at] == word
        state = int(_gram(tables, state, at)[1]) if known else 0
    return float(np.exp(_gram(tables, state, 0)[0]))


def _readings(words: Words, scores: np.ndarray, lasts: np.ndarray, links: np.ndarray, most: int) -> Iterator[Heard]:
    """Different word sequences among the last hypotheses, best first."""
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
        yield Heard(tuple(words.spelt[word] for word in key), tuple(reversed(ends)), float(scores[at]))
        if len(seen) == most:
            return


@numba.njit(cache=True, nogil=True)
def _gram(grams, state, word):  # type: ignore[no-untyped-def]
    """Log-probability of a word after a state, and the state after it."""
    arcs_at, words, logs, to, lower, back = grams
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
    """Where a hypothesis stands among the `made` ones of a step, or goes; -1 if as good a one is there."""
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
def _step(row, step, beam, table, tree, grams, weights, links, linked):  # type: ignore[no-untyped-def]
    """Fill the table with what follows the hypotheses of `beam` [5 arrays] in one step of `row` [40].

    Gives how many there are, the links, how many links, and the best score.
    """
    first, count, phone, best, words_at, ended = tree
    gram_weight, bonus, margin = weights
    made, top = 0, np.float32(-1e30)
    for h in range(len(beam[0])):
        n, s, sounding, link, base = beam[0][h], beam[1][h], beam[2][h], beam[3][h], beam[4][h]
        for move in range(2 + count[n]):
            to, last, value = n, 0, base + row[0]  # a blank
            if move == 1:  # the same phone goes on
                last, value = sounding, base + row[sounding]
            elif move > 1:
                to = first[n] + move - 2
                last = phone[to]
                value = base + row[last] + gram_weight * (best[to] - best[n])
            if value < top - margin or (move == 1 and sounding == 0) or (move > 1 and last == sounding):
                continue
            top = max(top, value)
            if move < 2 or count[to]:  # inside a word, or between two
                place = _place(table, made, to, s, last, value)
                if place >= 0:
                    table[-1][place] = link
                    made = max(made, place + 1)
            for end in range(words_at[to], words_at[to + 1] if move > 1 else 0):
                log, after = _gram(grams, s, ended[end])
                whole = value + gram_weight * (log - best[to]) + bonus
                place = _place(table, made, 0, after, last, whole) if whole >= top - margin else -1
                if place >= 0:
                    if linked == len(links):
                        links = np.concatenate((links, np.zeros_like(links)))
                    links[linked, 0], links[linked, 1], links[linked, 2] = link, ended[end], step
                    table[-1][place] = linked
                    linked, made = linked + 1, max(made, place + 1)
    return made, links, linked, top


@numba.njit(cache=True, nogil=True)
def _search(logs, tree, grams, start, weights, most):  # type: ignore[no-untyped-def]
    """Scores and last links of the final hypotheses, and all links [(link before, word, step)]."""
    size, room = 1 << TABLE_BITS, 1 << (TABLE_BITS - 1)
    keys, places, used = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(room, np.int64)
    nodes, states, lasts = np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.int32)
    scores, heads = np.zeros(room, np.float32), np.full(room, -1, np.int32)
    table = (keys, places, used, nodes, states, lasts, scores, heads)
    beam = (nodes[:1].copy(), np.full(1, start, np.int32), lasts[:1].copy(), heads[:1].copy(), scores[:1].copy())
    links, linked = np.zeros((4096, 3), np.int32), 0
    for step in range(len(logs)):
        made, links, linked, top = _step(logs[step], step, beam, table, tree, grams, weights, links, linked)
        for k in range(made):
            keys[used[k]] = 0
        cut = top - weights[2]
        if made > most:
            cut = max(cut, -np.partition(-scores[:made], most - 1)[most - 1])
        kept = np.flatnonzero(scores[:made] >= cut)[:most]
        beam = (nodes[kept], states[kept], lasts[kept], heads[kept], scores[kept])
    whole, best = np.flatnonzero(beam[0] == 0), tree[3]
    kept = whole if len(whole) else np.arange(len(beam[0]))  # those between words; inside one where there is no other
    finals = np.empty(len(kept), np.float32)
    for at, h in enumerate(kept):
        finals[at] = beam[4][h] + weights[0] * (_gram(grams, beam[1][h], 0)[0] - best[beam[0][h]])
    return finals, beam[3][kept], links[:linked]
