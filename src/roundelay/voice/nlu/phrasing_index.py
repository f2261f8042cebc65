"""The phrasings that queries are matched with, and the weight of each of their words (ours).

A word's weight is its inverse document frequency over calls: "the" tells little, "capital" much.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache

from roundelay.voice.nlu.domain.edit_distance import FuzzyIndex
from roundelay.voice.nlu.domain.phrasings import Intent, carriers, intents, typed_intents
from roundelay.voice.nlu.domain.slots import OPEN, forms
from roundelay.voice.nlu.wording import words_of

MIN_WORD_WEIGHT = 0.06  # of a word that occurs in every call
_SLOT = re.compile(r"(\{[\w.]+\})")


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A phrasing of an intent; its parts are indices of the vocabulary or names of slots."""

    intent: Intent
    parts: tuple[int | str, ...]
    words: frozenset[int]
    kinds: frozenset[str]
    related: frozenset[int]

    @classmethod
    def of(cls, intent: Intent, parts: tuple[int | str, ...], related: frozenset[int] = frozenset()) -> Phrasing:
        """The phrasing, with the sets of its words, of its kinds of slots, and of the words of its call's phrasings."""
        words = frozenset(p for p in parts if isinstance(p, int))
        return cls(intent, parts, words, frozenset(intent.kinds.values()), related | words)


@dataclass(frozen=True, slots=True)
class PhrasingIndex:
    """The phrasings of `train`, their vocabulary with weights, and the words of slots and of carriers."""

    phrasings: tuple[Phrasing, ...]
    vocabulary: FuzzyIndex
    weights: tuple[float, ...]
    names: frozenset[str]
    carriers: frozenset[str]
    skipped: frozenset[str]  # words that may stay unmatched after "in" or "of"


@cache
def phrasing_index() -> PhrasingIndex:
    """The index of all intents, built once."""
    rows = [(intent, words_of_phrasing(line)) for intent in intents() for line in intent.phrasings["train"]]
    calls_of: dict[str, set[str]] = {}
    for intent, words in rows:
        for word in words:
            if not word.startswith("{"):
                calls_of.setdefault(word, set()).add(intent.call)
    trained = frozenset(calls_of)
    for intent in typed_intents():
        rows += [(intent, words_of_phrasing(line)) for line in intent.phrasings["typed"]]
    for intent, words in rows:
        for word in words:
            if not word.startswith("{") and word not in trained:
                calls_of.setdefault(word, set()).add(intent.call)
    vocabulary = sorted(calls_of)
    index = {word: at for at, word in enumerate(vocabulary)}
    max_information = math.log(len(intents()))
    weights = tuple(
        MIN_WORD_WEIGHT + math.log(len(intents()) / len(calls_of[word])) / max_information for word in vocabulary
    )
    carrier = carriers("train")
    kinds = {kind for intent in intents() for kind in intent.kinds.values() if kind not in OPEN}
    related: dict[str, set[int]] = {}
    for intent, words in rows:
        related.setdefault(intent.call, set()).update(index[word] for word in words if not word.startswith("{"))
    return PhrasingIndex(
        tuple(
            Phrasing.of(
                intent,
                tuple(w[1:-1] if w[0] == "{" else index[w] for w in words),
                frozenset(related[intent.call]),
            )
            for intent, words in rows
        ),
        FuzzyIndex.of(vocabulary),
        weights,
        frozenset(word for kind in kinds for form in forms(kind) for word in words_of(form.spoken)),
        frozenset(
            word for part in (carrier.before, carrier.leads, carrier.after) for line in part for word in words_of(line)
        ),
        frozenset(calls_of),
    )


def words_of_phrasing(line: str) -> list[str]:
    """The words and {slots} of a phrasing, words as `words_of` gives them."""
    out: list[str] = []
    for part in _SLOT.split(line):
        out += [part] if part.startswith("{") else words_of(part.removeprefix("'s"))
    return out
