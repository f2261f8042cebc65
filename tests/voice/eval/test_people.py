"""The measurement of people: words as they are said, intervals over recordings, each set and its halves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.eval.metrics.error_rate import Errors
from roundelay.voice.eval.metrics.intervals import interval
from roundelay.voice.eval.metrics.words import spoken_words
from roundelay.voice.eval.suite import run
from roundelay.voice.eval.tasks.people import people
from roundelay.voice.eval.tasks.slots import slots
from roundelay.voice.eval.tasks.task import Recording, fixed
from roundelay.voice.suites import people_page
from roundelay.voice.suites.people import half

SECOND = Audio(np.zeros(16_000, np.float32), 16_000)


def test_words_are_compared_as_they_are_said() -> None:
    assert spoken_words("Seven!") == spoken_words("7.") == "seven"
    assert spoken_words("") == spoken_words(" ... ") == ""
    assert spoken_words("Привет мир") == "привет мир", "what cannot be read aloud is compared as it is"


def test_the_interval_holds_the_rate_and_narrows_with_more_recordings() -> None:
    few, many = [Errors(1, 4), Errors(0, 4)] * 5, [Errors(1, 4), Errors(0, 4)] * 200
    low, high = interval(many)
    assert low < 0.125 < high and high - low < 0.05 < interval(few)[1] - interval(few)[0]
    assert interval(many) == interval(many) and interval([Errors(1, 1)]) == (0.0, 1.0)
    assert interval([Errors(0, 4)] * 9) == (0.0, 0.0)


def test_each_set_and_each_half_is_counted_and_shown() -> None:
    items = [
        Recording("seven", SECOND, half(Path("7_a_2.wav")), "telephone digits"),
        Recording("seven", SECOND, half(Path("7_a_3.wav")), "telephone digits"),
        Recording("one two", SECOND, set="stories, read"),
    ]
    numbers = run(people("whisper", fixed(items), lambda audio: "7"))
    digits = numbers["telephone digits"]
    assert [digits[group]["recordings"] for group in digits] == [1, 1, 2]
    assert digits["odd numbers"]["wer"] == 0 and numbers["stories, read"]["all"]["wer"] == 1
    page = people_page.body({"whisper": numbers})
    assert "| telephone digits, odd numbers, by whisper | ≤ 20.0 % | 0.0 % (one recording) | met |" in page
    assert "| stories, read | 1 | 2 | 100.0 % (one recording) |" in page


def test_the_words_that_carry_meaning_are_counted_and_shown() -> None:
    items = [
        Recording("please call bill and call me", SECOND, "requests", "telephone sentences"),
        Recording("the boat", SECOND, "others", "telephone sentences"),
    ]
    carries = lambda word: word in {"call", "bill", "boat"}  # noqa: E731
    numbers = run(slots("slots", fixed(items), lambda audio: "Call Phil, the boat.", carries))["telephone sentences"]
    assert [(numbers[group]["slots"], numbers[group]["recall"]) for group in numbers] == [(3, 0.3333), (1, 1), (4, 0.5)]
    assert numbers["all"]["often missed"] == [("bill", 1), ("call", 1)]
    page = people_page.body({"slots": {"telephone sentences": numbers}})
    assert "**missed** by 56.7 points" in page and "| others | 1 | 1 | 100.0 % (one recording) |  |" in page
