"""Spoken forms of each kind of written text: dates, times, money, addresses, words in capitals (ours)."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from roundelay.voice.text import numbers

MONTHS = numbers.words("january february march april may june july august september october november december")
SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark", "=": "equals",
    "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus", "@": "at",
    "\\": "backslash",
}  # fmt: skip
MAX_QUANTITY_DIGITS = 9  # of a number without commas; longer ones are read digit by digit
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]")
_ONSETS = frozenset(
    numbers.words(
        "BL BR CH CL CR DR FL FR GL GR KL KN KR PH PL PR QU SC SCH SCR SH SHR SK SL SM SN SP SPL SPR ST STR SW TH THR "
        "TR TW WH WR CHR PHR"
    )
)
_CODAS = frozenset(
    numbers.words(
        "CK CT FT LD LF LK LL LM LP LS LT MP MS ND NG NK NS NT NCH PS PT RB RC RCH RD RK RL RM RN RP RS RT SK SP SS ST "
        "SH CH TH TCH TS FF RPS LTS NTS"
    )
)


@dataclass(frozen=True, slots=True)
class Tables:
    """`languages/en.toml`, in the forms the rules use."""

    letters: Mapping[int, str]
    symbols: Mapping[str, str]
    currencies: Mapping[str, list[str]]
    magnitudes: Mapping[str, str]
    units: Mapping[str, str]
    abbreviations: Mapping[str, str]
    phrases: Mapping[str, str]
    spoken: frozenset[str]
    spelled: frozenset[str]
    counted: frozenset[str]
    rulers: frozenset[str]
    per: Mapping[str, str]
    numbered: frozenset[str]  # a number after one of these is a name: "Room 101"
    elements: frozenset[str]
    signs: frozenset[str]  # non-ASCII characters in the other tables


@cache
def tables() -> Tables:
    """The tables, read once."""
    raw: dict[str, Any] = tomllib.loads(files("roundelay.voice.text.languages").joinpath("en.toml").read_text("utf-8"))
    named = [key for part in ("symbols", "currencies", "units") for key in _normalise_keys(raw[part])]
    return Tables(
        signs=frozenset(c for key in named for c in key if not c.isascii()),
        letters=str.maketrans(raw["letters"]),
        symbols=_normalise_keys(raw["symbols"]),
        currencies=_normalise_keys(raw["currencies"]),
        magnitudes=_normalise_keys(raw["magnitudes"]),
        units=_normalise_keys(raw["units"]),
        abbreviations=_normalise_keys(raw["abbreviations"]),
        phrases=_normalise_keys(raw["phrases"]),
        spoken=frozenset((raw["words"]["spoken"] + raw["words"]["ordinary"]).split()),
        spelled=frozenset(raw["words"]["letters"].split()),
        counted=frozenset(raw["roman"]["counted"].split()),
        rulers=frozenset(raw["roman"]["rulers"].split()),
        per=raw["per"],
        numbered=frozenset(raw["codes"]["numbered"].split()),
        elements=frozenset(raw["codes"]["elements"].split()),
    )


def _normalise_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with its keys in the form of a prepared text: one code point for each of the micro and ohm signs."""
    return {unicodedata.normalize("NFKC", key): value for key, value in table.items()}


def number(text: str) -> str:
    """A bare number: years as years, long rows of digits one by one, all else as a quantity."""
    if text.isdigit():
        if len(text) == 4 and "1100" <= text <= "2099":
            return numbers.year(text)
        if len(text) > MAX_QUANTITY_DIGITS:
            return numbers.spell_digits(text)
    return numbers.decimal(text)


def date(day: str, month: int, year: str = "", *, day_first: bool = False) -> str | None:
    """Month, day as an ordinal, year, or the day first as it was written; None for a date that does not exist."""
    if not (1 <= month <= 12 and 1 <= int(day) <= 31):
        return None
    nth = numbers.ordinal(str(int(day)))
    words = [nth, "of", MONTHS[month - 1]] if day_first else [MONTHS[month - 1], nth]
    if len(year) == 2:  # of this century up to 2049
        year = ("20" if year < "50" else "19") + year
    if year:
        words.append(number(year))
    return " ".join(words)


def clock(hour: str, minute: str, second: str, half: str) -> str | None:
    """A time of day; `half` is am, pm or empty. None for a time that does not exist."""
    h, m = int(hour), int(minute or 0)
    if h > 24 or m > 59 or int(second or 0) > 59 or (half and not 1 <= h <= 12):
        return None
    words = [numbers.cardinal(str(h))]
    if m:
        words.append(f"oh {numbers.cardinal(str(m))}" if m < 10 else numbers.cardinal(str(m)))
    elif not half:
        words.append("o'clock" if 1 <= h <= 12 else "hundred")
    if second:
        words.append(f"and {quantity(second.lstrip('0') or '0', 'second')}")
    if half:
        words.append(" ".join(half.lower().replace(".", "")))
    return " ".join(words)


def quantity(amount: str, unit: str, *, one: bool = False) -> str:
    """An amount with its unit, "one|many"; `one` keeps the singular, as in a five-kilometer run."""
    single, _, many = unit.partition("|")
    return f"{numbers.decimal(amount)} {single if one or amount == '1' else many or numbers.plural(single)}"


def money(amount: str, currency: str, magnitude: str = "", *, one: bool = False) -> str:
    """An amount of money: two decimals are hundredths, another number of decimals is read as a decimal.

    `one` keeps the singular, as in a five dollar bill.
    """
    one_name, many, cent, cents = tables().currencies[currency]
    whole, _, rest = amount.replace(",", "").partition(".")
    if magnitude:
        return f"{numbers.decimal(amount)} {tables().magnitudes[magnitude]} {one_name if one else many}"
    whole = whole or "0"
    if len(rest) != 2:
        return quantity(amount, f"{one_name}|{many}", one=one)
    parts = [quantity(whole, f"{one_name}|{many}")] if int(whole) or not int(rest) else []
    if int(rest):
        parts.append(quantity(str(int(rest)), f"{cent}|{cents}"))
    return " and ".join(parts)


def address(text: str) -> str:
    """An e-mail or web address: words as words, signs by name, digits one by one."""
    words = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^\sA-Za-z\d]", text):
        if part.isdigit():
            words.append(numbers.spell_digits(part))
        elif part.isalpha():
            lower = part.lower()
            words.append(lower if len(lower) > 2 and re.search("[aeiouy]", lower) else " ".join(lower))
        else:
            words.append(SIGNS.get(part, ""))
    return " ".join(words)


def word(text: str, *, all_capitals: bool = False) -> str:
    """A word of letters and apostrophes: capitals are read as a word or letter by letter, camel case is split.

    `all_capitals` says that the whole text is in capitals, which then carry no meaning.
    """
    base, _, suffix = text.partition("'")
    tail = f"'{suffix.lower()}" if suffix else ""
    if suffix.isupper() and len(suffix) == 1 and base.isupper() and base.endswith("N"):
        return base.lower() + tail  # DON'T
    if base.islower() or (base[:1].isupper() and base[1:].islower()) or len(base) < 2:
        return base.lower() + tail
    if re.fullmatch("[A-Z]{2,}s", base):
        spoken = capitals(base[:-1], all_capitals=False)
        return spoken + ("'s" if " " in spoken else "s") if not tail else spoken + tail
    parts = _CAMEL.findall(base)
    return (
        " ".join(capitals(part, all_capitals=all_capitals) if part.isupper() else part.lower() for part in parts) + tail
    )


def capitals(text: str, *, all_capitals: bool) -> str:
    """A word in capitals: as a word where it is known or pronounceable, else letter by letter."""
    known = tables()
    if text in known.spelled:
        return " ".join(text.lower())
    if all_capitals or text in known.spoken:
        return text.lower()
    return text.lower() if len(text) > 3 and _pronounceable(text) else " ".join(text.lower())


def _pronounceable(text: str) -> bool:
    """Whether English syllables can be made of capitals: consonants before, between and after the vowels allow it."""
    consonants = re.split("[AEIOU]+|(?<=.)Y(?![AEIOU])", text)
    first, between, last = consonants[0], consonants[1:-1], consonants[-1]
    joined = all(any(_syllables(part[:at], part[at:]) for at in range(len(part) + 1)) for part in between)
    vowels = len(consonants) > 1 and not re.search("[AEIOU]{3}", text)
    return vowels and joined and _syllables("", first) and _syllables(last, "")


def _syllables(coda: str, onset: str) -> bool:
    """Whether a syllable may end in `coda`, and the next begin with `onset`."""
    return (len(coda) < 2 or coda in _CODAS) and (len(onset) < 2 or onset in _ONSETS)
