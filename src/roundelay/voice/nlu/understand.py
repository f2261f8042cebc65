"""From heard words to a call without a network: the nearest phrasing by a weighted edit distance (ours).

A phrasing is a row of words and slots. Leaving out, adding or mistaking a word costs as much as the word tells calls
apart ("the" little, "capital" much), less where the letters are near; a slot costs as much as its nearest filling is
far from what was heard. The cheapest phrasing whose slots make a call wins, unless the words it leaves out change the
question (dropped.py). It knows the phrasings of `train`, and a few that are typed rather than said.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from roundelay.errors import BadInput
from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.calculate import OPERATIONS
from roundelay.voice.nlu.domain.edit_distance import Lexicon
from roundelay.voice.nlu.domain.phrasings import Ask, asks, carriers, typed
from roundelay.voice.nlu.domain.slot_finder import KEPT, STRANGER, Heard, Span
from roundelay.voice.nlu.domain.slots import NUMBERS, OPEN, forms
from roundelay.voice.nlu.domain.unmatched import PLACES as PLACE_KINDS
from roundelay.voice.nlu.domain.unmatched import changes
from roundelay.voice.nlu.skills import Call

LONGEST = 40  # heard words; what is longer is no question of the domain
LEAST_WEIGHT = 0.06  # of a word that every call has
NEAR = 0.5  # a heard word further than this from a phrasing's is another word
STEEP = 1.5  # how fast a mistaken letter makes a word count as missed
ADDED = 0.6  # of a word's weight, where a heard word is in no place of the phrasing
ADDED_SLOT = 0.8  # of a heard number or a name that no slot takes
ADDED_UNKNOWN = 0.3  # of a heard word that the domain does not know
DISORDER = 0.35  # of words in another order than the phrasing's
BAGS = 40  # phrasings that are tried without order
PLACES = 4  # of a slot that are tried without order
UNCALLED = 1e-6  # more than a call: names heard to the letter that make no call
TELLING = 0.8  # of the weight of the heaviest word of a sum's phrasing: such a word must be heard
HEARD = 0.8  # of its weight at most, that taking a heard word for it may cost
REFUSED = 0.68  # cost over the cost of adding every heard word: beyond it nothing was understood
SOUNDING = frozenset(spoken.SOUNDS_LIKE.values())  # numbers that may be a mistake for a word: two for "to"
_CONTRACTED = {"what's": "what is", "who's": "who is", "where's": "where is", "when's": "when is", "it's": "it is"}

Path = tuple[Any, int | str, Span] | None  # an alignment from its end: the path before, a part, the heard words


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One way to ask: its parts are indices of the vocabulary or names of slots."""

    ask: Ask
    parts: tuple[int | str, ...]
    words: frozenset[int]
    kinds: frozenset[str]

    @classmethod
    def of(cls, ask: Ask, parts: tuple[int | str, ...]) -> Phrasing:
        """The phrasing with what is asked of it often."""
        return cls(ask, parts, frozenset(p for p in parts if isinstance(p, int)), frozenset(ask.kinds.values()))


@dataclass(frozen=True, slots=True)
class Fit:
    """What a phrasing makes of heard words: its call (None: exact names make none), cost and places."""

    call: Call | None
    cost: float
    phrasing: Phrasing
    filled: Mapping[str, Span]
    met: Mapping[int, int]  # heard word: the part of the phrasing that it was taken for

    def free(self, count: int) -> frozenset[int]:
        """The heard words in no slot and in no word of the phrasing."""
        inside = {at for start, end in self.filled.values() for at in range(start, end)}
        return frozenset(range(count)) - inside - self.met.keys()


@dataclass(frozen=True, slots=True)
class Known:
    """The phrasings of `train`, their vocabulary with weights, and the words of slots and of carriers."""

    phrasings: tuple[Phrasing, ...]
    vocabulary: Lexicon
    weights: tuple[float, ...]
    names: frozenset[str]
    carriers: frozenset[str]
    skipped: frozenset[str]  # words that may be left out after "in" or "of"


def words_of(text: str) -> list[str]:
    """The words that are matched: lower case, contractions apart, no possessive."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    words = []
    for word in re.findall(r"[a-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?", text):
        words += _CONTRACTED.get(word, word if word == "u's" else word.removesuffix("'s")).split()
    return words


@cache
def known() -> Known:
    """What is matched against, made once."""
    rows = [(ask, words_of_phrasing(line)) for ask in asks() for line in ask.phrasings["train"]]
    homes: dict[str, set[str]] = {}
    for ask, words in rows:
        for word in words:
            if not word.startswith("{"):
                homes.setdefault(word, set()).add(ask.call)
    for ask in typed():
        rows += [(ask, words_of_phrasing(line)) for line in ask.phrasings["typed"]]
    for ask, words in rows:
        for word in words:
            if not word.startswith("{"):
                homes.setdefault(word, {ask.call})
    vocabulary = sorted(homes)
    index = {word: at for at, word in enumerate(vocabulary)}
    most = math.log(len(asks()))
    weights = tuple(LEAST_WEIGHT + math.log(len(asks()) / len(homes[word])) / most for word in vocabulary)
    around = carriers("train")
    kinds = {kind for ask in asks() for kind in ask.kinds.values() if kind not in OPEN}
    return Known(
        tuple(Phrasing.of(ask, tuple(w[1:-1] if w[0] == "{" else index[w] for w in words)) for ask, words in rows),
        Lexicon.of(vocabulary),
        weights,
        frozenset(word for kind in kinds for form in forms(kind) for word in words_of(form.said)),
        frozenset(
            word for part in (around.before, around.leads, around.after) for line in part for word in words_of(line)
        ),
        frozenset(homes),
    )


def words_of_phrasing(line: str) -> list[str]:
    """The words and {slots} of a phrasing, words as `words_of` gives them."""
    out: list[str] = []
    for word in line.split():
        out += [word.removesuffix("'s")] if word.startswith("{") else words_of(word)
    return out


def understand(text: str) -> Call | None:
    """The call that heard words most likely mean, or None where they are of no domain.

    `text` may hold mistakes of letters or words; numbers may be words or digits.
    """
    return nearest(text)[0]


def nearest(text: str) -> tuple[Call | None, float]:
    """What `understand` gives, and how far the words are from the phrasing behind it.

    The distance is a share of what it costs to take no word for any of a phrasing's: 0 for a phrasing to the letter,
    `REFUSED` where there is no call.
    """
    words = words_of(text)
    if not words or len(words) > LONGEST:
        return None, REFUSED
    match = Match(Heard(words))
    whole = sum(match.added)
    limit = REFUSED * whole
    best: Fit | None = None
    ranked = match.ranked()
    for bound, phrasing in ranked:
        if bound >= limit:
            break
        found = match.align(phrasing, limit)
        if found:
            best, limit = found, found.cost
    for bound, phrasing in ranked[:BAGS]:
        if bound + DISORDER >= limit:
            break
        found = match.bag(phrasing, limit)
        if found:
            best, limit = found, found.cost
    if best is None or best.call is None or match.misses(best):
        return None, REFUSED
    return best.call, best.cost / whole


class Match:
    """The costs of one heard text against the vocabulary, and its alignment with phrasings."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.taken: dict[frozenset[str], frozenset[int]] = {}
        firm = heard.firm()
        self.swaps = [
            self._swaps(word, 0.0 if at in firm and word not in SOUNDING else NEAR)
            for at, word in enumerate(heard.words)
        ]
        numbers = heard.number_words()
        self.added = [self._added(at, numbers[at] is not None) for at in range(len(heard.words))]

    def _swaps(self, word: str, limit: float) -> dict[int, float]:
        """What taking `word` for each word of the vocabulary within `limit` costs."""
        weights = known().weights
        near = known().vocabulary.near(word, limit)
        return {at: weights[at] * min(1.0, STEEP * distance) for at, distance in near}

    def _added(self, at: int, number: bool) -> float:
        word, weights = self.heard.words[at], known().weights
        exact = [weights[i] for i, cost in self.swaps[at].items() if cost == 0]
        if exact:
            return ADDED * min(exact[0], ADDED if word in known().carriers else 1.0)
        if word in known().carriers:
            return LEAST_WEIGHT
        if number or word in known().names:
            return ADDED_SLOT
        return ADDED_UNKNOWN

    def ranked(self) -> list[tuple[float, Phrasing]]:
        """Phrasings with a lower bound of their cost, lowest first; those with a slot nothing fills are left out."""
        least = list(known().weights)
        for swaps in self.swaps:
            for at, cost in swaps.items():
                least[at] = min(least[at], cost)
        slots: dict[str, float] = {}
        rows = []
        for phrasing in known().phrasings:
            bound = self._must_add(phrasing)
            for part in phrasing.parts:
                if isinstance(part, int):
                    bound += least[part]
                    continue
                kind = phrasing.ask.kinds[part]
                if kind not in slots:
                    spans = self.heard.spans(kind).values()
                    slots[kind] = min((found[0][1] for found in spans), default=math.inf)
                bound += slots[kind]
            if bound < math.inf:
                rows.append((bound, phrasing))
        return sorted(rows, key=lambda row: row[0])

    def _must_add(self, phrasing: Phrasing) -> float:
        """The cost of the heard words that have no place in this phrasing."""
        inside, swaps, words = self._inside(phrasing.kinds), self.swaps, phrasing.words
        return sum(cost for at, cost in enumerate(self.added) if at not in inside and words.isdisjoint(swaps[at]))

    def _inside(self, kinds: frozenset[str]) -> frozenset[int]:
        """The heard words that some filling of these kinds takes."""
        if kinds not in self.taken:
            spans = [span for kind in kinds for span in self.heard.spans(kind)]
            self.taken[kinds] = frozenset(at for start, end in spans for at in range(start, end))
        return self.taken[kinds]

    def misses(self, fit: Fit) -> bool:
        """Whether what a fit leaves out changes the question, or a sum's telling word was not heard."""
        skill = fit.phrasing.ask.call.partition(" ")[0]
        if skill in OPERATIONS or {"node", "year"} & fit.phrasing.kinds:
            weights = {part: known().weights[part] for part in fit.phrasing.parts if isinstance(part, int)}
            told = (weights[part] for at, part in fit.met.items() if self.swaps[at][part] <= HEARD * weights[part])
            if max(told, default=0.0) < TELLING * max(weights.values(), default=0.0):
                return True
        kinds = fit.phrasing.ask.kinds
        places = [span for name, span in fit.filled.items() if kinds[name] in PLACE_KINDS]
        return changes(self.heard, fit.free(len(self.added)), skill, places, known().skipped)

    def align(self, phrasing: Phrasing, limit: float) -> Fit | None:
        """The cheapest alignment, or None where that is not below `limit`."""
        count, parts = len(self.heard.words), phrasing.parts
        spans = {part: self._by_end(phrasing.ask.kinds[part]) for part in parts if isinstance(part, str)}
        cost = [0.0, *itertools.accumulate(self.added)]
        filled: list[Path] = [None] * (count + 1)
        for part in parts:
            row: list[float] = [math.inf] * (count + 1)
            taken: list[Path] = [None] * (count + 1)
            weight = known().weights[part] if isinstance(part, int) else math.inf
            for at in range(count + 1):
                best, before = cost[at] + weight, filled[at]
                if at and row[at - 1] + self.added[at - 1] < best:
                    best, before = row[at - 1] + self.added[at - 1], taken[at - 1]
                if isinstance(part, int):
                    swap = self.swaps[at - 1].get(part) if at else None
                    if swap is not None and cost[at - 1] + swap < best:
                        best, before = cost[at - 1] + swap, (filled[at - 1], part, (at - 1, at))
                else:
                    for start, price in spans[part].get(at, ()):
                        if cost[start] + price < best:
                            best, before = cost[start] + price, (filled[start], part, (start, at))
                row[at], taken[at] = best, before
            cost, filled = row, taken
            if min(cost) >= limit:
                return None
        if cost[-1] >= limit:
            return None
        steps = list(_steps(filled[-1]))
        return self._fit(
            phrasing,
            {part: span for part, span in steps if isinstance(part, str)},
            {span[0]: part for part, span in steps if isinstance(part, int)},
            cost[-1],
            limit,
        )

    def bag(self, phrasing: Phrasing, limit: float) -> Fit | None:
        """The same without regard to the order of words; slots of one kind stay in the phrasing's order."""
        names = [part for part in phrasing.parts if isinstance(part, str)]
        choices = [self._widest(phrasing.ask.kinds[name]) for name in names]
        best: Fit | None = None
        for spans in itertools.product(*choices):
            if any(a[1] > b[0] and b[1] > a[0] for a, b in itertools.combinations(spans, 2)):
                continue
            if any(
                a > b and self.heard.spans(phrasing.ask.kinds[x]) is self.heard.spans(phrasing.ask.kinds[y])
                for (a, x), (b, y) in itertools.combinations(zip(spans, names, strict=True), 2)
            ):
                continue
            filled = dict(zip(names, spans, strict=True))
            cost = DISORDER + sum(
                self.heard.spans(phrasing.ask.kinds[name])[span][0][1] for name, span in filled.items()
            )
            free = [at for at in range(len(self.added)) if not any(start <= at < end for start, end in spans)]
            more, met = self._unordered(phrasing, free)
            found = self._fit(phrasing, filled, met, cost + more, limit)
            if found:
                best, limit = found, found.cost
        return best

    def _unordered(self, phrasing: Phrasing, free: list[int]) -> tuple[float, dict[int, int]]:
        """The cost of matching free heard words with the words of a phrasing, greedily by what each spares."""
        weights = known().weights
        wanted = [part for part in phrasing.parts if isinstance(part, int)]
        cost = sum(weights[part] for part in wanted) + sum(self.added[at] for at in free)
        pairs = sorted(
            (self.swaps[at][part] - weights[part] - self.added[at], at, i)
            for at in free
            for i, part in enumerate(wanted)
            if part in self.swaps[at]
        )
        met: dict[int, int] = {}
        used_parts: set[int] = set()
        for spared, at, i in pairs:
            if spared < 0 and at not in met and i not in used_parts:
                cost += spared
                met[at] = wanted[i]
                used_parts.add(i)
        return cost, met

    def _widest(self, kind: str) -> list[Span]:
        """The cheapest places of a kind, of equally cheap ones the longest, none inside another as cheap."""
        rows = sorted((found[0][1], span[0] - span[1], span) for span, found in self.heard.spans(kind).items())
        kept: list[Span] = []
        for _, _, (start, end) in rows:
            if len(kept) < PLACES and not any(first <= start and end <= last for first, last in kept):
                kept.append((start, end))
        return kept

    def _by_end(self, kind: str) -> Mapping[int, list[tuple[int, float]]]:
        ends: dict[int, list[tuple[int, float]]] = {}
        for (start, end), found in self.heard.spans(kind).items():
            ends.setdefault(end, []).append((start, found[0][1]))
        return ends

    def _fit(
        self, phrasing: Phrasing, filled: Mapping[str, Span], met: Mapping[int, int], cost: float, limit: float
    ) -> Fit | None:
        """The cheapest valid call among the nearest fillings; what is heard to the letter stays as it is."""
        if cost >= limit:
            return None
        ask = phrasing.ask
        places = [self.heard.spans(ask.kinds[name])[span] for name, span in filled.items()]
        choices = [[one for one in found if one[1] == 0] or found[:KEPT] for found in places]
        base = cost - sum(found[0][1] for found in choices)
        for fillings in sorted(itertools.product(*choices), key=lambda row: sum(found[1] for found in row)):
            total = base + sum(found[1] for found in fillings)
            if total >= limit:
                return None
            values = {name: found[0] for name, found in zip(filled, fillings, strict=True)}
            try:
                return Fit(Call.parse(ask.filled(values)), total, phrasing, filled, met)
            except BadInput:
                if STRANGER in values.values():
                    break
        exact = all(found[0][1] == 0 for found in choices) and ("e" in phrasing.kinds or not phrasing.kinds <= NUMBERS)
        if cost + UNCALLED < limit and (exact or any(found[0][0] == STRANGER for found in choices)):
            fit = Fit(None, cost + UNCALLED, phrasing, filled, met)
            return None if self.misses(fit) else fit
        return None


def _steps(path: Path) -> Iterator[tuple[int | str, Span]]:
    """The parts that were met or filled on a path, last first."""
    while path is not None:
        path, part, span = path
        yield part, span
