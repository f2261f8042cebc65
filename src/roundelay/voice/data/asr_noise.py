"""Simulated recognition errors at a given word error rate (ours)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

KINDS = ("letters", "dropped", "replaced", "added")
ERROR_SHARES = (0.5, 0.2, 0.2, 0.1)  # of the word errors
TWO_LETTER_SHARE = 0.3  # of the words with wrong letters have two
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def simulate_errors(text: str, rate: float, words: Sequence[str], rng: np.random.Generator) -> str:
    """`text` with each word wrong with probability `rate`; wrong words are drawn from `words`.

    Half of the errors are one or two wrong letters, a fifth each delete or replace the word, a tenth insert one. At
    least one word is left.
    """
    words_out: list[str] = []
    for word in text.split():
        if rng.random() >= rate:
            words_out.append(word)
            continue
        kind = KINDS[int(rng.choice(len(KINDS), p=ERROR_SHARES))]
        other = words[int(rng.integers(len(words)))]
        if kind == "letters":
            words_out.append(_letters(word, rng))
        elif kind == "replaced":
            words_out.append(other)
        elif kind == "added":
            words_out += [word, other]
    return " ".join(words_out) or text


def _letters(word: str, rng: np.random.Generator) -> str:
    """`word` with one or two letters replaced, deleted or inserted."""
    wrong = word
    for _ in range(2 if len(word) > 3 and rng.random() < TWO_LETTER_SHARE else 1):
        at, letter = int(rng.integers(len(wrong))), _LETTERS[int(rng.integers(26))]
        edit = int(rng.integers(3))
        if edit == 1 and len(wrong) > 1:
            wrong = wrong[:at] + wrong[at + 1 :]
        else:
            wrong = wrong[:at] + letter + wrong[at + (edit != 2) :]
    return "".join(c for c in wrong if c in _LETTERS) or word
