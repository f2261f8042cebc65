"""From a query's words to a call without a network: the nearest phrasing by a weighted edit distance (ours).

The cheapest phrasing whose slots form a valid call wins, unless a word that tells what is asked is left over or missing
(domain/unmatched.py). The phrasings are those of `train`, and a few that occur in typed text only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from roundelay.voice.nlu.domain.slot_finder import Query
from roundelay.voice.nlu.matcher import REORDER_COST, Alignment, Matcher
from roundelay.voice.nlu.skills import Call
from roundelay.voice.nlu.wording import without_possessive, words_of

MAX_QUERY_WORDS = 40  # a longer text is no question of the domain
MAX_UNORDERED = 40  # phrasings tried by `align_unordered`
REMEMBERED = 128  # texts; a turn's are asked for by the judge of its end, by asking back and by the answer
REJECTION_COST = 0.68  # share of the cost of inserting every word, from which on nothing was understood


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text may mean: its call, and a plain question for that call, in words."""

    call: Call
    question: str


def understand(text: str) -> Call | None:
    """The call that a text most likely means, or None for a text outside the domain.

    `text` may hold recognition errors in letters or words; numbers may be words or digits.
    """
    return nearest(text)[0]


def nearest(text: str) -> tuple[Call | None, float]:
    """The result of `understand`, and the distance of the words from the nearest phrasing.

    The distance is the alignment's cost as a share of the cost of inserting every word: 0 for an exact phrasing,
    `REJECTION_COST` where there is no call.
    """
    best, share = _best(text)
    return (None, REJECTION_COST) if best is None else (best.call, share)


def guess(text: str, spare: int = 0) -> Guess | None:
    """What a text may mean, where words may be errors for others of similar letters, and `spare` ones are too many."""
    best, _ = _best(text, lenient=True, spare=spare)
    return None if best is None or best.call is None else Guess(best.call, best.question())


@lru_cache(maxsize=REMEMBERED)
def _best(text: str, lenient: bool = False, spare: int = 0) -> tuple[Alignment | None, float]:
    """The cheapest alignment with a call, and its cost as a share of the cost of inserting every word."""
    found = _best_of(words_of(text), lenient, spare)
    other = without_possessive(text) if found[0] is None else None
    return found if other is None else _best_of(words_of(other), lenient, spare)


def _best_of(words: Sequence[str], lenient: bool, spare: int) -> tuple[Alignment | None, float]:
    if not words or len(words) > MAX_QUERY_WORDS:
        return None, REJECTION_COST
    matcher = Matcher(Query(words, lenient), spare)
    whole = sum(matcher.insertions)
    limit = REJECTION_COST * whole
    best: Alignment | None = None
    ranked = matcher.ranked_by_bound()
    for bound, phrasing in ranked:
        if bound >= limit:
            break
        found = matcher.align(phrasing, limit)
        if found and not matcher.loses_meaning(found):
            best, limit = found, found.cost
    for bound, phrasing in ranked[:MAX_UNORDERED]:
        if bound + REORDER_COST >= limit:
            break
        found = matcher.align_unordered(phrasing, limit)
        if found and not matcher.loses_meaning(found):
            best, limit = found, found.cost
    if best is None or best.call is None:
        return None, REJECTION_COST
    return best, best.cost / whole


def forget() -> None:
    """Understand every text anew: for measuring how long it takes."""
    _best.cache_clear()
