"""The words that hearing chooses among: how each sounds, and which follow which (ours).

A tree of phones leads to words, so that words which begin alike share the work; an n-gram of words with back-off says
what was likely to be said. Both are made while the language model is trained (`train.lm.words`) and ship beside it.
"""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from roundelay.voice.graphs import PACKAGED, checked

FILE = "words.npz"
NONE = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes of the tree of phones, the root first. The children of node n are first[n] to first[n] + count[n] - 1.

    `phone` is the class of the readers (1 to 39; the root's is 0), `best` the largest log-probability of a word at or
    below the node, and node n ends the words ended[words_at[n]] to ended[words_at[n + 1] - 1].
    """

    first: np.ndarray
    count: np.ndarray
    phone: np.ndarray
    best: np.ndarray
    words_at: np.ndarray
    ended: np.ndarray


@dataclass(frozen=True, slots=True)
class Grams:
    """An n-gram as an automaton. State 0 knows no word; the arcs of state s are arcs_at[s] to arcs_at[s + 1] - 1.

    An arc has a word (ascending), a log-probability and the state it leads to; a word without an arc costs `back` of
    the state and is looked for in the state `lower`. State `start` is a sentence's, word 0 its end.
    """

    arcs_at: np.ndarray
    word: np.ndarray
    log: np.ndarray
    to: np.ndarray
    lower: np.ndarray
    back: np.ndarray
    start: int | np.ndarray


@dataclass(frozen=True, slots=True)
class Words:
    """The words by number (number 0 is the end of a sentence), their tree, their n-gram."""

    spelt: tuple[str, ...]
    tree: Tree
    grams: Grams

    def pronunciations(self) -> Callable[[str], list[tuple[int, ...]]]:
        """What gives the ways to say a word, as classes of phones (1 to 39); none for a word that is not here."""
        tree = self.tree
        above = np.repeat(np.arange(len(tree.count)), tree.count)  # of all nodes but the root, which comes first
        order = np.argsort(tree.ended, kind="stable")
        ended = tree.ended[order]

        def ways(word: str) -> list[tuple[int, ...]]:
            at = bisect_left(self.spelt, word)
            if at == len(self.spelt) or self.spelt[at] != word:
                return []
            low, high = np.searchsorted(ended, [at, at + 1])
            nodes = np.searchsorted(tree.words_at, order[low:high], side="right") - 1
            return [tuple(_path(int(node))) for node in nodes]

        def _path(node: int) -> list[int]:
            phones: list[int] = []
            while node:
                phones.append(int(tree.phone[node]))
                node = int(above[node - 1])
            return phones[::-1]

        return ways

    @classmethod
    def load(cls, weights: Path | None = None) -> Words:
        """The words in the package, or in a folder of weights; raises `DamagedWeightsError` for an altered file."""
        with np.load(io.BytesIO(checked(FILE, weights or PACKAGED / "lm"))) as kept:
            spelt = tuple(bytes(kept["spelt"]).decode().split("\n"))
            tree = Tree(**{field.name: _wide(kept[f"tree_{field.name}"]) for field in fields(Tree)})
            grams = Grams(**{field.name: _wide(kept[f"gram_{field.name}"]) for field in fields(Grams)})
        return cls(spelt, tree, grams)


def _wide(kept: np.ndarray) -> np.ndarray:
    """Halves as float32."""
    return kept.astype(np.float32) if kept.dtype == np.float16 else kept
