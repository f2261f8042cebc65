"""The words hearing chooses among, made from the texts a run trains on: pronunciations, tree, n-gram (ours).

A word sounds as the lexicon says, and as teachers say it where they often say it otherwise. The n-gram is interpolated
by Witten and Bell's rule; two or three words in a row count from the second time on.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roundelay.console import note, progress
from roundelay.train.lm.corpus import Said
from roundelay.train.lm.spans import spans
from roundelay.voice.data import questions, text
from roundelay.voice.engines.nano.lexicon import FILE, NONE, Grams, Tree, Words
from roundelay.voice.engines.nano.vocabulary import FIRST_PHONE, PAUSE
from roundelay.voice.tokenizer.phone_recognizer import PHONES

__all__ = ["FILE", "collect", "grams", "packed", "tree"]
ORDER = 3
VARIANT_SHARE, VARIANT_TIMES = 0.12, 2  # of a word's utterances, from which on a way of saying it counts (ours)
SEEN = 2  # how often two or three words must follow one another to count
END, BEGIN = 0, -2  # the number of a sentence's end; its beginning, which no word has


@dataclass(frozen=True, slots=True)
class Sounds:
    """One pronunciation: a word's number and the readers' classes of its phones."""

    word: int
    phones: tuple[int, ...]


def grams(lines: Iterable[Sequence[int]], words: int, order: int = ORDER) -> Grams:
    """The automaton of numbered lines; `words` counts all numbers, 0 (the end) among them."""
    counts: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order)]
    for line in lines:
        whole = (BEGIN, *line, END)
        for at in range(1, len(whole)):
            for n in range(order):
                if at - n >= 0:
                    counts[n][whole[at - n : at + 1]] += 1
    followed: list[dict[tuple[int, ...], list[tuple[int, int]]]] = []
    for n, table in enumerate(counts):
        rows: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for gram, seen in table.items():
            if n == 0 or seen >= SEEN:
                rows.setdefault(gram[:-1], []).append((gram[-1], seen))
        followed.append(rows)
    return _automaton(followed, counts, words)


def _automaton(
    followed: list[dict[tuple[int, ...], list[tuple[int, int]]]], counts: list[Counter[tuple[int, ...]]], words: int
) -> Grams:
    """Arcs of every context, shortest contexts first; a context is a state where something was seen after it."""
    contexts = [context for rows in followed for context in sorted(rows)]
    number = {context: at for at, context in enumerate(contexts)}
    totals: Counter[tuple[int, ...]] = Counter()
    kinds: Counter[tuple[int, ...]] = Counter()
    for table in counts:
        for gram, seen in table.items():
            totals[gram[:-1]] += seen
            kinds[gram[:-1]] += 1
    probability: dict[tuple[int, ...], float] = {}
    arcs: list[tuple[int, float, int]] = []
    arcs_at, lower, back = [0], [], []

    def longest(context: tuple[int, ...]) -> int:
        while context not in number:
            context = context[1:]
        return number[context]

    for context in contexts:
        total, kind = totals[context], kinds[context]
        share = 1 - sum(seen for _, seen in followed[len(context)][context]) / (total + kind)
        for word, seen in sorted(followed[len(context)][context]):
            below = probability[(*context[1:], word)] if context else 1 / words
            value = seen / (total + kind) + share * below
            probability[(*context, word)] = value
            arcs.append((word, float(np.log(value)), longest((*context, word)[-(len(followed) - 1) :])))
        arcs_at.append(len(arcs))
        lower.append(longest(context[1:]) if context else NONE)
        back.append(float(np.log(share)) - (0.0 if context else float(np.log(words))))
    columns = [np.array(column) for column in zip(*arcs, strict=True)]
    return Grams(
        np.array(arcs_at, np.int32),
        columns[0].astype(np.int32),
        columns[1].astype(np.float32),
        columns[2].astype(np.int32),
        np.array(lower, np.int32),
        np.array(back, np.float32),
        longest((BEGIN,)),
    )


def tree(sounds: Sequence[Sounds], chances: np.ndarray) -> Tree:
    """The tree of all pronunciations; `chances` are the words' log-probabilities [W] by the n-gram alone."""
    children: list[dict[int, int]] = [{}]
    ends: list[list[int]] = [[]]
    for one in sounds:
        at = 0
        for phone in one.phones:
            if phone not in children[at]:
                children[at][phone] = len(children)
                children.append({})
                ends.append([])
            at = children[at][phone]
        if one.word not in ends[at]:
            ends[at].append(one.word)
    order, queue = [0], [0]
    phones, first, count = [0], [], []
    for old in queue:  # breadth first: children of a node stand side by side
        first.append(len(order))
        count.append(len(children[old]))
        for phone, child in sorted(children[old].items()):
            order.append(child)
            phones.append(phone)
            queue.append(child)
    words_at = np.concatenate([[0], np.cumsum([len(ends[old]) for old in order])]).astype(np.int32)
    ended = np.array([word for old in order for word in ends[old]], np.int32)
    best = np.full(len(order), -np.inf, np.float32)
    for n in range(len(order) - 1, -1, -1):
        below = [best[c] for c in range(first[n], first[n] + count[n])]
        here = [chances[word] for word in ended[words_at[n] : words_at[n + 1]]]
        best[n] = max([*below, *here], default=-np.inf)
    best[0] = 0.0
    return Tree(np.array(first, np.int32), np.array(count, np.int32), np.array(phones, np.int32), best, words_at, ended)


def collect(said: Sequence[Said], table: Mapping[str, Any], seed: int) -> Words:
    """The words of a run: its texts, drawn by the counts in `table`, and the pronunciations in its corpora."""
    lines = _lines(said, table, seed)
    seen = {word for line in lines for word in line.split()}
    sounds = _pronunciations(said, seen.union(*text.lexicon()))
    spelt = ("", *sorted(sounds))
    number = {word: at for at, word in enumerate(spelt)}
    numbered = [[number[word] for word in line.split()] for line in lines if all(w in number for w in line.split())]
    gram = grams(numbered, len(spelt))
    chances = np.full(len(spelt), gram.back[0], np.float32)
    chances[gram.word[: gram.arcs_at[1]]] = gram.log[: gram.arcs_at[1]]
    ways = [Sounds(number[word], phones) for word, found in sounds.items() for phones in found]
    note(f"words: {len(spelt) - 1:,} in {len(ways):,} ways, {len(gram.word):,} arcs of the n-gram")
    return Words(spelt, tree(ways, chances), gram)


def _lines(said: Sequence[Said], table: Mapping[str, Any], seed: int) -> list[str]:
    rng = np.random.default_rng([seed, len("words")])
    lines = sorted({one.text for one in said if one.split == "train" and one.engine == "human"}) * table["people_times"]
    kinds = (
        ("questions", lambda: questions.draw(rng, "train").text),
        ("answers", lambda: questions.draw_answer_line(rng, "train")),
        ("everyday", lambda: text.draw(rng, "train", 0.0)[0]),
        ("lexicon", lambda: text.draw(rng, "train", 1.0)[0]),
    )
    for name, draw in kinds:
        lines += [draw() for _ in progress(range(table[name]), f"lines of {name}", table[name])]
    return lines


def _pronunciations(said: Sequence[Said], wanted: set[str]) -> dict[str, list[tuple[int, ...]]]:
    """The readers' classes of each wanted word that the lexicon knows: its own way, and those teachers often use."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for word in wanted:
        phones = text.pronounced(word)
        if phones:
            found[word] = [tuple(PHONES.index(phone) + 1 for phone in phones)]
    spoken: dict[str, Counter[tuple[int, ...]]] = {}
    for one in said:
        line = [phone for phone, _ in one.phones if phone != PAUSE]
        places = spans(one.text, line) if line and one.split == "train" else None
        for word, (first, end) in zip(one.text.split(), places or (), strict=False):
            way = tuple(phone - FIRST_PHONE for phone in line[first:end])
            spoken.setdefault(word, Counter())[way] += 1
    for word, ways in spoken.items():
        total = sum(ways.values())
        for way, times in ways.items():
            often = times >= max(VARIANT_TIMES, VARIANT_SHARE * total)
            if way and often and word in found and way not in found[word]:
                found[word].append(way)
    return found


def packed(words: Words) -> bytes:
    """The words as the bytes of the file `voice.lm.words.Words.load` reads."""
    arrays = {f"tree_{name}": value for name, value in asdict(words.tree).items()}
    arrays |= {f"gram_{name}": value for name, value in asdict(words.grams).items()}
    for name in ("tree_best", "gram_log", "gram_back"):
        arrays[name] = arrays[name].astype(np.float16)
    spelt = np.frombuffer("\n".join(words.spelt).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, spelt=spelt, **arrays)
    return buffer.getvalue()
