"""Whether the words an alignment leaves unmatched change the question (ours).

An unmatched number, sign, operator or place makes it another question: five plus six times two is not five plus two,
and the time in Tokyo is not the time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.calculate import OPERATIONS
from roundelay.voice.nlu.domain.slot_finder import ARTICLES, Query, Span

NUMERIC = spoken.UNAMBIGUOUS | spoken.NUMBER_RELATED | {"hundred", "minus", "negative", "point"}
OPERATORS = frozenset(
    ("plus", "minus", "times", "divided", "multiplied", "over", "slash", "percent", "percentage", "squared", "cubed",
     "root", "power", "modulo", "factorial", "logarithm", "square", "cube", "past")
)  # fmt: skip
DIRECTIONS = frozenset(
    ("south", "north", "new", "east", "west", "southern", "northern", "eastern", "western", "central")
)  # fmt: skip
OTHER = frozenset(
    ("time", "date", "day", "weather", "population", "president", "king", "queen", "mayor", "timer", "alarm", "remind")
)  # fmt: skip  # subjects: without them something else would be answered
PLACES = ("country", "city")


def _is_numeral(words: Sequence[str], at: int) -> bool:
    """Whether "one" is a numeral at `at`, not a pronoun or determiner: beside a number, an operator, or "and"."""
    beside = (*words[max(0, at - 1) : at], *words[at + 1 : at + 2])
    return any(word in NUMERIC or word in OPERATORS or word == "and" for word in beside)


def changes_question(
    query: Query, free: Collection[int], skill: str, places: Sequence[Span], known: Collection[str]
) -> bool:
    """Whether the unmatched words, by index, ask for something else than a call of `skill` with these places.

    `known` holds the words that may stay unmatched after "in" and "of".
    """
    words = query.words
    sums = skill in OPERATIONS or skill == "convert"
    for at in free:
        word = words[at]
        if word[:1].isdigit() or (word in NUMERIC and (word != "one" or (sums and _is_numeral(words, at)))):
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
        for span, found in query.spans(kind).items()
    )
