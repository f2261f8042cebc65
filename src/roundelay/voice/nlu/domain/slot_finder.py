"""The spans of a query that may fill a slot, the fillings, and their cost (ours)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.content_words import english, names_the_same
from roundelay.voice.nlu.domain.edit_distance import FuzzyIndex
from roundelay.voice.nlu.domain.phrasings import intents, typed_intents
from roundelay.voice.nlu.domain.slots import NUMBERS, OPEN, Form, forms
from roundelay.voice.nlu.domain.tables import units, unknown_entities

ARTICLES = frozenset(("the", "a", "an"))
MAX_PHRASE_DISTANCE = 0.38  # a name or a phrase further from the query's words does not match
MAX_WORD_DISTANCE = 0.4  # the same for a single word of a number
SLOT_COST = 2.2  # of a slot at distance 1; a missing keyword costs about 1
HOMOPHONE_COST = 0.35  # of "to" in place of "two"
EXACT_KINDS = ("part", "parts")  # kinds that must match exactly: four is not fourth
UNKNOWN_ENTITY = "?"  # in a call: a name that is in no table (out of vocabulary); such a call is invalid
MAX_PLACE_WORDS = 4  # words
MAX_FILLINGS = 3  # of one span that are tried

Span = tuple[int, int]
Found = tuple[str, float]  # a filling as a call writes it, and its cost
Spans = Mapping[Span, list[Found]]


def without_article(text: str) -> str:
    """A phrase without its leading article: recognisers drop and insert them."""
    first, _, rest = text.partition(" ")
    return rest if first in ARTICLES and rest else text


@dataclass(frozen=True, slots=True)
class PhraseIndex:
    """Every filling of every closed kind in one index, with the kind and the call of each row."""

    index: FuzzyIndex
    kinds: tuple[str, ...]
    calls: tuple[str, ...]
    spoken: tuple[frozenset[str], ...]  # the words of each row
    longest: int  # words

    @classmethod
    def of(cls, kinds: Iterable[str]) -> PhraseIndex:
        """The phrases of these kinds."""
        rows = [(kind, form) for kind in sorted(kinds) for form in forms(kind)]
        rows += [("unit", Form(name, unit.one)) for name, unit in units().items()]
        known = {(kind, without_article(form.spoken)) for kind, form in rows}
        rows += [
            (kind, Form(UNKNOWN_ENTITY, name))
            for kind in sorted(set(kinds) & unknown_entities().keys())
            for name in unknown_entities()[kind]
            if (kind, name) not in known
        ]
        texts = [without_article(form.spoken) for _, form in rows]
        longest = max(text.count(" ") + 1 for text in texts)
        words = tuple(frozenset(word.removesuffix("'s") for word in text.split()) for text in texts)
        return cls(
            FuzzyIndex.of(texts), tuple(k for k, _ in rows), tuple(form.call for _, form in rows), words, longest
        )


@cache
def phrase_index() -> PhraseIndex:
    """The phrases of all closed kinds that a phrasing has."""
    return PhraseIndex.of(
        {kind for intent in (*intents(), *typed_intents()) for kind in intent.kinds.values() if kind not in OPEN}
        | {"unit", "holiday", "month", "nth"}
    )


@cache
def _places() -> frozenset[str]:
    """Countries and cities, known or not: where one occurs exactly, it is no recognition error."""
    kinds = ("country", "city")
    names = [form.spoken for kind in kinds for form in forms(kind)] + [
        n for kind in kinds for n in unknown_entities()[kind]
    ]
    return frozenset(map(without_article, names))


@cache
def _number_words() -> FuzzyIndex:
    return FuzzyIndex.of(sorted(spoken.WORDS - {"a", "and"}))


@dataclass(slots=True)
class Query:
    """The words of a query, and the spans in them that may fill each kind of slot, found on first use."""

    words: Sequence[str]
    lenient: bool = False  # a real word may be an error for another
    _known: dict[str, Spans] = field(default_factory=dict)
    _phrases: dict[str, dict[Span, list[Found]]] = field(default_factory=dict)
    _searched: bool = False  # for phrases

    def spans(self, kind: str) -> Spans:
        """The fillings of `kind` by span [start, end), cheapest first."""
        if kind in OPEN or kind == "number":
            kind = "number" if kind in NUMBERS or kind == "node" else kind
            if kind not in self._known:
                self._known[kind] = self._open(kind)
            return self._known[kind]
        if not self._searched:  # once, also where nothing is found
            self._searched = True
            self._find_phrases()
        return self._phrases.get(kind, {})

    def _find_phrases(self) -> None:
        known, words, exact_at = phrase_index(), self.words, self.exact_words()
        for start in range(len(words)):
            for end in range(start + 1, min(start + known.longest + 1, len(words)) + 1):
                if words[start] in ARTICLES and end > start + 1:
                    continue
                exact = {words[at] for at in range(start, end) if at in exact_at}
                for row, distance in known.index.near(" ".join(words[start:end]), MAX_PHRASE_DISTANCE):
                    if distance and (known.kinds[row] in EXACT_KINDS or not exact <= known.spoken[row]):
                        continue
                    if distance and not names_the_same(words[start:end], known.spoken[row], self.lenient):
                        continue
                    found = self._phrases.setdefault(known.kinds[row], {}).setdefault((start, end), [])
                    if len(found) < MAX_FILLINGS and all(call != known.calls[row] for call, _ in found):
                        found.append((known.calls[row], SLOT_COST * distance))

    def exact_words(self) -> set[int]:
        """Indices of the words that are exactly a number or part of a place: they match nothing but that."""
        words, found = (
            self.words,
            {at for at, word in enumerate(self.words) if word in spoken.UNAMBIGUOUS | spoken.NUMBER_RELATED},
        )
        for start, size in itertools.product(range(len(words)), range(1, MAX_PLACE_WORDS + 1)):
            if " ".join(words[start : start + size]) in _places():
                found.update(range(start, min(start + size, len(words))))
        return found

    def _open(self, kind: str) -> Spans:
        match kind:
            case "day":
                return self._days()
            case "number":
                return {span: [(number, cost)] for span, number, cost in self._numbers(year=False)}
            case "year":
                return {span: [(number, cost)] for span, number, cost in self._numbers(year=True)}
            case "shift":
                return dict(self._shifts())
        allowed = ("minute", "hour") if kind == "span" else tuple(units())
        return dict(self._amounts(allowed))

    def _days(self) -> Spans:
        """Holidays, and a month with an ordinal on one side of it."""
        found = {span: list(calls) for span, calls in self.spans("holiday").items()}
        for (start, end), months in self.spans("month").items():
            for (first, last), days in self.spans("nth").items():
                gap = tuple(self.words[end:first] if first >= end else self.words[last:start])
                if gap in (((), ("the",)) if first >= end else ((), ("of",))) and (first >= end or last <= start):
                    calls = [(f"{m} {d}", cost + more) for m, cost in months for d, more in days]
                    found.setdefault((min(start, first), max(end, last)), []).extend(calls)
        return {span: sorted(calls, key=lambda call: call[1])[:MAX_FILLINGS] for span, calls in found.items()}

    def number_words(self) -> list[Found | None]:
        """For each word the number word it may stand for, with its cost."""
        return [self._number_word(word) for word in self.words]

    def _number_word(self, word: str) -> Found | None:
        if word in spoken.WORDS or word[:1].isdigit():
            return word, 0.0
        if word in spoken.EXACT_ONLY:
            return spoken.EXACT_ONLY[word], 0.0
        if word in spoken.HOMOPHONES:
            return spoken.HOMOPHONES[word], HOMOPHONE_COST
        if word in spoken.NUMBER_RELATED:
            return None
        if word in english() and not self.lenient:  # went is no twenty
            return None
        near = _number_words().near(word, MAX_WORD_DISTANCE)
        return (_number_words().words[near[0][0]], SLOT_COST * near[0][1]) if near else None

    def _numbers(self, *, year: bool) -> Iterator[tuple[Span, str, float]]:
        guesses = self.number_words()
        for start in range(len(guesses)):
            words: list[str] = []
            cost = 0.0
            for end in range(start + 1, min(start + spoken.MAX_NUMBER_WORDS, len(guesses)) + 1):
                guess = guesses[end - 1]
                if guess is None:
                    break
                words.append(guess[0])
                cost += guess[1]
                if words[-1] in ("and", "point", "minus"):
                    continue
                if words[-1] == "quarter" and len(words) == 2 and self.words[end : end + 1] in (["to"], ["past"]):
                    continue  # of an hour
                sign = "minus " if words[0] == "minus" and not year else ""
                number = spoken.year_of(words) if year else spoken.number_of(words[1:] if sign else words)
                if number is not None and words != ["a"]:
                    yield (start, end), sign + number, cost

    def _amounts(self, allowed: Sequence[str]) -> Iterator[tuple[Span, list[Found]]]:
        """A number and a unit after it, or "a mile"."""
        number_at: dict[int, list[tuple[int, Found]]] = {}
        for (start, end), found in self.spans("number").items():
            number_at.setdefault(end, []).append((start, found[0]))
        for at, word in enumerate(self.words):
            if word in ("a", "an", "the"):
                number_at.setdefault(at + 1, []).append((at, ("1", 0.0 if word != "the" else 0.5)))
                if at and self.words[at - 1] == "half":
                    number_at[at + 1].append((at - 1, ("0.5", 0.0)))
        for (start, end), names in self.spans("unit").items():
            for first, (number, cost) in number_at.get(start, ()):
                found = [(_amount(number, name, allowed), cost + more) for name, more in names if name in allowed]
                if found:
                    yield (first, end), found

    def _shifts(self) -> Iterator[tuple[Span, list[Found]]]:
        """In three weeks, three weeks from now, three weeks ago."""
        for (start, end), found in self._amounts(("day", "week")):
            for sign, before, after in (("in", ("in",), ()), ("in", (), ("from", "now")), ("ago", (), ("ago",))):
                first, last = start - len(before), end + len(after)
                if tuple(self.words[max(0, first) : start]) == before and tuple(self.words[end:last]) == after:
                    yield (first, last), [(f"{sign} {step}", cost) for step, cost in found]


def _amount(number: str, unit: str, allowed: Sequence[str]) -> str:
    """An amount as a call writes it; in a span of clock time half an hour is 30 minutes."""
    minutes = Decimal(number.removeprefix("minus ")) * 60
    if unit == "hour" and "." in number and len(allowed) == 2 and minutes % 1 == 0:
        return f"{minutes:.0f} minute"
    return f"{number} {unit}"
