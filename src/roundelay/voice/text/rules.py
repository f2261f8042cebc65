"""The rules of the English normaliser in order: a pattern, and the spoken form of its matches (ours)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from roundelay.voice.text import numbers, readings
from roundelay.voice.text.readings import tables

NO_UNIT_ALONE = frozenset({"us", "ms", "mi", "min", "sec", "cal", "Pa", "mm", "rpm", "psi"})  # with other meanings
NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_DECADES = re.compile(
    r"\b(?:the|early|mid|late|my|your|his|her|its|our|their)[\s-]+$", re.IGNORECASE
)  # before a decade
_MONTH = r"(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|" + "|".join(m.title() for m in readings.MONTHS) + r")"
_HALF = r"([ap]\.m\.|[ap]m\b|[AP]\.M\.|[AP]M\b)"
_ENDINGS = numbers.words("com org net edu gov io ai dev app info uk de fr eu ca co tv html htm")
_FILES = numbers.words("txt py pdf csv json toml yaml md jpg jpeg png gif svg mp3 mp4 wav flac exe zip tar gz doc docx")


@dataclass(frozen=True, slots=True)
class Place:
    """A match, the text before it, and whether the whole text is in capitals."""

    found: re.Match[str]
    before: str
    all_capitals: bool

    def __getitem__(self, group: int) -> str:
        return self.found[group] or ""

    @property
    def word_before(self) -> str:
        """The word directly before, as written."""
        found = re.search(r"([A-Za-z']+)\.?\s+$", self.before)
        return found[1] if found else ""


Say = Callable[[Place], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, and the spoken form of a match."""

    pattern: re.Pattern[str]
    say: Say  # None: the rule does not apply to this match


@cache
def rules() -> tuple[list[Rule], re.Pattern[str]]:
    """The rules in order, and one pattern that finds the first match of any."""
    pairs = [*_plain_words(), *_addresses(), *_calendar(), *_amounts(), *_numbers(), *_words(), *_signs()]
    compiled = [Rule(re.compile(pattern), say) for pattern, say in pairs]
    scanner = re.compile("|".join(f"(?P<r{i}>{rule.pattern.pattern})" for i, rule in enumerate(compiled)))
    return compiled, scanner


def _any(keys: Iterable[str]) -> str:
    return "|".join(re.escape(key) for key in sorted(keys, key=len, reverse=True))


def _of(table: Mapping[str, str]) -> Say:
    return lambda place: table[place.found[0]]


def _plain_words() -> list[tuple[str, Say]]:
    """Lower-case words before a space or a mark that no other rule reads: most of a text, tried first to save time."""
    others = tables().phrases.keys() | _bare_units()
    return [(r"""[a-z]{2,}(?:'[a-z]+)?(?=[\s,;!?")]|:(?!//)|$)""", lambda p: None if p[0] in others else p[0])]


def _addresses() -> list[tuple[str, Say]]:
    tail = r"""[^\s<>"]{0,400}[^\s<>".,;:!?)'\]]"""
    return [
        (rf"(?<!\w)(?:{_any(tables().phrases)})(?!\w|/\d)", _of(tables().phrases)),
        (r"(?<![\w.])[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", lambda p: readings.address(p[0])),
        (rf"(?:https?|ftp)://({tail})", lambda p: readings.address(p[1])),
        (rf"(?<!\w)www\.{tail}", lambda p: readings.address(p[0])),
        (
            rf"(?<![\w@])(?:[A-Za-z0-9-]{{1,63}}\.){{1,5}}(?:{'|'.join(_ENDINGS)})(?![\w-])(?:/(?:{tail})?)?",
            lambda p: readings.address(p[0].rstrip("/")),
        ),
        (rf"(?<!\w)[\w-]{{1,64}}\.(?:{'|'.join(_FILES)})(?!\w)", lambda p: readings.address(p[0])),
    ]


def _calendar() -> list[tuple[str, Say]]:
    def month(name: str) -> int:
        return next(i for i, full in enumerate(readings.MONTHS, 1) if full.startswith(name.lower()[:3]))

    def monthly(place: Place) -> str | None:
        first = readings.date(place[2], month(place[1]))
        until = f" to {numbers.ordinal(place[3])}" if place[3] else ""
        return first and first + until + (f" {readings.number(place[4])}" if place[4] else "")

    def slashed(place: Place) -> str | None:
        first, second = int(place[1]), int(place[2])
        day, when = (place[1], second) if first > 12 else (place[2], first)  # American order where possible
        return readings.date(day, when, place[3])

    def stamp(place: Place) -> str | None:
        day = readings.date(place[3], int(place[2]), place[1])
        time = readings.clock(place[4], place[5], "", "") if place[4] else ""
        return None if day is None or time is None else f"{day} {time}"

    def decade(place: Place) -> str | None:
        digits = place[2]
        if len(digits) == 2 and not place[1] and not _DECADES.search(place.before):
            return None
        return numbers.plural(numbers.year(digits) if len(digits) == 4 else numbers.cardinal(digits))

    return [
        (
            r"(?<![\w-])(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:T(\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?Z?)?(?![\w-])",
            stamp,
        ),
        (r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\w/])", slashed),
        (
            r"(?<![\w/.,])(1[0-2]|0?[1-9])/((?:19|20)\d\d)(?![\w/])",
            lambda p: f"{readings.MONTHS[int(p[1]) - 1]} {readings.number(p[2])}",
        ),
        (
            rf"(?<!\w){_MONTH}\.?,?\s+(\d{{4}})(?![\w,])",
            lambda p: f"{readings.MONTHS[month(p[1]) - 1]} {readings.number(p[2])}",
        ),
        (
            rf"(?<!\w){_MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?(?![\w:.]\d|\w)(?:-(\d{{1,2}})(?!\w))?"
            r"(?:,?\s+(\d{4})(?!\w))?",
            monthly,
        ),
        (
            rf"(?<![\w.,])(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?!\w)\.?(?:,?\s+(\d{{4}})(?!\w))?",
            lambda p: readings.date(p[1], month(p[2]), p[3], day_first=True),
        ),
        (r"(?<!\w)(')?(\d{3}0|[2-9]0)'?s(?!\w)", decade),
        (
            rf"(?<![\w:.,])(\d{{1,2}}):(\d\d)(?::(\d\d))?(?![\d:])(?:\s?{_HALF})?",
            lambda p: readings.clock(p[1], p[2], p[3], p[4]),
        ),
        (rf"(?<![\w:.,])(\d{{1,2}})\s?{_HALF}", lambda p: readings.clock(p[1], "", "", p[2])),
    ]


def _bare_units() -> set[str]:
    """Units that are read as units without a number before them."""
    return {key for key in tables().units if len(key) > 1} - NO_UNIT_ALONE


def _amounts() -> list[tuple[str, Say]]:
    known = tables()
    signs = _any(key for key in known.currencies if not key.isalpha())
    codes = _any(key for key in known.currencies if key.isalpha())
    large = _any(known.magnitudes)
    words = _any(key for key in known.magnitudes if len(key) > 2)
    measures = [("", ""), ("square ", "^2"), ("cubic ", "^3"), ("square ", "2"), ("cubic ", "3")]

    def measure(place: Place) -> str:
        kind = next(name for name, power in measures if power == place[4])
        single, _, many = known.units[place[3]].partition("|")
        unit = f"{kind}{single}|{kind}{many or numbers.plural(single)}"
        return readings.quantity(place[1], unit, one=place[2] == "-")

    def alone(place: Place) -> str:
        single, _, many = known.units[place[1]].partition("|")
        one = place.word_before.lower() in ("a", "an", "per", "one", "each")
        return single if one else many or numbers.plural(single)

    def paid(place: Place) -> str:
        return "minus " * bool(place[2]) + readings.money(place[3], place[1], place[4])

    return [
        (r"(?<![\w.])(\+?1[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])", _phone),
        (r"\+\d{1,3}(?:[ -]?\d{2,4}){2,5}(?![\w-])", _phone),
        (r"(?<![\w.,-])\d{3}-\d{4}(?![\w-])", _phone),
        (rf"({signs})\s?(-)?({NUM}|\.\d+)(?:\s?({large})(?!\w))?", paid),
        (rf"(?<!\w)({codes})\s?(-)?({NUM})(?:\s?({large})(?!\w))?", paid),
        (
            rf"(?<![\w.])({NUM})(?:\s?({words}))?\s?(?:({codes})(?!\w)|({signs})(?!\s?\.?\d))",
            lambda p: readings.money(p[1], p[3] or p[4], p[2]),
        ),
        (r"(?<![\w.])(\d+)\s?¢", lambda p: readings.quantity(p[1], "cent")),
        (
            r"(?<![\w.])(\d+)'\s?(\d{1,2})(?:\"|'')",
            lambda p: f"{readings.quantity(p[1], 'foot|feet')} {readings.quantity(p[2], 'inch|inches')}",
        ),
        (
            rf"(?<![\w.])({NUM})(?:in\b|\s?in\.(?=\s)|\s?in(?=\s?[?!.,;)]|$))|(?<=ft )({NUM})\s?in\b",
            lambda p: readings.quantity(p[1] or p[2], "inch|inches"),
        ),
        (rf"(?:(?<![\w.])|(?<=\dx))({NUM})(\s|-)?({_any(known.units)})(\^?[23])?(?!\w)", measure),
        (
            rf"(?<![\w.])({NUM})(?:\s?({words})|(k|M|bn|mn))(?!\w)",
            lambda p: f"{numbers.decimal(p[1])} {known.magnitudes[p[2] or p[3]]}",
        ),
        (rf"(?<!\w)({_any(_bare_units())})(?!\w)", alone),
        (r"/(?=(?:second|minute|hour|day|night|week|month|year|person|mile|token)(?!\w))", lambda p: "per"),
    ]


def _phone(place: Place) -> str:
    return " ".join("plus" if c == "+" else numbers.spell_digits(c) for c in place[0] if c.isdigit() or c == "+")


def _numbers() -> list[tuple[str, Say]]:
    def version(place: Place) -> str:
        parts = place[2].split(".")
        if len(parts) == 4:
            return " dot ".join(numbers.spell_digits(part) for part in parts)
        return ("version " if place[1] else "") + " point ".join(numbers.cardinal(part) for part in parts)

    def part(place: Place) -> str:
        spoken = numbers.fraction(place[2], place[3])
        if place[1]:
            spoken = f"{numbers.cardinal(place[1])} and {'a' + spoken[3:] if spoken.startswith('one ') else spoken}"
        return spoken

    def power(place: Place) -> str:
        exponent = "minus " * (place[2] == "-") + numbers.cardinal(place[3])
        return f"{numbers.decimal(place[1])} times ten to the power of {exponent}"

    def dash(place: Place) -> str:
        return "" if re.search(r"\d-\d+$", place.before) else "to"

    return [
        (r"(?<!\w)(v)(\d+(?:\.\d+)+)", version),
        (r"(?<![\w.])()(\d+(?:\.\d+){2,})(?!\w)", version),
        (r"(?<![\w.,])(\d[\d,]*)(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)", lambda p: numbers.ordinal(p[1].replace(",", ""))),
        (r"(?<![\w/.,])(?:(\d{1,4})\s)?(\d{1,3})/(\d{1,3})(?![\w/])", part),
        (r"(?<![\w:.,])(\d+):(\d+)(?![\w:])", lambda p: f"{numbers.cardinal(p[1])} to {numbers.cardinal(p[2])}"),
        (rf"(?<![\w.])({NUM})[eE]([+-]?)(\d{{1,4}})(?!\w)", power),
        (r"(?<=[\d%€£¥])-(?=[$€£]?\d[\d,.]*(?![\d-]))|(?:(?<=[ap]m)|(?<=[ap]\.m\.))-(?=\d)", dash),
        (r"(?<=\d)\s-\s(?=\d)|(?<==)\s?-(?=\w)|(?<![\w%).])-(?=[$€£]?\.?\d)", lambda p: "minus"),
        (r"(?<=\d)\s?x\s?(?=\d)", lambda p: "by"),
        (r"(?<!\w)[Nn]os?\.\s?(?=\d)|#(?=\d)", lambda p: "number"),
        (r"(?:(?<=ZIP )|(?<=ZIP code )|(?<=zip code ))\d{5}(?!\d)", lambda p: numbers.spell_digits(p[0])),
        (rf"({NUM})'s(?!\w)", lambda p: readings.number(p[1]) + "'s"),
        (r"\^2(?!\d)", lambda p: "squared"),
        (r"\^3(?!\d)", lambda p: "cubed"),
        (r"\^-", lambda p: "to the power of minus"),
        (rf"{NUM}|(?<![\w.])\.\d+", lambda p: readings.number(p[0])),
    ]


def _words() -> list[tuple[str, Say]]:
    known = tables()

    def saint_or_street(place: Place) -> str:
        return "street" if place.word_before[:1].isupper() else "saint"

    def doctor_or_drive(place: Place) -> str:
        ahead = place.found.string[place.found.end() : place.found.end() + 2].strip()
        return "drive" if place.word_before[:1].isupper() and not ahead[:1].isupper() else "doctor"

    def numeral(place: Place) -> str | None:
        value, before = numbers.roman(place[1]), place.word_before
        if value is None or not before or place[1] in ("C", "D", "L", "M"):  # a single one is a letter
            return None
        if before in known.counted:
            return numbers.cardinal(str(value)) + place[2]
        initial = len(place[1]) == 1 and re.match(
            r"\.\s+[A-Z]", place.found.string[place.found.end() : place.found.end() + 9]
        )
        if before in known.rulers and place[1] != "I" and not initial:
            return f"the {numbers.ordinal(str(value))}{place[2]}"
        return None

    return [
        (r"(?<!\w)St(?:\.(?!\w)|(?=\s[A-Z]))", saint_or_street),
        (r"(?<!\w)Dr\.(?!\w)", doctor_or_drive),
        (r"(?<!\w)p\.\s?(?=\d)", lambda p: "page"),
        (rf"(?<!\w)({_any(set(known.abbreviations) - {'p'})})\.(?!\w)", lambda p: known.abbreviations[p[1]]),
        (r"(?<!\w)(Mr|Mrs|Ms|Dr|Prof)(?=\s[A-Z])", _of(known.abbreviations)),
        (r"(?<!\w)(?:[A-Za-z]\.){2,}", lambda p: " ".join(p[0].lower().replace(".", ""))),
        (r"(?<!\w)([IVXLCDM]+)('s)?(?![\w'])", numeral),
        (r"#(?=[A-Za-z])", lambda p: "hashtag"),
        (r"[A-Za-z]+(?:'[A-Za-z]+)*", lambda p: readings.word(p[0], all_capitals=p.all_capitals)),
    ]


def _signs() -> list[tuple[str, Say]]:
    symbols = tables().symbols
    return [
        (r"(?<=[\d)])\s?\*\s?(?=[\w(])|(?<=\b\w)\s?\*\s?(?=\w\b)", lambda p: "times"),
        (r"~(?!\d)", lambda p: ""),
        (_any(symbols), _of(symbols)),
    ]
