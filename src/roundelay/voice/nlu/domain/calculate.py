"""Arithmetic in exact fractions, and the format of numbers in an answer (ours)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import isqrt

DECIMALS = 2  # of a result of at least 1; smaller results have one significant digit more
MAX_WRITTEN = 10**15  # from here on, and below MIN_WRITTEN, a result is written as a power of ten
MIN_WRITTEN = Fraction(1, 10**6)


def format_number(value: Fraction) -> str:
    """`value` as text to be spoken: commas in thousands, at most two decimals, "about" where it is rounded."""
    if value.denominator == 1 and abs(value) < MAX_WRITTEN:
        return f"{value.numerator:,}"
    if abs(value) >= MAX_WRITTEN or abs(value) < MIN_WRITTEN:
        return _scientific(value)
    size, digits = abs(value), DECIMALS
    if size < 1:
        digits += 1
        while size * 10 < 1:
            size *= 10
            digits += 1
    rounded = half_up(value, digits)
    text = f"{_decimal(rounded):,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if rounded == value else f"about {text}"


def half_up(value: Fraction, digits: int) -> Fraction:
    """`value` rounded to so many decimals, halves away from zero: 1.125 is 1.13."""
    size = (abs(value) * 10**digits + Fraction(1, 2)).__floor__()
    return Fraction(size if value >= 0 else -size, 10**digits)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _scientific(value: Fraction) -> str:
    size, power = abs(value), 0
    digits = len(str(size.numerator)) - len(str(size.denominator))
    size, power = size / Fraction(10) ** digits, digits
    if size < 1:
        size, power = size * 10, power - 1
    rounded = half_up(size, DECIMALS)
    if rounded == 10:
        rounded, power = Fraction(1), power + 1
    text = f"{_decimal(rounded):.{DECIMALS}f}".rstrip("0").rstrip(".")
    about = "" if rounded == size else "about "
    return f"{about}{'minus ' if value < 0 else ''}{text} times 10 to the power of {power}"


def format_operand(text: str) -> str:
    """A number of a call as text: "1984" is 1,984, "minus 3.5" is -3.5."""
    sign, digits = ("-", text.removeprefix("minus ")) if text.startswith("minus ") else ("", text)
    whole, point, rest = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{rest}"


def value_of(text: str) -> Fraction:
    """The value of a number of a call."""
    return -Fraction(text.removeprefix("minus ")) if text.startswith("minus ") else Fraction(text)


def _is(subject: str, value: Fraction) -> str:
    return f"{subject} is {format_number(value)}."


def _divide(a: str, b: str) -> str:
    if not value_of(b):
        return "Nothing can be divided by 0."
    return _is(f"{format_operand(a)} divided by {format_operand(b)}", value_of(a) / value_of(b))


def _remainder(a: str, b: str) -> str:
    if not int(b):
        return "Nothing can be divided by 0."
    return f"{format_operand(a)} divided by {format_operand(b)} leaves a remainder of {int(a) % int(b):,}."


def _root(a: str) -> str:
    value = value_of(a)
    over, under = isqrt(value.numerator), isqrt(value.denominator)
    if over**2 == value.numerator and under**2 == value.denominator:
        root = Fraction(over, under)
        return _is(f"The square root of {format_operand(a)}", root)
    scale = 10**9
    root = Fraction(isqrt(int(value * scale**2)), scale)
    return f"The square root of {format_operand(a)} is about {format_number(root).removeprefix('about ')}."


def _cube_root(a: str) -> str:
    value = value_of(a)
    scale = 10**5
    root = Fraction(_whole_cube_root(int(value * scale**3)), scale)
    about = "" if root**3 == value else "about "
    return f"The cube root of {format_operand(a)} is {about}{format_number(root).removeprefix('about ')}."


def _whole_cube_root(number: int) -> int:
    """The largest integer whose cube is at most `number`."""
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


def _share(a: str, b: str) -> str:
    if not value_of(b):
        return "Nothing is a share of 0."
    return f"{format_operand(a)} is {format_number(100 * value_of(a) / value_of(b))} percent of {format_operand(b)}."


def _power(a: str, b: str) -> str:
    return _is(f"{format_operand(a)} to the power of {b}", value_of(a) ** int(b))


def _larger(a: str, b: str) -> str:
    if value_of(a) == value_of(b):
        return f"{format_operand(a)} and {format_operand(b)} are equal."
    high, low = sorted((a, b), key=value_of, reverse=True)
    return f"{format_operand(high)} is larger than {format_operand(low)}."


def _prime(a: str) -> str:
    number = int(a)
    if number < 2:
        return f"{format_operand(a)} is not a prime number."
    factor = next((i for i in range(2, isqrt(number) + 1) if number % i == 0), None)
    if factor is None:
        return f"{format_operand(a)} is a prime number."
    return f"{format_operand(a)} is not a prime number. It is {factor:,} times {number // factor:,}."


def _average(a: str, b: str) -> str:
    return _is(f"The average of {format_operand(a)} and {format_operand(b)}", (value_of(a) + value_of(b)) / 2)


def _percent(a: str, b: str) -> str:
    return _is(f"{format_operand(a)} percent of {format_operand(b)}", value_of(a) * value_of(b) / 100)


OPERATIONS: Mapping[str, Callable[..., str]] = {
    "add": lambda a, b: _is(f"{format_operand(a)} plus {format_operand(b)}", value_of(a) + value_of(b)),
    "subtract": lambda a, b: _is(f"{format_operand(a)} minus {format_operand(b)}", value_of(a) - value_of(b)),
    "multiply": lambda a, b: _is(f"{format_operand(a)} times {format_operand(b)}", value_of(a) * value_of(b)),
    "divide": _divide,
    "remainder": _remainder,
    "percent": _percent,
    "share": _share,
    "square": lambda a: _is(f"{format_operand(a)} squared", value_of(a) ** 2),
    "cube": lambda a: _is(f"{format_operand(a)} cubed", value_of(a) ** 3),
    "root": _root,
    "cuberoot": _cube_root,
    "power": _power,
    "half": lambda a: _is(f"Half of {format_operand(a)}", value_of(a) / 2),
    "double": lambda a: _is(f"Twice {format_operand(a)}", value_of(a) * 2),
    "average": _average,
    "larger": _larger,
    "even": lambda a: f"{format_operand(a)} is {'odd' if int(a) % 2 else 'even'}.",
    "prime": _prime,
}
