"""Builds the recognizer's lexicon from the texts a run trains on: pronunciations, their tree, the n-gram model (ours).

A word's pronunciations are the dictionary's, and others that the TTS teachers often use. The n-gram model is
interpolated by Witten and Bell's rule; bigrams and trigrams count from the second time on.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roundelay.console import note, progress
from roundelay.train.lm.corpus import TokenizedUtterance
from roundelay.train.lm.spans import spans
from roundelay.voice.data import questions, text
from roundelay.voice.engines.nano.lexicon import FILE, NONE, Lexicon, NgramLM, PhoneTree
from roundelay.voice.engines.nano.vocabulary import FIRST_PHONE, PAUSE
from roundelay.voice.text.pronunciations import pronounce
from roundelay.voice.tokenizer.phone_recognizer import PHONES

__all__ = ["FILE", "build", "ngram_model", "pack", "phone_tree"]
ORDER = 3
MIN_VARIANT_SHARE, MIN_VARIANT_TIMES = 0.12, 2  # of a word's utterances, for a pronunciation to be kept (ours)
MIN_COUNT = 2  # of a bigram or trigram
END, BEGIN = 0, -2  # the numbers of a sentence's end and of its beginning; no word has either


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """One pronunciation: the word's number and the phone classes (1 to 39)."""

    word: int
    phones: tuple[int, ...]


def ngram_model(lines: Iterable[Sequence[int]], words: int, order: int = ORDER) -> NgramLM:
    """The n-gram model of numbered lines; `words` counts all numbers, including 0 (the end)."""
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
            if n == 0 or seen >= MIN_COUNT:
                rows.setdefault(gram[:-1], []).append((gram[-1], seen))
        followed.append(rows)
    return _automaton(followed, counts, words)


def _automaton(
    followed: list[dict[tuple[int, ...], list[tuple[int, int]]]], counts: list[Counter[tuple[int, ...]]], words: int
) -> NgramLM:
    """Arcs of every context, shortest contexts first; a context is a state if a word was counted after it."""
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
    return NgramLM(
        np.array(arcs_at, np.int32),
        columns[0].astype(np.int32),
        columns[1].astype(np.float32),
        columns[2].astype(np.int32),
        np.array(lower, np.int32),
        np.array(back, np.float32),
        longest((BEGIN,)),
    )


def phone_tree(pronunciations: Sequence[Pronunciation], chances: np.ndarray) -> PhoneTree:
    """The prefix tree of all pronunciations; `chances` are the words' unigram log-probabilities [W]."""
    children: list[dict[int, int]] = [{}]
    ends: list[list[int]] = [[]]
    for one in pronunciations:
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
    for old in queue:  # breadth first: the children of a node are contiguous
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
    return PhoneTree(
        np.array(first, np.int32), np.array(count, np.int32), np.array(phones, np.int32), best, words_at, ended
    )


def build(utterances: Sequence[TokenizedUtterance], table: Mapping[str, Any], seed: int) -> Lexicon:
    """The lexicon of a run: texts drawn by the counts in `table`, and the pronunciations in its corpora."""
    lines = _lines(utterances, table, seed)
    seen = {word for line in lines for word in line.split()}
    found = _pronunciations(utterances, seen.union(*text.lexicon()))
    words = ("", *sorted(found))
    number = {word: at for at, word in enumerate(words)}
    numbered = [[number[word] for word in line.split()] for line in lines if all(w in number for w in line.split())]
    ngram = ngram_model(numbered, len(words))
    chances = np.full(len(words), ngram.back[0], np.float32)
    chances[ngram.word[: ngram.arcs_at[1]]] = ngram.log[: ngram.arcs_at[1]]
    pronunciations = [Pronunciation(number[word], phones) for word, rows in found.items() for phones in rows]
    note(f"words: {len(words) - 1:,}, {len(pronunciations):,} pronunciations, {len(ngram.word):,} arcs of the n-gram")
    return Lexicon(words, phone_tree(pronunciations, chances), ngram)


def _lines(utterances: Sequence[TokenizedUtterance], table: Mapping[str, Any], seed: int) -> list[str]:
    rng = np.random.default_rng([seed, len("words")])
    lines = (
        sorted({one.text for one in utterances if one.split == "train" and one.engine == "human"})
        * table["people_times"]
    )
    kinds = (
        ("questions", lambda: questions.draw(rng, "train").text),
        ("answers", lambda: questions.draw_answer_line(rng, "train")),
        ("everyday", lambda: text.draw(rng, "train", 0.0)[0]),
        ("lexicon", lambda: text.draw(rng, "train", 1.0)[0]),
    )
    for name, draw in kinds:
        lines += [draw() for _ in progress(range(table[name]), f"lines of {name}", table[name])]
    return lines


def _pronunciations(utterances: Sequence[TokenizedUtterance], wanted: set[str]) -> dict[str, list[tuple[int, ...]]]:
    """The pronunciations, as phone classes, of each wanted word in the dictionary: the dictionary's, then teachers'."""
    found: dict[str, list[tuple[int, ...]]] = {}
    for word in wanted:
        phones = pronounce(word)
        if phones:
            found[word] = [tuple(PHONES.index(phone) + 1 for phone in phones)]
    spoken: dict[str, Counter[tuple[int, ...]]] = {}
    for one in utterances:
        line = [phone for phone, _ in one.phones if phone != PAUSE]
        places = spans(one.text, line) if line and one.split == "train" else None
        for word, (first, end) in zip(one.text.split(), places or (), strict=False):
            spoken.setdefault(word, Counter())[tuple(phone - FIRST_PHONE for phone in line[first:end])] += 1
    for word, counts in spoken.items():
        total = sum(counts.values())
        for variant, times in counts.items():
            often = times >= max(MIN_VARIANT_TIMES, MIN_VARIANT_SHARE * total)
            if variant and often and word in found and variant not in found[word]:
                found[word].append(variant)
    return found


def pack(lexicon: Lexicon) -> bytes:
    """The lexicon as the bytes of the file that `voice.engines.nano.lexicon.Lexicon.load` reads."""
    arrays = {f"tree_{name}": value for name, value in asdict(lexicon.tree).items()}
    arrays |= {f"gram_{name}": value for name, value in asdict(lexicon.ngram).items()}
    for name in ("tree_best", "gram_log", "gram_back"):
        arrays[name] = arrays[name].astype(np.float16)
    spelt = np.frombuffer("\n".join(lexicon.words).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, spelt=spelt, **arrays)
    return buffer.getvalue()
