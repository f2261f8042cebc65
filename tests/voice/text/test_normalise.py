"""The English normaliser: what is written, and what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from normalise_cases import SAID

from roundelay.errors import BadInput
from roundelay.voice.text import numbers
from roundelay.voice.text.normalise import MAX_CHARACTERS, normalise

CASES = [
    tuple(side.strip() for side in line.split(" | ")) for block in SAID.values() for line in block.strip().splitlines()
]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 120 and len(set(CASES)) == len(CASES)


@pytest.mark.parametrize(("written", "said"), CASES, ids=[written for written, _ in CASES])
def test_reads(written: str, said: str) -> None:
    assert normalise(written) == said


def test_a_paragraph() -> None:
    written = """Dr. A. Jones, CEO of Acme Corp., paid $1,499.99 on 3/14/2024 at 9:45 a.m.
        for 12 GPUs (80 GB each) -- roughly 15% less than in '23. Call 555-0123!"""
    assert normalise(written) == (
        "doctor a jones c e o of acme corporation paid one thousand four hundred ninety nine dollars and ninety nine "
        "cents on march fourteenth twenty twenty four at nine forty five a m for twelve g p u's eighty gigabytes each "
        "roughly fifteen percent less than in twenty three call five five five zero one two three"
    )


def test_the_page_on_the_model_shows_what_is_said() -> None:
    page = (Path(__file__).parents[3] / "docs" / "voice-lm.md").read_text(encoding="utf-8")
    shown = re.search(r'normalise\("(.+)"\)\n# (.+)', page)
    assert shown and normalise(shown[1]) == shown[2]


@given(some.text(alphabet=some.characters(max_codepoint=0x24F, exclude_categories=["Cc", "Cs"]), max_size=60))
def test_says_only_words_or_refuses_in_one_line(text: str) -> None:
    try:
        said = normalise(text)
    except BadInput as refused:
        assert "\n" not in str(refused)
    else:
        assert re.fullmatch(r"[a-z]['a-z]*( [a-z]['a-z]*)*", said)


@given(some.integers(0, 10**33 - 1))
def test_whole_numbers_have_words_of_their_own(number: int) -> None:
    """Reading the words back gives the number."""
    total = part = 0
    for word in numbers.cardinal(str(number)).split():
        if word == "hundred":
            part *= 100
        elif word in numbers.SCALES:
            total += part * 1000 ** numbers.SCALES.index(word)
            part = 0
        else:
            part += numbers.ONES.index(word) if word in numbers.ONES else 10 * numbers.TENS.index(word)
    assert total + part == number


@given(some.integers(1, 3999))
def test_roman_numerals_have_one_form(number: int) -> None:
    written = numbers._as_roman(number)
    assert numbers.roman(written) == number


@pytest.mark.parametrize("wrong", ["IIX", "VV", "IC", "", "ABC", "IIII"])
def test_what_is_no_roman_numeral(wrong: str) -> None:
    assert numbers.roman(wrong) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to read aloud"),
        (" \n ... !?", "nothing to read aloud"),
        ("👍", "nothing to read aloud"),
        ("ring\x07 bell", r"U\+0007 at place 4.*control character"),
        ("nul\x00", r"U\+0000"),
        ("Привет", "cyrillic capital letter pe.*only English"),
        ("你好", "only English"),
        ("a مرحبا", "arabic letter meem.*only English"),
        ("こんにちは", "hiragana"),
        ("a" * 100_000, "100,000 characters.*limit of 99,999"),
    ],
    ids=["empty", "marks", "picture", "bell", "nul", "cyrillic", "chinese", "arabic", "japanese", "long"],
)
def test_refuses_in_one_line(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        normalise(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("unit", ["a", "a.", "1", "1,", "1-", "a@", "$", "(555) ", "1/", "www.", "'", "I ", "1:1", "é"])
def test_time_is_linear(unit: str) -> None:
    """The scan is linear; a rule that looked far ahead from every place would take hours here."""
    text = "word " + unit * (20_000 // len(unit))
    assert normalise(text).startswith("word")


def test_the_longest_text_is_read() -> None:
    sentence = "the quick brown fox jumps over the lazy dog, "
    said = normalise((sentence * (MAX_CHARACTERS // len(sentence) + 1))[:MAX_CHARACTERS])
    assert said.startswith("the quick brown fox jumps over the lazy dog the quick")
