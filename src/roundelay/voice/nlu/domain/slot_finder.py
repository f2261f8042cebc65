"""Where in heard words a slot may be filled, with what, and how far from what was heard (ours)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from roundelay.voice.nlu.domain import spoken
from roundelay.voice.nlu.domain.edit_distance import Lexicon
from roundelay.voice.nlu.domain.phrasings import asks, typed
from roundelay.voice.nlu.domain.slots import NUMBERS, OPEN, Form, forms
from roundelay.voice.nlu.domain.tables import strangers, units

ARTICLES = frozenset(("the", "a", "an"))
FAR = 0.38  # a name or a phrase further from what was heard is another one
WORD_FAR = 0.4  # the same for a single word of a number, a unit, a date
SLOT_COST = 2.2  # of a slot at distance 1, where a missed keyword costs about 1
SOUNDS_COST = 0.35  # of "to" heard for "two"
EXACT = ("part", "parts")  # kinds that must be heard to the letter: four is no fourth
STRANGER = "?"  # what a call writes for a name that the tables do not hold: such a call is not valid
LONGEST_PLACE = 4  # words
KEPT = 3  # fillings of one place that are tried

Span = tuple[int, int]
Found = tuple[str, float]  # what a call writes, and its cost
Spans = Mapping[Span, list[Found]]


def without_article(text: str) -> str:
    """A phrase without an article before it: recognisers drop and add them."""
    first, _, rest = text.partition(" ")
    return rest if first in ARTICLES and rest else text


@dataclass(frozen=True, slots=True)
class Phrases:
    """Every filling of every closed kind in one lexicon, with the kind and the call of each row."""

    lexicon: Lexicon
    kinds: tuple[str, ...]
    calls: tuple[str, ...]
    said: tuple[frozenset[str], ...]  # the words of each row
    longest: int  # words

    @classmethod
    def of(cls, kinds: Iterable[str]) -> Phrases:
        """The phrases of these kinds."""
        rows = [(kind, form) for kind in sorted(kinds) for form in forms(kind)]
        rows += [("unit", Form(name, unit.one)) for name, unit in units().items()]
        known = {(kind, without_article(form.said)) for kind, form in rows}
        rows += [
            (kind, Form(STRANGER, name))
            for kind in sorted(set(kinds) & strangers().keys())
            for name in strangers()[kind]
            if (kind, name) not in known
        ]
        said = [without_article(form.said) for _, form in rows]
        longest = max(text.count(" ") + 1 for text in said)
        words = tuple(frozenset(text.split()) for text in said)
        return cls(Lexicon.of(said), tuple(k for k, _ in rows), tuple(form.call for _, form in rows), words, longest)


@cache
def phrases() -> Phrases:
    """The phrases of all closed kinds that a phrasing has."""
    return Phrases.of(
        {kind for ask in (*asks(), *typed()) for kind in ask.kinds.values() if kind not in OPEN}
        | {"unit", "holiday", "month", "nth"}
    )


@cache
def _places() -> frozenset[str]:
    """Countries and cities, known or not: heard to the letter they are no mistake for something else."""
    kinds = ("country", "city")
    names = [form.said for kind in kinds for form in forms(kind)] + [n for kind in kinds for n in strangers()[kind]]
    return frozenset(map(without_article, names))


@cache
def _number_words() -> Lexicon:
    return Lexicon.of(sorted(spoken.WORDS - {"a", "and"}))


@dataclass(slots=True)
class Heard:
    """Heard words, and the places in them for each kind of slot, found when first asked for."""

    words: Sequence[str]
    _known: dict[str, Spans] = field(default_factory=dict)
    _phrases: dict[str, dict[Span, list[Found]]] = field(default_factory=dict)

    def spans(self, kind: str) -> Spans:
        """Fillings of `kind` by the words from one index to another, cheapest first."""
        if kind in OPEN or kind == "number":
            kind = "number" if kind in NUMBERS or kind == "node" else kind
            if kind not in self._known:
                self._known[kind] = self._open(kind)
            return self._known[kind]
        if not self._phrases:
            self._find_phrases()
        return self._phrases.get(kind, {})

    def _find_phrases(self) -> None:
        known, words, firm_at = phrases(), self.words, self.firm()
        for start in range(len(words)):
            for end in range(start + 1, min(start + known.longest + 1, len(words)) + 1):
                if words[start] in ARTICLES and end > start + 1:
                    continue
                firm = {words[at] for at in range(start, end) if at in firm_at}
                for row, distance in known.lexicon.near(" ".join(words[start:end]), FAR):
                    if distance and (known.kinds[row] in EXACT or not firm <= known.said[row]):
                        continue
                    found = self._phrases.setdefault(known.kinds[row], {}).setdefault((start, end), [])
                    if len(found) < KEPT and all(call != known.calls[row] for call, _ in found):
                        found.append((known.calls[row], SLOT_COST * distance))

    def firm(self) -> set[int]:
        """Heard words that are exactly a number or of a place, so that nothing but its own name is made of them."""
        words, found = self.words, {at for at, word in enumerate(self.words) if word in spoken.SURE | spoken.BEYOND}
        for start, size in itertools.product(range(len(words)), range(1, LONGEST_PLACE + 1)):
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
        return {span: sorted(calls, key=lambda call: call[1])[:KEPT] for span, calls in found.items()}

    def number_words(self) -> list[Found | None]:
        """For each heard word the word of a number that it may be, with its cost."""
        return [self._number_word(word) for word in self.words]

    def _number_word(self, word: str) -> Found | None:
        if word in spoken.WORDS or word[:1].isdigit():
            return word, 0.0
        if word in spoken.EXACT:
            return spoken.EXACT[word], 0.0
        if word in spoken.SOUNDS_LIKE:
            return spoken.SOUNDS_LIKE[word], SOUNDS_COST
        if word in spoken.BEYOND:
            return None
        near = _number_words().near(word, WORD_FAR)
        return (_number_words().words[near[0][0]], SLOT_COST * near[0][1]) if near else None

    def _numbers(self, *, year: bool) -> Iterator[tuple[Span, str, float]]:
        guesses = self.number_words()
        for start in range(len(guesses)):
            words: list[str] = []
            cost = 0.0
            for end in range(start + 1, min(start + spoken.LONGEST, len(guesses)) + 1):
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
            for way, before, after in (("in", ("in",), ()), ("in", (), ("from", "now")), ("ago", (), ("ago",))):
                first, last = start - len(before), end + len(after)
                if tuple(self.words[max(0, first) : start]) == before and tuple(self.words[end:last]) == after:
                    yield (first, last), [(f"{way} {step}", cost) for step, cost in found]


def _amount(number: str, unit: str, allowed: Sequence[str]) -> str:
    """As a call writes it; of a clock's span half an hour is 30 minutes."""
    minutes = Decimal(number.removeprefix("minus ")) * 60
    if unit == "hour" and "." in number and len(allowed) == 2 and minutes % 1 == 0:
        return f"{minutes:.0f} minute"
    return f"{number} {unit}"
