"""The rules of the English normaliser in order: a pattern, and the spoken form of its matches (ours)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from roundelay.voice.text import numbers, readings
from roundelay.voice.text.calendar import calendar
from roundelay.voice.text.codes import codes
from roundelay.voice.text.place import NUM, Place, Say
from roundelay.voice.text.readings import tables

NO_UNIT_ALONE = frozenset({"us", "ms", "mi", "min", "sec", "cal", "Pa", "mm", "rpm", "psi"})  # with other meanings
_BEARINGS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_AMOUNT = re.compile(r"\d(?:\s?[A-Za-z%°]{1,3})?$")  # before a slash that is read "per"
_NOUN = re.compile(
    r"\s(?!(?:a|an|and|or|of|in|to|for|at|on|by|from|per|is|was|the|than|more|less|off|each)\b)[a-z]{2,}"
)
_MILLIONS = (
    "people|users|views|customers|jobs|homes|copies|downloads|subscribers|followers|pounds|dollars|euros|years|tonnes|"
    "tons|barrels|tests|doses|visitors|viewers|voters|workers|children|women|men"
)
_IT_NOUNS = (
    "team|department|dept|support|staff|manager|guy|job|industry|security|skills|desk|specialist|consultant|"
    "infrastructure"
)
_CROWN = re.compile(r"\b(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Prince|Sultan|Kaiser|Saint)\s+[A-Z][a-z]+\s+$")
_PRODUCT = re.compile(r"\s*[\d.,]+(?:\s*[-x*+×÷]\s*[\d.,]+)*\s*(?:=|is\b|equals\b|makes\b|are\b)")
_ENDINGS = numbers.words("com org net edu gov io ai dev app info uk de fr eu ca co tv html htm")
_FILES = numbers.words("txt py pdf csv json toml yaml md jpg jpeg png gif svg mp3 mp4 wav flac exe zip tar gz doc docx")


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, and the spoken form of a match."""

    pattern: re.Pattern[str]
    say: Say


@cache
def rules() -> tuple[list[Rule], re.Pattern[str]]:
    """The rules in order, and one pattern that finds the first match of any."""
    pairs = [*_plain_words(), *_addresses(), *calendar(), *codes(), *_amounts(), *_numbers(), *_words(), *_signs()]
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
        (rf"(?:https?|ftp|file)://({tail})", lambda p: readings.address(p[1])),
        (rf"(?<!\w)www\.{tail}", lambda p: readings.address(p[0])),
        (
            rf"(?<![\w@])(?:[A-Za-z0-9-]{{1,63}}\.){{1,5}}(?:{'|'.join(_ENDINGS)})(?![\w-])(?:/(?:{tail})?)?",
            lambda p: readings.address(p[0].rstrip("/")),
        ),
        (
            r"(?<![\w/.])(?:~|\.{1,2})?(?:/[\w.~-]{0,63}[\w~-]){2,40}/?|~/[\w.-]{0,63}\w",
            lambda p: readings.address(p[0]),
        ),
        (r"(?<!\w)[A-Z]:\\[\w.\\-]{0,250}\w", lambda p: readings.address(p[0])),
        (rf"(?<!\w)[\w-]{{1,64}}\.(?:{'|'.join(_FILES)})(?!\w)", lambda p: readings.address(p[0])),
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
        return readings.quantity(place[1], unit, one=place[2] == "-" or _describes(place))

    def alone(place: Place) -> str:
        single, _, many = known.units[place[1]].partition("|")
        part = re.search(r"(?<!\d\s)(?<!\d)\d{1,2}/\d{1,2}\s$", place.before)
        one = part or place.word_before.lower() in ("a", "an", "per", "one", "each")
        return single if one else many or numbers.plural(single)

    def bearing(place: Place) -> str:
        return readings.quantity(place[1], f"degree {_BEARINGS[place[2]]}|degrees {_BEARINGS[place[2]]}")

    def paid(place: Place) -> str:
        return "minus " * bool(place[2]) + readings.money(place[3], place[1], place[4], one=_describes(place))

    def paid_range(place: Place) -> str:
        return f"{numbers.decimal(place[2])} to {readings.money(place[3], place[1], place[4])}"

    return [
        (r"(?<![\w.])(\+?1[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])", _phone),
        (r"\+\d{1,3}(?:[ -]?\d{2,4}){2,5}(?![\w-])", _phone),
        (r"(?<![\w.,-])\d{3}-\d{4}(?![\w-])", _phone),
        (rf"({signs})({NUM})\s?-\s?({NUM})(?:\s?({large})(?!\w))?(?![\d-])", paid_range),
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
        (
            rf"(?<![\w.])({NUM})(?:\s?({words})|(k|M|bn|mn|m(?=\s(?:{_MILLIONS})\b)))(?!\w)",
            lambda p: f"{numbers.decimal(p[1])} {known.magnitudes[p[2] or p[3]]}",
        ),
        (rf"(?<![\w.])({NUM})\s?°\s?([NSEW])(?!\w)", bearing),
        (rf"(?:(?<![\w.])|(?<=\dx))({NUM})(\s|-)?({_any(known.units)})(\^?[23])?(?!\w)(?:\.(?=\s[a-z\d]))?", measure),
        (rf"(?<!\w)({_any(_bare_units())})(?!\w)", alone),
        (r"/(?=(?:second|minute|hour|day|night|week|month|year|person|mile|token)(?!\w))", lambda p: "per"),
        (rf"/({_any(known.per)})(?!\w)", lambda p: f"per {known.per[p[1]]}" if _AMOUNT.search(p.before) else None),
    ]


def _describes(place: Place) -> bool:
    """Whether an amount stands before the noun it describes, as in "a 5 km run" and "a $5 bill"."""
    return place.word_before.lower() in ("a", "an") and bool(_NOUN.match(place.ahead))


def _phone(place: Place) -> str:
    return " ".join("plus" if c == "+" else numbers.spell_digits(c) for c in place[0] if c.isdigit() or c == "+")


def _numbers() -> list[tuple[str, Say]]:
    def version(place: Place) -> str:
        parts = place[2].split(".")
        if len(parts) == 4:
            return " dot ".join(numbers.spell_digits(part) for part in parts)
        return ("version " if place[1] else "") + " point ".join(numbers.cardinal(part) for part in parts)

    def part(place: Place) -> str | None:
        if re.match(r"\s?=", place.ahead) and int(place[2]) % max(1, int(place[3])) == 0:
            return None  # 12/4 = 3
        spoken = numbers.fraction(place[2], place[3])
        if place[1]:
            spoken = f"{numbers.cardinal(place[1])} and {'a' + spoken[3:] if spoken.startswith('one ') else spoken}"
        return spoken

    def power(place: Place) -> str:
        exponent = "minus " * (place[2] == "-") + numbers.cardinal(place[3])
        return f"{numbers.decimal(place[1])} times ten to the power of {exponent}"

    def product(place: Place) -> str:
        factor = _PRODUCT.match(place.ahead) or re.search(r"=\s*[\d.,]+$", place.before)
        size = re.match(rf"{NUM}\s?(?:{_any(tables().units)})(?!\w)", place.ahead)
        return "times" if factor or ("×" in place[0] and not size) else "by"

    def dash(place: Place) -> str:
        if re.match(rf"{NUM}\s?=", place.ahead):
            return "minus"
        return "" if re.search(r"\d-\d+$", place.before) else "to"

    def times(place: Place) -> str:
        variable = re.match(r"\s?[-+=*/^)]", place.ahead)
        return f"{numbers.decimal(place[1])} {'x' if variable else 'times'}"

    return [
        (
            r"(?<![\w.,])(\d{3,4})\s?[x×]\s?(\d{3,4})(?!\w|[.,]\d)",
            lambda p: f"{numbers.pairs(p[1])} by {numbers.pairs(p[2])}",
        ),
        (r"(?<!\w)(v)(\d+(?:\.\d+)+)", version),
        (r"(?<![\w.])()(\d+(?:\.\d+){2,})(?!\w)", version),
        (r"(?<![\w.,])(\d[\d,]*)(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)", lambda p: numbers.ordinal(p[1].replace(",", ""))),
        (rf"(?<=\d)\s/\s(?=\d)|(?<=\d)/(?={NUM}\s?=)", lambda p: "divided by"),
        (r"(?<![\w/.,])(?:(\d{1,4})\s)?(\d{1,3})/(\d{1,3})(?![\w/])", part),
        (r"(?<![\w:.,])(\d+):(\d+)(?![\w:])", lambda p: f"{numbers.cardinal(p[1])} to {numbers.cardinal(p[2])}"),
        (rf"(?<![\w.])({NUM})[eE]([+-]?)(\d{{1,4}})(?!\w)", power),
        (r"(?<=[\d%€£¥])-(?=[$€£]?\d[\d,.]*(?![\d-]))|(?:(?<=[ap]m)|(?<=[ap]\.m\.))-(?=\d)", dash),
        (r"(?<=%)\s-\s(?=\d)|(?:(?<=\dst)|(?<=\dnd)|(?<=\drd)|(?<=\dth))\s?-\s?(?=\d)", lambda p: "to"),
        (r"(?<=\d)\s-\s(?=\d)|(?<==)\s?-(?=\w)|(?<![\w%).])-(?=[$€£]?\.?\d)", lambda p: "minus"),
        (r"(?<=\d)\s?[x×]\s?(?=\d)", product),
        (rf"(?<![\w.])({NUM})[x×](?!\w)", times),
        (r"#(?=\d+[A-Z][a-z])", lambda p: "hashtag"),
        (r"(?<!\w)[Nn]o(s)?\.\s?(?=\d)|#(?=\d)", lambda p: "numbers" if p[1] else "number"),
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
        if len(place[1]) > 1 and re.match(r"(?:st|nd|rd|th)?\s(?:century|centuries)\b", place.ahead):
            return numbers.ordinal(str(value))
        if before in known.counted:
            return numbers.cardinal(str(value)) + place[2]
        initial = len(place[1]) == 1 and re.match(
            r"\.\s+[A-Z]", place.found.string[place.found.end() : place.found.end() + 9]
        )
        crowned = before in known.rulers or (before[:1].isupper() and _CROWN.search(place.before))
        if crowned and place[1] != "I" and not initial:
            return f"the {numbers.ordinal(str(value))}{place[2]}"
        numbered = before[:1].isupper() and not before.isupper() and re.fullmatch("[IVX]{2,}", place[1])
        return numbers.cardinal(str(value)) + place[2] if numbered else None

    def letters(place: Place) -> str | None:
        """A range of letters, "A-Z"; A-B are two letters."""
        a, b = place[1], place[2]
        alike = a.isupper() == b.isupper() and a.lower() == "a" and b.lower() > "b"
        return f"{a.lower()} to {b.lower()}" if alike else None

    def spelled(place: Place) -> str | None:
        return None if place.all_capitals else " ".join(place[0].lower())

    return [
        (r"(?<!\w)St(?:\.(?!\w)|(?=\s[A-Z]))", saint_or_street),
        (r"(?<!\w)Dr\.(?!\w)", doctor_or_drive),
        (r"(?<!\w)Ft\.(?=\s[A-Z])", lambda p: "fort"),
        (r"(?<!\w)p\.\s?(?=\d)", lambda p: "page"),
        (r"(?<!\w)([A-Za-z])-([A-Za-z])(?!\w)", letters),
        (
            rf"(?<=[Tt]he )(?:WHO|IT)(?!\w)|(?<!\w)IT(?=[\s-](?:{_IT_NOUNS})\b)",
            spelled,
        ),
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
        (r"(?<=\bI )❤(?=\s)", lambda p: "love"),
        (r"(?<=\b[a-z])\s-\s(?=[a-z]\b)", lambda p: "minus" if "=" in p.before + p.ahead else ""),
        (_any(symbols), _of(symbols)),
    ]
