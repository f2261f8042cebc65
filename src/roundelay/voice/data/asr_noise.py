"""What a recogniser with a given word error rate might have heard, simulated (ours)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

KINDS = ("letters", "dropped", "replaced", "added")
SHARES = (0.5, 0.2, 0.2, 0.1)  # of the word errors
TWO_LETTERS = 0.3  # of the words with wrong letters have two
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def misheard(text: str, rate: float, words: Sequence[str], rng: np.random.Generator) -> str:
    """`text` with each word wrong at a probability of `rate`; false words are drawn from `words`.

    Half of the errors are one or two wrong letters, a fifth each drop the word or put another for it, a tenth add one.
    At least one word is left.
    """
    heard: list[str] = []
    for word in text.split():
        if rng.random() >= rate:
            heard.append(word)
            continue
        kind = KINDS[int(rng.choice(len(KINDS), p=SHARES))]
        other = words[int(rng.integers(len(words)))]
        if kind == "letters":
            heard.append(_letters(word, rng))
        elif kind == "replaced":
            heard.append(other)
        elif kind == "added":
            heard += [word, other]
    return " ".join(heard) or text


def _letters(word: str, rng: np.random.Generator) -> str:
    """`word` with a letter or two replaced, dropped or added."""
    wrong = word
    for _ in range(2 if len(word) > 3 and rng.random() < TWO_LETTERS else 1):
        at, letter = int(rng.integers(len(wrong))), _LETTERS[int(rng.integers(26))]
        way = int(rng.integers(3))
        if way == 1 and len(wrong) > 1:
            wrong = wrong[:at] + wrong[at + 1 :]
        else:
            wrong = wrong[:at] + letter + wrong[at + (way != 2) :]
    return "".join(c for c in wrong if c in _LETTERS) or word
