"""Whether the words an alignment leaves unmatched change the question (ours).

An unmatched content word, number, sign or place makes it another question: five plus six times two is not five plus
two, when the wall was built not when it fell, and the time in Tokyo not the time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.calculate import OPERATIONS
from roundelay.voice.nlu.domain.content_words import SUM_IDLE, is_idle
from roundelay.voice.nlu.domain.slot_finder import Query

NUMERIC = spoken.UNAMBIGUOUS | spoken.NUMBER_RELATED | {"hundred", "minus", "negative", "point"}
OPERATORS = frozenset(
    ("plus", "minus", "times", "divided", "multiplied", "over", "slash", "percent", "percentage", "squared", "cubed",
     "root", "power", "modulo", "factorial", "logarithm", "square", "cube", "past")
)  # fmt: skip
PLACES = ("country", "city")


def _is_numeral(words: Sequence[str], at: int) -> bool:
    """Whether "one" is a numeral at `at`, not a pronoun or determiner: beside a number, an operator, or "and"."""
    beside = (*words[max(0, at - 1) : at], *words[at + 1 : at + 2])
    return any(word in NUMERIC or word in OPERATORS or word == "and" for word in beside)


def changes_question(query: Query, free: Collection[int], skill: str, spare: int = 0) -> bool:
    """Whether the unmatched words, by index, ask for something else than a call of `skill`.

    `free` leaves out the words that other phrasings of the same call have. `spare` is how many content words, numbers
    aside, may be left over.
    """
    words = query.words
    sums = skill in OPERATIONS or skill == "convert"
    for at in free:
        if words[at] == "one" and sums and _is_numeral(words, at):
            return True
        if not is_idle(words[at]) and not (sums and words[at] in SUM_IDLE):
            spare -= 1
            if spare < 0 or words[at] in NUMERIC or words[at][:1].isdigit():
                return True
    kinds = (*PLACES, "unit") if sums else PLACES
    return any(
        found[0][1] == 0 and all(at in free for at in range(*span))
        for kind in kinds
        for span, found in query.spans(kind).items()
    )
