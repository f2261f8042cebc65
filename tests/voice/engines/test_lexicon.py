"""The packaged words: how they sound, and whether those of a question are all of it."""

from __future__ import annotations

import pytest

from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.nlu.understand import REJECTION_COST, nearest, understand
from roundelay.voice.tokenizer.phone_recognizer import PHONES


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load()


def complete(lexicon: Lexicon, text: str, known: bool = True) -> float:
    return NanoEndOfTurn(lexicon).probability(text, domain_only=known)


def test_words_know_how_they_sound(lexicon: Lexicon) -> None:
    pronunciations = lexicon.pronunciations()
    sound = lambda line: tuple(PHONES.index(phone) + 1 for phone in line.split())  # noqa: E731
    assert pronunciations("cat") == [sound("k ae t")] and sound("dh ah") in pronunciations("the")
    assert max(len(pronunciations(word)) for word in lexicon.words[:5_000]) > 1  # some are said in several ways
    assert pronunciations("qxqx") == [] == pronunciations("") == pronunciations("zzzz")


@pytest.mark.parametrize(
    ("beginning", "rest"),
    [
        ("what time", "is it"),
        ("what is the capital", "of france"),
        ("what is twelve", "times seven"),
        ("how many feet", "are in a mile"),
        ("what day", "is it today"),
    ],
)
def test_a_question_is_complete_and_its_beginning_is_not(lexicon: Lexicon, beginning: str, rest: str) -> None:
    assert complete(lexicon, beginning) < 0.5 < 0.75 < complete(lexicon, f"{beginning} {rest}")


def test_what_is_no_question_is_waited_for_unless_anything_is_answered(lexicon: Lexicon) -> None:
    assert complete(lexicon, "the old man sat under a tree") < 0.5
    assert complete(lexicon, "the old man sat under a tree", known=False) > complete(
        lexicon, "the old man sat under a", known=False
    )
    assert complete(lexicon, "") < 0.5


def test_the_distance_says_how_near_a_question_is() -> None:
    assert nearest("what time is it") == (understand("what time is it"), 0.0)
    assert 0 < nearest("what time")[1] < REJECTION_COST
    assert nearest("the old man sat under a tree") == (None, REJECTION_COST) == nearest("")


def test_a_marked_sentence_is_over_outside_the_domain_where_the_n_gram_agrees(lexicon: Lexicon) -> None:
    judge = NanoEndOfTurn(lexicon)
    text = "The rat sits in the mist."
    assert judge.probability(text, domain_only=True) > 0.7 > 0.5 > judge.probability(text.rstrip("."), domain_only=True)
    for text in ("I need to talk to the.", "The rat sits in the mist...", "Mist."):
        assert judge.probability(text, domain_only=True) < 0.5
