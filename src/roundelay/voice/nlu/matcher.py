"""Alignment of a query with phrasings by a weighted edit distance over words (ours).

A missing or extra word costs its weight, a substituted one less where the letters are near; a slot costs as much as its
nearest filling is far from the query's words.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from roundelay.errors import BadInput
from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.calculate import OPERATIONS
from roundelay.voice.nlu.domain.content_words import (
    IDLE,
    NEVER_IDLE,
    SUM_IDLE,
    SYNONYMS,
    english,
    is_idle,
    may_mean,
    stem,
)
from roundelay.voice.nlu.domain.phrasings import SLOT
from roundelay.voice.nlu.domain.slot_finder import MAX_FILLINGS, UNKNOWN_ENTITY, Query, Span
from roundelay.voice.nlu.domain.slots import NUMBERS, spoken_form
from roundelay.voice.nlu.domain.unmatched import NUMERIC, changes_question
from roundelay.voice.nlu.phrasing_index import MIN_WORD_WEIGHT, Phrasing, phrasing_index
from roundelay.voice.nlu.skills import Call

MAX_DISTANCE = 0.5  # of a substitution; a word further from a phrasing's is another word
MAX_IDLE_DISTANCE = 0.34  # the same in place of an idle word, but for one of at most
MAX_SHORT_LETTERS = 3
SYNONYM_DISTANCE = 0.15  # of a word that means the same
INFLECTION_DISTANCE = 0.1  # of a word in another number
MAX_MISSING = 1  # content words of a phrasing that the query may lack, where it has slots or
MIN_FOUND = 2  # others
LETTER_ERROR_SLOPE = 1.5  # growth of the substitution cost with the distance of the letters, up to the word's weight
INSERTION_COST = 0.6  # of its weight, for a query word that matches nothing in the phrasing
SLOT_INSERTION_COST = 0.8  # of a number or a name that no slot takes
UNKNOWN_INSERTION_COST = 0.3  # of a word that the domain does not know
REORDER_COST = 0.35  # of an alignment in another order than the phrasing's
MAX_UNORDERED_SPANS = 4  # of a slot, tried by `align_unordered`
INVALID_CALL_PENALTY = 1e-6  # tie-break: prefer a phrasing whose slots form a valid call
MIN_KEYWORD_WEIGHT = 0.8  # of the heaviest word's weight: a calculation needs such a keyword
MAX_KEYWORD_COST = 0.8  # of its weight: a keyword counts as heard if its substitution cost is below
HOMOPHONE_NUMBERS = frozenset(spoken.HOMOPHONES.values())  # numbers that may stand for a word: two for "to"

Path = tuple[Any, int | str, Span] | None  # an alignment from its end: the path before, a part, the query words


@dataclass(frozen=True, slots=True)
class Alignment:
    """A phrasing aligned with a query: its call (None: exact names make no valid call), cost and slots."""

    call: Call | None
    cost: float
    phrasing: Phrasing
    slots: Mapping[str, Span]
    matched: Mapping[int, int]  # index of a query word: the part of the phrasing it was matched with
    values: Mapping[str, str] = field(default_factory=dict)  # of the slots, as a call writes them

    def question(self) -> str:
        """A plain question for the call: the first phrasing of its intent, with the slots in words."""
        intent = self.phrasing.intent
        line = next(line for lines in intent.phrasings.values() for line in lines)
        return SLOT.sub(lambda found: spoken_form(intent.kinds[found[1]], self.values[found[1]]), line)

    def unmatched_words(self, count: int) -> frozenset[int]:
        """The indices of the query words in no slot and matched with no word of the phrasing."""
        inside = {at for start, end in self.slots.values() for at in range(start, end)}
        return frozenset(range(count)) - inside - self.matched.keys()


class Matcher:
    """Aligns one query with phrasings: substitution and insertion costs of its words, and dynamic programming."""

    def __init__(self, query: Query, spare: int = 0) -> None:
        self.query, self.spare = query, spare  # content words that may be left over
        self.taken: dict[frozenset[str], frozenset[int]] = {}
        exact = query.exact_words()
        self.substitutions = [
            self._substitution_costs(word, 0.0 if at in exact and word not in HOMOPHONE_NUMBERS else MAX_DISTANCE)
            for at, word in enumerate(query.words)
        ]
        self.content = [at for at, word in enumerate(query.words) if not is_idle(word) and word not in SUM_IDLE]
        numbers = query.number_words()
        self.insertions = [self._insertion_cost(at, numbers[at] is not None) for at in range(len(query.words))]

    def _substitution_costs(self, word: str, limit: float) -> dict[int, float]:
        """The cost of substituting `word` for each word of the vocabulary within `limit`."""
        weights, vocabulary = phrasing_index().weights, phrasing_index().vocabulary
        costs = {}
        for at, letters in vocabulary.near(word, limit):
            distance = self._word_distance(word, vocabulary.words[at], letters)
            if distance is not None:
                costs[at] = weights[at] * min(1.0, LETTER_ERROR_SLOPE * distance)
        for meant in SYNONYMS.get(word, ()):
            for at, _ in vocabulary.near(meant, 0.0):
                costs.setdefault(at, weights[at] * LETTER_ERROR_SLOPE * SYNONYM_DISTANCE)
        return costs

    def _word_distance(self, word: str, meant: str, distance: float) -> float | None:
        """The distance of two words whose letters are `distance` apart; None where one cannot stand for the other."""
        if not distance:
            return 0.0
        if stem(word) == stem(meant):
            return INFLECTION_DISTANCE
        if meant not in IDLE:
            return distance if may_mean(word, meant, self.query.lenient) else None
        if word in english() and word not in IDLE:
            return None
        return distance if distance <= MAX_IDLE_DISTANCE or len(word) <= MAX_SHORT_LETTERS else None

    def _insertion_cost(self, at: int, number: bool) -> float:
        word, weights = self.query.words[at], phrasing_index().weights
        exact = [weights[i] for i, cost in self.substitutions[at].items() if cost == 0]
        if exact:
            return INSERTION_COST * min(exact[0], INSERTION_COST if word in phrasing_index().carriers else 1.0)
        if word in phrasing_index().carriers:
            return MIN_WORD_WEIGHT
        if number or word in phrasing_index().names:
            return SLOT_INSERTION_COST
        return UNKNOWN_INSERTION_COST

    def ranked_by_bound(self) -> list[tuple[float, Phrasing]]:
        """Phrasings with a lower bound of their cost, lowest first; without those that have a slot nothing can fill."""
        min_costs = list(phrasing_index().weights)
        for costs in self.substitutions:
            for at, cost in costs.items():
                min_costs[at] = min(min_costs[at], cost)
        slots: dict[str, float] = {}
        rows = []
        for phrasing in phrasing_index().phrasings:
            if not self._has_place_for_all(phrasing):
                continue
            bound = self._min_insertion_cost(phrasing)
            for part in phrasing.parts:
                if isinstance(part, int):
                    bound += min_costs[part]
                    continue
                kind = phrasing.intent.kinds[part]
                if kind not in slots:
                    spans = self.query.spans(kind).values()
                    slots[kind] = min((found[0][1] for found in spans), default=math.inf)
                bound += slots[kind]
            if bound < math.inf:
                rows.append((bound, phrasing))
        return sorted(rows, key=lambda row: row[0])

    def _has_place_for_all(self, phrasing: Phrasing) -> bool:
        """Whether a slot or a phrasing of the call may take each content word of the query, but for spare ones."""
        inside, costs, words = self._words_in_slots(phrasing.kinds), self.substitutions, phrasing.related
        return sum(at not in inside and words.isdisjoint(costs[at]) for at in self.content) <= self.spare

    def _min_insertion_cost(self, phrasing: Phrasing) -> float:
        """A lower bound: the cost of the query words that no slot or word of this phrasing can take."""
        inside, costs, words = self._words_in_slots(phrasing.kinds), self.substitutions, phrasing.words
        return sum(cost for at, cost in enumerate(self.insertions) if at not in inside and words.isdisjoint(costs[at]))

    def _words_in_slots(self, kinds: frozenset[str]) -> frozenset[int]:
        """The indices of the query words in some filling of a slot of these kinds."""
        if kinds not in self.taken:
            spans = [span for kind in kinds for span in self.query.spans(kind)]
            self.taken[kinds] = frozenset(at for start, end in spans for at in range(start, end))
        return self.taken[kinds]

    def loses_meaning(self, alignment: Alignment) -> bool:
        """Whether an alignment is one of another question: words that tell what is asked are left over or missing."""
        skill = alignment.phrasing.intent.call.partition(" ")[0]
        parts = [part for part in alignment.phrasing.parts if isinstance(part, int)]
        if skill in OPERATIONS or {"node", "year"} & alignment.phrasing.kinds:
            weights = {part: phrasing_index().weights[part] for part in parts}
            matched = alignment.matched.items()
            found = (weights[k] for at, k in matched if self.substitutions[at][k] <= MAX_KEYWORD_COST * weights[k])
            if max(found, default=0.0) < MIN_KEYWORD_WEIGHT * max(weights.values(), default=0.0):
                return True
        words = phrasing_index().vocabulary.words
        missing = Counter(parts) - Counter(alignment.matched.values())
        found_parts = sum(words[part] not in IDLE for part in set(alignment.matched.values()))
        may_miss = alignment.slots or found_parts >= MIN_FOUND
        if sum(words[part] not in IDLE for part in missing) > (MAX_MISSING if may_miss else 0):
            return True
        free = {
            at
            for at in alignment.unmatched_words(len(self.insertions))
            if self.query.words[at] in NEVER_IDLE | NUMERIC
            or alignment.phrasing.related.isdisjoint(self.substitutions[at])
        }
        return changes_question(self.query, free, skill, self.spare)

    def align(self, phrasing: Phrasing, limit: float) -> Alignment | None:
        """The cheapest alignment in the phrasing's order, or None where its cost is not below `limit`."""
        count, parts = len(self.query.words), phrasing.parts
        spans = {part: self._by_end(phrasing.intent.kinds[part]) for part in parts if isinstance(part, str)}
        cost = [0.0, *itertools.accumulate(self.insertions)]
        slots: list[Path] = [None] * (count + 1)
        for part in parts:
            row: list[float] = [math.inf] * (count + 1)
            taken: list[Path] = [None] * (count + 1)
            weight = phrasing_index().weights[part] if isinstance(part, int) else math.inf
            for at in range(count + 1):
                best, before = cost[at] + weight, slots[at]
                if at and row[at - 1] + self.insertions[at - 1] < best:
                    best, before = row[at - 1] + self.insertions[at - 1], taken[at - 1]
                if isinstance(part, int):
                    swap = self.substitutions[at - 1].get(part) if at else None
                    if swap is not None and cost[at - 1] + swap < best:
                        best, before = cost[at - 1] + swap, (slots[at - 1], part, (at - 1, at))
                else:
                    for start, price in spans[part].get(at, ()):
                        if cost[start] + price < best:
                            best, before = cost[start] + price, (slots[start], part, (start, at))
                row[at], taken[at] = best, before
            cost, slots = row, taken
            if min(cost) >= limit:
                return None
        if cost[-1] >= limit:
            return None
        steps = list(_steps(slots[-1]))
        return self._alignment(
            phrasing,
            {part: span for part, span in steps if isinstance(part, str)},
            {span[0]: part for part, span in steps if isinstance(part, int)},
            cost[-1],
            limit,
        )

    def align_unordered(self, phrasing: Phrasing, limit: float) -> Alignment | None:
        """As `align`, without regard to the order of words; slots of one kind stay in the phrasing's order."""
        names = [part for part in phrasing.parts if isinstance(part, str)]
        choices = [self._cheapest_spans(phrasing.intent.kinds[name]) for name in names]
        best: Alignment | None = None
        for spans in itertools.product(*choices):
            if any(a[1] > b[0] and b[1] > a[0] for a, b in itertools.combinations(spans, 2)):
                continue
            if any(
                a > b and self.query.spans(phrasing.intent.kinds[x]) is self.query.spans(phrasing.intent.kinds[y])
                for (a, x), (b, y) in itertools.combinations(zip(spans, names, strict=True), 2)
            ):
                continue
            slots = dict(zip(names, spans, strict=True))
            cost = REORDER_COST + sum(
                self.query.spans(phrasing.intent.kinds[name])[span][0][1] for name, span in slots.items()
            )
            free = [at for at in range(len(self.insertions)) if not any(start <= at < end for start, end in spans)]
            more, matched = self._match_unordered(phrasing, free)
            found = self._alignment(phrasing, slots, matched, cost + more, limit)
            if found:
                best, limit = found, found.cost
        return best

    def _match_unordered(self, phrasing: Phrasing, free: list[int]) -> tuple[float, dict[int, int]]:
        """The cost and the pairs of a greedy matching of free query words with the words of a phrasing."""
        weights = phrasing_index().weights
        wanted = [part for part in phrasing.parts if isinstance(part, int)]
        cost = sum(weights[part] for part in wanted) + sum(self.insertions[at] for at in free)
        pairs = sorted(
            (self.substitutions[at][part] - weights[part] - self.insertions[at], at, i)
            for at in free
            for i, part in enumerate(wanted)
            if part in self.substitutions[at]
        )
        matched: dict[int, int] = {}
        used_parts: set[int] = set()
        for saved, at, i in pairs:
            if saved < 0 and at not in matched and i not in used_parts:
                cost += saved
                matched[at] = wanted[i]
                used_parts.add(i)
        return cost, matched

    def _cheapest_spans(self, kind: str) -> list[Span]:
        """The cheapest spans of a kind, of equally cheap ones the longest first, none inside another."""
        rows = sorted((found[0][1], span[0] - span[1], span) for span, found in self.query.spans(kind).items())
        kept: list[Span] = []
        for _, _, (start, end) in rows:
            if len(kept) < MAX_UNORDERED_SPANS and not any(first <= start and end <= last for first, last in kept):
                kept.append((start, end))
        return kept

    def _by_end(self, kind: str) -> Mapping[int, list[tuple[int, float]]]:
        ends: dict[int, list[tuple[int, float]]] = {}
        for (start, end), found in self.query.spans(kind).items():
            ends.setdefault(end, []).append((start, found[0][1]))
        return ends

    def _alignment(
        self, phrasing: Phrasing, slots: Mapping[str, Span], matched: Mapping[int, int], cost: float, limit: float
    ) -> Alignment | None:
        """The alignment with the cheapest valid call among the nearest fillings; exact fillings are not changed."""
        if cost >= limit:
            return None
        intent = phrasing.intent
        places = [self.query.spans(intent.kinds[name])[span] for name, span in slots.items()]
        choices = [[one for one in found if one[1] == 0] or found[:MAX_FILLINGS] for found in places]
        base = cost - sum(found[0][1] for found in choices)
        for fillings in sorted(itertools.product(*choices), key=lambda row: sum(found[1] for found in row)):
            total = base + sum(found[1] for found in fillings)
            if total >= limit:
                return None
            values = {name: found[0] for name, found in zip(slots, fillings, strict=True)}
            try:
                return Alignment(Call.parse(intent.fill(values)), total, phrasing, slots, matched, values)
            except BadInput:
                if UNKNOWN_ENTITY in values.values():
                    break
        exact = all(found[0][1] == 0 for found in choices) and ("e" in phrasing.kinds or not phrasing.kinds <= NUMBERS)
        if cost + INVALID_CALL_PENALTY < limit and (exact or any(found[0][0] == UNKNOWN_ENTITY for found in choices)):
            alignment = Alignment(None, cost + INVALID_CALL_PENALTY, phrasing, slots, matched)
            return None if self.loses_meaning(alignment) else alignment
        return None


def _steps(path: Path) -> Iterator[tuple[int | str, Span]]:
    """The parts matched or filled on a path, last first."""
    while path is not None:
        path, part, span = path
        yield part, span
