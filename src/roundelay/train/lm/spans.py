"""Which recognised phones belong to which word, by a Levenshtein alignment with the dictionary's phones (ours).

Wrong, missing and extra phones are allowed. The dictionary is that of `voice.text.pronunciations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numba
import numpy as np

from roundelay.voice.engines.nano.vocabulary import phone_id
from roundelay.voice.text.pronunciations import pronounce


@cache
def _phone_ids(word: str) -> tuple[int, ...] | None:
    phones = pronounce(word)
    return None if phones is None else tuple(phone_id(phone) for phone in phones)


def spans(text: str, phones: Sequence[int]) -> list[tuple[int, int]] | None:
    """For each word of `text` the span [first, end) of its phones among the ids `phones`; None for an unknown word.

    Spans are contiguous: a phone aligned with no word belongs to the word before it, those before the first word to the
    first. A word without a recognised phone has an empty span.
    """
    known = [_phone_ids(word) for word in text.split()]
    if not known or any(ids is None for ids in known):
        return None
    line = np.array([phone for ids in known for phone in ids or ()], np.int64)
    owner = np.array([k for k, ids in enumerate(known) for _ in ids or ()], np.int64)
    words = _owners(line, owner, np.asarray(phones, np.int64))
    ends = np.searchsorted(words, np.arange(len(known)), "right").tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


@numba.njit(cache=True)
def _owners(line: np.ndarray, owner: np.ndarray, phones: np.ndarray) -> np.ndarray:
    """The word of every recognised phone [H], non-decreasing, by a cheapest alignment of `line` [L] with `phones`."""
    n, m = len(line), len(phones)
    cost = np.zeros((n + 1, m + 1), np.int64)
    cost[:, 0] = np.arange(n + 1)
    cost[0, :] = np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            swap = cost[i - 1, j - 1] + (line[i - 1] != phones[j - 1])
            cost[i, j] = min(swap, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    words = np.zeros(m, np.int64)
    i, j = n, m
    while j > 0:
        if i > 0 and cost[i, j] == cost[i - 1, j - 1] + (line[i - 1] != phones[j - 1]):
            words[j - 1] = owner[i - 1]
            i, j = i - 1, j - 1
        elif i > 0 and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            words[j - 1] = owner[i - 1] if i > 0 else 0
            j -= 1
    return words
