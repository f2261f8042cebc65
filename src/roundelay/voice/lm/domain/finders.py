"""Where in heard words a slot may be filled, with what, and how far from what was heard (ours)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from roundelay.voice.lm.domain import spoken
from roundelay.voice.lm.domain.letters import Lexicon
from roundelay.voice.lm.domain.phrasings import asks
from roundelay.voice.lm.domain.slots import NUMBERS, OPEN, Form, forms
from roundelay.voice.lm.domain.tables import units

ARTICLES = frozenset(("the", "a", "an"))
FAR = 0.38  # a name or a phrase further from what was heard is another one
WORD_FAR = 0.4  # the same for a single word of a number, a unit, a date
SLOT_COST = 2.2  # of a slot at distance 1, where a missed keyword costs about 1
SOUNDS_COST = 0.35  # of "to" heard for "two"
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
    longest: int  # words

    @classmethod
    def of(cls, kinds: Iterable[str]) -> Phrases:
        """The phrases of these kinds."""
        rows = [(kind, form) for kind in sorted(kinds) for form in forms(kind)]
        rows += [("unit", Form(name, unit.one)) for name, unit in units().items()]
        said = [without_article(form.said) for _, form in rows]
        longest = max(text.count(" ") + 1 for text in said)
        return cls(Lexicon.of(said), tuple(kind for kind, _ in rows), tuple(form.call for _, form in rows), longest)


@cache
def phrases() -> Phrases:
    """The phrases of all closed kinds that a phrasing has."""
    return Phrases.of(
        {kind for ask in asks() for kind in ask.kinds.values() if kind not in OPEN}
        | {"unit", "holiday", "month", "nth"}
    )


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
        known, words = phrases(), self.words
        for start in range(len(words)):
            for end in range(start + 1, min(start + known.longest + 1, len(words)) + 1):
                if words[start] in ARTICLES and end > start + 1:
                    continue
                for row, distance in known.lexicon.near(" ".join(words[start:end]), FAR):
                    found = self._phrases.setdefault(known.kinds[row], {}).setdefault((start, end), [])
                    if len(found) < KEPT and all(call != known.calls[row] for call, _ in found):
                        found.append((known.calls[row], SLOT_COST * distance))

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
        if word in spoken.SOUNDS_LIKE:
            return spoken.SOUNDS_LIKE[word], SOUNDS_COST
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
        for (start, end), names in self.spans("unit").items():
            for first, (number, cost) in number_at.get(start, ()):
                found = [(f"{number} {name}", cost + more) for name, more in names if name in allowed]
                if found:
                    yield (first, end), found

    def _shifts(self) -> Iterator[tuple[Span, list[Found]]]:
        """In three weeks, three weeks from now, three weeks ago."""
        for (start, end), found in self._amounts(("day", "week")):
            for way, before, after in (("in", ("in",), ()), ("in", (), ("from", "now")), ("ago", (), ("ago",))):
                first, last = start - len(before), end + len(after)
                if tuple(self.words[max(0, first) : start]) == before and tuple(self.words[end:last]) == after:
                    yield (first, last), [(f"{way} {step}", cost) for step, cost in found]
