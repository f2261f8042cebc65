"""Which words of a question say what is asked, and when two words are the same one (ours).

A content word names a thing, a verb or a relation: an answer that leaves one out answers another question. Idle words
("the", "please", "do you know") may be left over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from roundelay.voice.nlu.domain.edit_distance import FuzzyIndex
from roundelay.voice.nlu.domain.tables import table

MAX_MISSPELT = 0.34  # letter distance of a content word from what it may be an error for
MAX_IDLE_MISSPELT = 0.2  # the same for an error for an idle word; of a short one, which real words are less near to,
MAX_SHORT_MISSPELT = 0.34
SHORT = 4  # letters
MIN_STEM = 3  # letters before -ing and -ed: not of thing, or red

_TABLE = table("content_words")
IDLE = frozenset(_TABLE["idle"].split())
SUM_IDLE = frozenset(_TABLE["beside_numbers"].split())
NEVER_IDLE = frozenset(_TABLE["never_idle"].split())


def _others(groups: str) -> dict[str, frozenset[str]]:
    """For each word of the groups, the other words of its own."""
    rows = [frozenset(group.split()) for line in groups.strip().splitlines() for group in line.split("|")]
    words = frozenset().union(*rows)
    return {word: frozenset().union(*(row for row in rows if word in row)) - {word} for word in words}


SYNONYMS = _others(_TABLE["groups"]["meaning"])  # in the phrasings
HOMOPHONES = _others(_TABLE["groups"]["sound"])  # what recognisers write for each other


@cache
def english() -> frozenset[str]:
    """Common English words: one of these is no misspelling of another word."""
    text = files("roundelay.voice.nlu.domain").joinpath("english.txt").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(word for line in (*rows, _TABLE["never_misspelt"]) for word in line.split())


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its ending: legs and leg, flies and fly, boxes and box, waste and wasted, stop and stopping."""
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= MIN_STEM and rest[-1] != "e" and any(letter in "aeiouy" for letter in rest):
            return rest[:-1] if rest[-1] == rest[-2] and rest[-1] not in "lsz" else rest
    singular = _singular(word)
    return singular.removesuffix("e") if len(singular) > MIN_STEM else singular


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@cache
def _idle_stems() -> frozenset[str]:
    return frozenset(stem(word) for word in IDLE if len(word) >= SHORT)


@lru_cache(maxsize=50_000)
def letter_distance(one: str, other: str) -> float:
    """The edit distance of two words over the length of the longer: 0 equal, 1 nothing in common."""
    found = FuzzyIndex.of([one]).near(other, 1.0)
    return found[0][1] if found else 1.0


@lru_cache(maxsize=50_000)
def is_idle(word: str) -> bool:
    """Whether `word` may be left over: an idle one, or a misspelling of one."""
    if word in IDLE or (len(word) == 1 and word.isalpha()) or (len(word) > SHORT and stem(word) in _idle_stems()):
        return True
    if word in english() or not word.isalpha() or len(word) < 2:
        return False
    limit = MAX_SHORT_MISSPELT if len(word) <= SHORT else MAX_IDLE_MISSPELT
    return len(word) > 2 and any(letter_distance(idle, word) <= limit for idle in IDLE if len(idle) > 2)


def may_mean(word: str, meant: str, lenient: bool = False) -> bool:
    """Whether `word` of a query may stand for `meant`: the same, in another number, by sound, or misspelt.

    A real word is no misspelling, unless `lenient`.
    """
    if stem(word) == stem(meant) or meant in HOMOPHONES.get(word, ()):
        return True
    if word in english() and not lenient:
        return False
    return letter_distance(meant, word) <= MAX_MISSPELT


def names_the_same(words: Sequence[str], form: Collection[str], lenient: bool = False) -> bool:
    """Whether each content word of a query's `words` may stand for one of `form`, and each of those has its own."""
    wanted = [word for word in form if word not in IDLE]
    said = [word for word in words if word not in IDLE]
    return all(any(may_mean(word, meant, lenient) for meant in wanted) for word in said) and all(
        any(may_mean(word, meant, lenient) for word in said) for meant in wanted
    )
