"""Numbers as English words in the American form: no "and" inside a whole number (ours)."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """The words of a line, as a table."""
    return tuple(text.split())


ONES = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
TENS = words("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
SCALES = (
    "",
    *words("thousand million billion trillion quadrillion quintillion sextillion septillion octillion nonillion"),
)
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
MAX_NAMED_DIGITS = 3 * len(SCALES)  # longer numbers are read digit by digit
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def cardinal(digits: str) -> str:
    """A whole number from its digits: "120" is one hundred twenty. With leading zeros, or too long: digit by digit."""
    if len(digits) > MAX_NAMED_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        return spell_digits(digits)
    number = int(digits)
    if number == 0:
        return ONES[0]
    parts: list[str] = []
    for power, scale in reversed(list(enumerate(SCALES))):
        part = number // 1000**power % 1000
        if part:
            parts += [*_hundreds(part), scale]
    return " ".join(parts).strip()


def _hundreds(number: int) -> list[str]:
    parts = [ONES[number // 100], "hundred"] if number >= 100 else []
    rest = number % 100
    if rest >= 20:
        parts.append(TENS[rest // 10])
        rest %= 10
    return parts + ([ONES[rest]] if rest else [])


def spell_digits(digits: str) -> str:
    """Digits one by one: "90" is nine zero."""
    return " ".join(ONES[int(digit)] for digit in digits)


def ordinal(digits: str) -> str:
    """An ordinal number: "21" is twenty first."""
    *front, last = cardinal(digits).split(" ")
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*front, ORDINALS.get(last, regular)])


def decimal(text: str) -> str:
    """A number with an optional point and commas: "1,200.05" is one thousand two hundred point zero five."""
    whole, point, rest = text.replace(",", "").partition(".")
    parts = [cardinal(whole)] if whole else []
    return " ".join([*parts, *(["point", spell_digits(rest)] if point and rest else [])])


def year(digits: str) -> str:
    """A year of four digits: "1905" is nineteen oh five, "2007" two thousand seven, "1800" eighteen hundred."""
    century, rest = digits[:2], digits[2:]
    if rest == "00":
        return cardinal(digits) if century[1] == "0" else f"{cardinal(century)} hundred"
    if century[1] == "0" and rest[0] == "0":
        return cardinal(digits)
    return f"{cardinal(century)} {'oh ' + cardinal(rest[1]) if rest[0] == '0' else cardinal(rest)}"


def pairs(digits: str) -> str:
    """Digits of a name: "747" is seven forty seven, "101" one oh one, "4090" forty ninety; five and more one by one."""
    if len(digits) > 4 or digits[0] == "0":
        return spell_digits(digits)
    if len(digits) == 4:
        return year(digits)
    if len(digits) < 3 or digits.endswith("00"):
        return cardinal(digits)
    rest = f"oh {cardinal(digits[2])}" if digits[1] == "0" else cardinal(digits[1:])
    return f"{cardinal(digits[0])} {rest}"


def plural(word: str) -> str:
    """The plural of a number word: half, halves; sixth, sixths; fifty, fifties."""
    if word.endswith("lf"):
        return word[:-1] + "ves"
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def fraction(above: str, below: str) -> str:
    """A fraction: "3", "4" is three quarters; "5", "5" is five out of five; one over a hundred and more is
    read with "over"."""
    if int(below) < 2 or int(below) > 99 or len(above) > 3:
        return f"{cardinal(above)} over {cardinal(below)}"
    if int(above) == int(below):
        return f"{cardinal(above)} out of {cardinal(below)}"
    part = {2: "half", 4: "quarter"}.get(int(below)) or ordinal(str(int(below)))
    return f"{cardinal(above)} {part if int(above) == 1 else plural(part)}"


def roman(text: str) -> int | None:
    """The value of a Roman numeral in canonical form, else None: "XIV" is 14, "IIX" is None."""
    if not text or any(letter not in ROMAN for letter in text):
        return None
    values = [ROMAN[letter] for letter in text]
    total = sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
    return total if 0 < total < 4000 and _as_roman(total) == text else None


def _as_roman(number: int) -> str:
    pairs = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        words("M CM D CD C XC L XL X IX V IV I"),
        strict=True,
    )
    text = ""
    for value, letters in pairs:
        text += letters * (number // value)
        number %= value
    return text
