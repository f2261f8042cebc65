"""Distances of recognised words from known ones: a letter edit distance in which likely errors cost less (ours)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIMILAR_COST = 0.5  # of substituting a letter that sounds similar; any other letter costs 1
SIMILAR_LETTERS = ("aeiouy", "bp", "dt", "gkcq", "szcx", "mn", "fv", "lr", "iy", "vw", "jg")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_COUNT = len(_LETTERS) + 1  # 0 is padding, and any other sign


def _costs() -> np.ndarray:
    cost_LL = np.ones((_COUNT, _COUNT), np.float32)
    for group in SIMILAR_LETTERS:
        for a in group:
            for b in group:
                cost_LL[_LETTERS.index(a) + 1, _LETTERS.index(b) + 1] = SIMILAR_COST
    np.fill_diagonal(cost_LL, 0)
    return cost_LL


def _classes() -> np.ndarray:
    """One-hot [27, C]: letters joined by a chain of similar pairs form one class."""
    groups = [set(letter) for letter in _LETTERS]
    for alike in SIMILAR_LETTERS:
        joined = [group for group in groups if group & set(alike)]
        groups = [group for group in groups if not group & set(alike)] + [set().union(*joined)]
    return np.array([[letter in group for group in groups] for letter in "-" + _LETTERS], np.int16)


COST_LL = _costs()
HALVES_LL = (2 * COST_LL).astype(np.int16)
CLASS_AC = _classes()


def encode_letters(text: str) -> np.ndarray:
    """The letters of a text as int8, 1 to 26; spaces, apostrophes and digits are left out."""
    return np.array([ord(c) - 96 for c in text if "a" <= c <= "z"], np.int8)


@dataclass(frozen=True, slots=True)
class FuzzyIndex:
    """Known words or phrases, their letters padded with 0 [V, L], lengths [V], counts of letter classes [V, C]."""

    words: tuple[str, ...]
    letters_VL: np.ndarray
    length_V: np.ndarray
    counts_VC: np.ndarray

    @classmethod
    def of(cls, words: Sequence[str]) -> FuzzyIndex:
        """The index of `words`; spaces do not count."""
        rows = [encode_letters(word) for word in words]
        letters_VL = np.zeros((len(rows), max(map(len, rows), default=0)), np.int8)
        for row, letters in zip(letters_VL, rows, strict=True):
            row[: len(letters)] = letters
        counts_VC = np.stack([_counts(row) for row in rows])
        return cls(tuple(words), letters_VL, np.array([len(row) for row in rows]), counts_VC)

    def near(self, text: str, limit: float) -> list[tuple[int, float]]:
        """Indices and distances of the words within `limit` of `text`, nearest first.

        A distance is the edit cost over the length of the longer one: 0 equal, 1 nothing in common.
        """
        letters = encode_letters(text)
        if not len(letters):
            return []
        longer_V = np.maximum(self.length_V, len(letters))
        more_VC = self.counts_VC - _counts(letters)
        extra_V = np.maximum(more_VC, 0).sum(1)
        least_V = np.maximum(extra_V, extra_V + len(letters) - self.length_V)  # a substitution between classes costs 1
        rows = np.flatnonzero(least_V <= limit * longer_V)
        if not len(rows):
            return []
        distance = _distance(letters, self.letters_VL[rows], self.length_V[rows]) / longer_V[rows]
        order = np.argsort(distance, kind="stable")
        return [(int(rows[i]), float(distance[i])) for i in order if distance[i] <= limit]


def _counts(letters_T: np.ndarray) -> np.ndarray:
    return np.bincount(letters_T, minlength=_COUNT).astype(np.int16) @ CLASS_AC


def _distance(query_T: np.ndarray, letters_VL: np.ndarray, length_V: np.ndarray) -> np.ndarray:
    """Edit costs [V] between one text and many, all texts at once; in halves of a letter, so that integers do."""
    width = int(length_V.max())
    letters_LV = np.ascontiguousarray(letters_VL[:, :width].T)
    step_LV = (2 * np.arange(width + 1, dtype=np.int16))[:, None]
    row_LV = np.repeat(step_LV, letters_LV.shape[1], axis=1)
    for letter in query_T:
        swap_LV = row_LV[:-1] + HALVES_LL[letter][letters_LV]
        next_LV = row_LV + 2
        np.minimum(next_LV[1:], swap_LV, out=next_LV[1:])
        next_LV -= step_LV
        np.minimum.accumulate(next_LV, axis=0, out=row_LV)
        row_LV += step_LV
    return row_LV[length_V, np.arange(len(length_V))] / 2
