"""The recognizer's lexicon: how each word is pronounced, and which words follow which (ours).

Pronunciations form a prefix tree of phones, so that words with a common beginning share work in the search; a back-off
n-gram model scores word sequences. Both are built by `train.lm.words` and ship beside the language model.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from roundelay.voice.graphs import PACKAGED, verified_bytes

FILE = "words.npz"
NONE = -1


@dataclass(frozen=True, slots=True)
class PhoneTree:
    """A prefix tree of pronunciations, the root first. Node n's children are first[n] to first[n] + count[n] - 1.

    `phone` is the phone recognizer's class (1 to 39; the root's is 0), `best` the largest log-probability of a word at
    or below the node. Node n ends the words ended[words_at[n]] to ended[words_at[n + 1] - 1].
    """

    first: np.ndarray
    count: np.ndarray
    phone: np.ndarray
    best: np.ndarray
    words_at: np.ndarray
    ended: np.ndarray


@dataclass(frozen=True, slots=True)
class NgramLM:
    """A back-off n-gram model as an automaton. State 0 has no history; state s has arcs arcs_at[s] to arcs_at[s+1] - 1.

    An arc has a word (ascending), a log-probability and a target state. A word without an arc costs `back` of the state
    and is looked up in the state `lower`. State `start` begins a sentence; word 0 ends it.
    """

    arcs_at: np.ndarray
    word: np.ndarray
    log: np.ndarray
    to: np.ndarray
    lower: np.ndarray
    back: np.ndarray
    start: int | np.ndarray


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words by number (0 is the end of a sentence), the tree of their pronunciations, and their n-gram model."""

    words: tuple[str, ...]
    tree: PhoneTree
    ngram: NgramLM

    def pronunciations(self) -> Callable[[str], list[tuple[int, ...]]]:
        """A function that returns a word's pronunciations as phone classes (1 to 39); none for an unknown word."""
        tree = self.tree
        parent = np.repeat(np.arange(len(tree.count)), tree.count)  # of all nodes but the root, which comes first
        order = np.argsort(tree.ended, kind="stable")
        ended = tree.ended[order]

        def of_word(word: str) -> list[tuple[int, ...]]:
            at = bisect_left(self.words, word)
            if at == len(self.words) or self.words[at] != word:
                return []
            low, high = np.searchsorted(ended, [at, at + 1])
            nodes = np.searchsorted(tree.words_at, order[low:high], side="right") - 1
            return [tuple(_path(int(node))) for node in nodes]

        def _path(node: int) -> list[int]:
            phones: list[int] = []
            while node:
                phones.append(int(tree.phone[node]))
                node = int(parent[node - 1])
            return phones[::-1]

        return of_word

    @classmethod
    def load(cls, weights: Path | None = None) -> Lexicon:
        """The lexicon in the package, or in a folder of weights; raises `DamagedWeightsError` for an altered file."""
        with np.load(io.BytesIO(verified_bytes(FILE, weights or PACKAGED / "lm"))) as kept:
            words = tuple(bytes(kept["spelt"]).decode().split("\n"))
            tree = PhoneTree(**{field.name: _widen(kept[f"tree_{field.name}"]) for field in fields(PhoneTree)})
            ngram = NgramLM(**{field.name: _widen(kept[f"gram_{field.name}"]) for field in fields(NgramLM)})
        return cls(words, tree, ngram)


def _widen(kept: np.ndarray) -> np.ndarray:
    """The array, float16 as float32."""
    return kept.astype(np.float32) if kept.dtype == np.float16 else kept
