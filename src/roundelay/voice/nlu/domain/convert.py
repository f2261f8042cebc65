"""Conversion between two units of one kind, in exact fractions (ours; factors and sources in units.toml)."""

from __future__ import annotations

from fractions import Fraction

from roundelay.voice.nlu.domain.calculate import format_number, format_operand, value_of
from roundelay.voice.nlu.domain.tables import Unit, units

KELVIN_OF_ICE = Fraction("273.15")  # 0 °C, International System of Units
ICE_F = 32  # 0 °C in degrees Fahrenheit
F_PER_C = Fraction(9, 5)


def convert_units(value: Fraction, here: str, there: str) -> Fraction:
    """`value` units of `here` in units of `there`; both of one kind."""
    if units()[here].kind == "temperature":
        return _from_celsius(_celsius(value, here), there)
    return value * units()[here].factor / units()[there].factor


def _celsius(value: Fraction, unit: str) -> Fraction:
    if unit == "fahrenheit":
        return (value - ICE_F) / F_PER_C
    return value - KELVIN_OF_ICE if unit == "kelvin" else value


def _from_celsius(value: Fraction, unit: str) -> Fraction:
    if unit == "fahrenheit":
        return value * F_PER_C + ICE_F
    return value + KELVIN_OF_ICE if unit == "kelvin" else value


def conversion(amount: str, here: str, there: str) -> str:
    """The sentence: "5 miles are about 8.05 kilometers." """
    value = value_of(amount)
    result = convert_units(value, here, there)
    if units()[here].kind == "temperature" and _celsius(value, here) < -KELVIN_OF_ICE:
        return "Nothing is colder than absolute zero, -273.15 degrees Celsius."
    verb = "is" if value == 1 else "are"
    subject = f"{format_operand(amount)} {_name(units()[here], value)}"
    return f"{subject} {verb} {format_number(result)} {_name(units()[there], result)}."


def _name(unit: Unit, value: Fraction) -> str:
    name = unit.one if value == 1 else unit.many
    return name.replace("celsius", "Celsius").replace("fahrenheit", "Fahrenheit")
