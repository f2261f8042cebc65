"""Whether heard words that an alignment leaves out may be left out, or change what was asked (ours).

A number, a sign, an operator or a place that lies in no slot and in no word of the phrasing makes it another question:
five plus six times two is not five plus two, and the time in Tokyo is not the time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.calculate import OPERATIONS
from roundelay.voice.nlu.domain.slot_finder import ARTICLES, Heard, Span

NUMERIC = spoken.SURE | spoken.BEYOND | {"hundred", "minus", "negative", "point"}
OPERATORS = frozenset(
    ("plus", "minus", "times", "divided", "multiplied", "over", "slash", "percent", "percentage", "squared", "cubed",
     "root", "power", "modulo", "factorial", "logarithm", "square", "cube", "past")
)  # fmt: skip
DIRECTIONS = frozenset(
    ("south", "north", "new", "east", "west", "southern", "northern", "eastern", "western", "central")
)  # fmt: skip
OTHER = frozenset(
    ("time", "date", "day", "weather", "population", "president", "king", "queen", "mayor", "timer", "alarm", "remind")
)  # fmt: skip  # what is asked for or wanted: dropped, something else is answered
PLACES = ("country", "city")


def _counts(words: Sequence[str], at: int) -> bool:
    """Whether "one" is a number there, and not somebody, or which of them: beside a number, an operator, or "and"."""
    beside = (*words[max(0, at - 1) : at], *words[at + 1 : at + 2])
    return any(word in NUMERIC or word in OPERATORS or word == "and" for word in beside)


def changes(heard: Heard, free: Collection[int], skill: str, places: Sequence[Span], known: Collection[str]) -> bool:
    """Whether the free words, by index, make it another question than a call of `skill` with these places answers.

    `known` holds the words that the domain may leave out after "in" and "of".
    """
    words = heard.words
    sums = skill in OPERATIONS or skill == "convert"
    for at in free:
        word = words[at]
        if word[:1].isdigit() or (word in NUMERIC and (word != "one" or (sums and _counts(words, at)))):
            return True
        if (sums and word in OPERATORS) or (skill != "talk" and word in OTHER):
            return True
        following = next((i for i in range(at + 1, len(words)) if words[i] not in ARTICLES), at)
        if word in ("in", "of") and following in free and words[following] not in known:
            return True
    if any(start - 1 in free and words[start - 1] in DIRECTIONS for start, _ in places):
        return True
    kinds = (*PLACES, "unit") if sums else PLACES
    return any(
        found[0][1] == 0 and all(at in free for at in range(*span))
        for kind in kinds
        for span, found in heard.spans(kind).items()
    )
