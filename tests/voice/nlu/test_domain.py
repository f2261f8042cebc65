"""What the embedded model knows: calls, answers, questions, and understanding without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from roundelay.errors import BadInput
from roundelay.voice.data.asr_noise import simulate_errors
from roundelay.voice.data.domain_words import question_words, words
from roundelay.voice.data.questions import draw, draw_answer_line, random_fabric, random_time, tour
from roundelay.voice.data.text import split_of
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.nlu.domain.calculate import format_number, half_up
from roundelay.voice.nlu.domain.dates import easter
from roundelay.voice.nlu.domain.edit_distance import FuzzyIndex
from roundelay.voice.nlu.domain.fabric import FabricFacts
from roundelay.voice.nlu.domain.phrasings import SPLITS, carriers, intents, typed_intents
from roundelay.voice.nlu.domain.spoken import number_of, spell_number, year_of
from roundelay.voice.nlu.domain.tables import countries, fact_calls, units, unknown_entities
from roundelay.voice.nlu.skills import Call, answer
from roundelay.voice.nlu.understand import understand
from roundelay.voice.nlu.wording import words_of
from roundelay.voice.text.normalise import normalise
from roundelay.voice.text.numbers import year

NOW = datetime(2026, 11, 25, 21, 5)  # a Wednesday
FABRIC = FabricFacts(nodes=720, down=(3, 17), groups=88, group_gpus=32, spare_nodes=4, jobs=3, waste=0.0125)
LEGAL = re.compile(r"[a-z]+(?:'[a-z]+)?(?: [a-z]+(?:'[a-z]+)?)*")

GOLDEN = """
add 12 7 | 12 plus 7 is 19.
add 0.1 0.2 | 0.1 plus 0.2 is 0.3.
subtract 5 7.5 | 5 minus 7.5 is -2.5.
multiply 1984 2 | 1,984 times 2 is 3,968.
divide 22 7 | 22 divided by 7 is about 3.14.
divide 9 8 | 9 divided by 8 is about 1.13.
divide 1 3000 | 1 divided by 3,000 is about 0.000333.
divide 3 0 | Nothing can be divided by 0.
add minus 5 3 | -5 plus 3 is -2.
subtract 5 minus 3 | 5 minus -3 is 8.
share 10 50 | 10 is 20 percent of 50.
share 1 0 | Nothing is a share of 0.
cuberoot 27 | The cube root of 27 is 3.
cuberoot 0.125 | The cube root of 0.125 is 0.5.
cuberoot 2 | The cube root of 2 is about 1.26.
remainder 17 5 | 17 divided by 5 leaves a remainder of 2.
percent 15 60 | 15 percent of 60 is 9.
root 144 | The square root of 144 is 12.
root 2.25 | The square root of 2.25 is 1.5.
root 2 | The square root of 2 is about 1.41.
power 2 10 | 2 to the power of 10 is 1,024.
power 2 64 | 2 to the power of 64 is about 1.84 times 10 to the power of 19.
average 1 2 | The average of 1 and 2 is 1.5.
larger 7 12 | 12 is larger than 7.
even 7 | 7 is odd.
prime 97 | 97 is a prime number.
prime 91 | 91 is not a prime number. It is 7 times 13.
convert 5 mile kilometer | 5 miles are about 8.05 kilometers.
convert 1 inch centimeter | 1 inch is 2.54 centimeters.
convert 1 foot inch | 1 foot is 12 inches.
convert 1 gallon liter | 1 gallon is about 3.79 liters.
convert 1 gallon cup | 1 gallon is 16 cups.
convert 1 tablespoon teaspoon | 1 tablespoon is 3 teaspoons.
convert 1 pound ounce | 1 pound is 16 ounces.
convert 90 kph mps | 90 kilometers per hour are 25 meters per second.
convert 2 week hour | 2 weeks are 336 hours.
convert 100 celsius fahrenheit | 100 degrees Celsius are 212 degrees Fahrenheit.
convert minus 40 celsius fahrenheit | -40 degrees Celsius are -40 degrees Fahrenheit.
convert 0 kelvin celsius | 0 kelvin are -273.15 degrees Celsius.
convert minus 300 celsius kelvin | Nothing is colder than absolute zero, -273.15 degrees Celsius.
time | It is 9:05 PM.
time in 20 minute | In 20 minutes it will be 9:25 PM.
time ago 10 hour | 10 hours ago it was 11:05 AM.
date today | Today is Wednesday, November 25, 2026.
date in 10 day | In 10 days it is Saturday, December 5, 2026.
date ago 1 week | 1 week ago it was Wednesday, November 18, 2026.
date in 9999 week | In 9,999 weeks it is Wednesday, July 15, 2218.
weekday yesterday | Yesterday was Tuesday.
weekday december 25 | December 25 is a Friday in 2026.
weekday july 4 | July 4 was a Saturday in 2026.
weekday february 29 | There is no February 29 in 2026.
until february 29 | February 29 is in 461 days.
until november 25 | November 25 is today.
until christmas | Christmas is in 30 days.
when easter | Easter is on Sunday, March 28, 2027.
when thanksgiving | Thanksgiving is on Thursday, November 26, 2026.
leap 1900 | 1900 is not a leap year.
leap 2000 | 2000 is a leap year.
month | It is November.
capital united states | The capital of the United States is Washington, D.C.
country rome | Rome is the capital of Italy.
continent kenya | Kenya is in Africa.
fact largest planet | The largest planet is Jupiter.
fact count bones body | There are 206 bones in the human body.
talk greeting | Good evening. How can I help you?
fabric nodes | The fabric has 720 nodes.
fabric waste | The waste is 1.2 percent, 36 GPUs.
fabric down | Nodes 3 and 17 are down.
fabric node 17 | Node 17 is down.
fabric node 720 | There is no node 720. The last one is node 719.
fabric healthy | 718 nodes of 720 are healthy.
fabric idle | 56 GPUs are idle.
"""


@pytest.mark.parametrize("line", GOLDEN.strip().splitlines())
def test_golden_answers(line: str) -> None:
    call, expected = line.split(" | ")
    assert answer(Call.parse(call), NOW, FABRIC) == expected


@pytest.mark.parametrize(
    "text",
    ["", "add", "add 1", "add 012 7", "add 1 2 3", "add 1.50 2", "add  1 2", "add 1 2 ", "capital frqnce", "sing",
     "talk x", "convert 5 mile gram", "convert minus 5 mile meter", "weekday february 30", "leap 24", "fabric node -1",
     "convert 5 mile mile", "root minus 4", "x" * 200],
)  # fmt: skip
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Call.parse(text)


def test_calendar_beyond_its_end() -> None:
    assert answer(Call.parse("date in 9999 week"), datetime(9900, 1, 1), FABRIC) == "That is beyond my calendar."


def test_no_fabric_is_said() -> None:
    assert answer(Call.parse("fabric status"), NOW, FabricFacts()) == "No fabric is connected."
    assert "node" in answer(Call.parse("fabric meaning ring"), NOW, FabricFacts())


def test_easter_of_known_years() -> None:  # as printed in almanacs
    assert [easter(y) for y in (1961, 2000, 2024, 2038)] == [
        date(1961, 4, 2),
        date(2000, 4, 23),
        date(2024, 3, 31),
        date(2038, 4, 25),
    ]


@pytest.mark.parametrize("split", SPLITS)
def test_questions_are_legal_answerable_and_in_the_closed_vocabulary(split: str) -> None:
    rng, known = np.random.default_rng(1), set(question_words())
    for _ in range(1500):
        question = draw(rng, split)
        assert LEGAL.fullmatch(question.text), question
        assert Call.parse(str(question.call)) == question.call
        assert set(question.text.split()) <= known, question
        said_words = normalise(answer(question.call, random_time(rng), random_fabric(rng)))
        assert LEGAL.fullmatch(said_words), (question.call, said_words)
        assert question.phrasing in {p for intent in intents() for p in intent.phrasings[split]}


def test_no_held_out_phrasing_is_in_train() -> None:
    lines = {split: {line for intent in intents() for line in intent.phrasings[split]} for split in SPLITS}
    assert not lines["train"] & (lines["dev"] | lines["test"])
    assert not lines["dev"] & lines["test"]
    for part in ("before", "leads", "after"):
        assert not set(getattr(carriers("train"), part)) & set(getattr(carriers("test"), part))
    assert all(intent.phrasings["train"] and intent.phrasings["test"] for intent in intents())
    around = carriers("train")
    carried = {f"{before} {line}" for before in (*around.before, *around.leads) for line in lines["train"]}
    carried |= {f"{line} {after}" for after in around.after for line in lines["train"]}
    assert not (lines["train"] | carried) & lines["test"]
    assert not {line for intent in typed_intents() for line in intent.phrasings["typed"]} & set().union(*lines.values())
    rng = np.random.default_rng(2)
    train = {draw(rng, "train").text for _ in range(4000)}
    assert not train & {draw(rng, "test").text for _ in range(2000)}


def test_every_country_fact_and_unit_is_asked_in_train() -> None:
    asked = {str(question.call) for question in tour(np.random.default_rng(3))}
    assert set(fact_calls()) <= asked
    assert {f"capital {name}" for name in countries()} <= asked
    assert {call.rpartition(" ")[2] for call in asked if call.startswith("convert")} == set(units())


def test_answers_speak_words_of_the_closed_set() -> None:
    rng, known = np.random.default_rng(4), set(words())
    for split in SPLITS:
        for _ in range(100):
            line = draw_answer_line(rng, split)
            assert split_of(line) == split and set(line.split()) <= known, line


def test_another_split_is_refused() -> None:
    with pytest.raises(BadInput, match="split"):
        draw(np.random.default_rng(0), "all")


@given(some.integers(0, 999_999))  # at most ten words
def test_spoken_numbers_come_back(number: int) -> None:
    assert number_of(spell_number(str(number)).split()) == str(number)
    assert number_of(spell_number(f"{number}.25").split()) == f"{number}.25" or number > 9999


@given(some.integers(1000, 9999))
def test_spoken_years_come_back(number: int) -> None:
    assert year_of(year(str(number)).split()) == str(number)


@pytest.mark.parametrize(
    ("words", "number"),
    [("nineteen thirty six", "1936"), ("twelve oh five", "1205"), ("one point five million", "1500000"),
     ("two and a half", "2.5"), ("a half", "0.5"), ("three quarters", "0.75"), ("seven and three quarters", "7.75"),
     ("two and a half thousand", "2500"), ("twenty four", "24"), ("sixty forty", None), ("half", None),
     ("nine hundred ninety nine billion point five billion", None)],
)  # fmt: skip
def test_numbers_as_people_say_them(words: str, number: str | None) -> None:
    assert number_of(words.split()) == number


def test_halfway_goes_away_from_zero() -> None:
    assert [half_up(Fraction(text), 2) for text in ("1.125", "-1.125", "1.1249")] == [
        Fraction(text) for text in ("1.13", "-1.13", "1.12")
    ]


@given(some.fractions(-1000, 1000))
def test_shown_numbers_are_near(value: Fraction) -> None:
    text = format_number(value).removeprefix("about ")
    if "times" not in text:
        near = Fraction(text.replace(",", ""))
        assert abs(near - value) <= max(Fraction(1, 200), abs(value) / 100)
        assert format_number(value).startswith("about ") == (near != value)


def test_letters_that_sound_alike_are_nearer() -> None:
    lexicon = FuzzyIndex.of(["pat", "kat", "dog"])
    near = dict(lexicon.near("bat", 0.5))
    assert near[0] < near[1] and 2 not in near
    assert lexicon.near("pat", 0.5)[0] == (0, 0.0)


def test_misheard_has_about_the_rate_it_is_given() -> None:
    rng, total = np.random.default_rng(5), Errors(0, 0)
    for _ in range(400):
        text = draw(rng, "train").text
        total += word_errors(text, simulate_errors(text, 0.1, question_words(), rng))
        assert simulate_errors(text, 0.0, question_words(), rng) == text
    assert 0.07 < total.rate < 0.14


HEARD = """
what is the capital of frunce | capital france
wat is the captal of bangladash | capital bangladesh
what is twelve plus seven | add 12 7
what is 12 plus 7? | add 12 7
what's two hundred and five minus for | subtract 205 4
how many kilometers are in five miles | convert 5 mile kilometer
how many feet are in a mile | convert 1 mile foot
convert minus ten degrees celsius to fahrenheit | convert minus 10 celsius fahrenheit
what day is the twenty fifth of desember | weekday december 25
was nineteen oh four a leap year | leap 1904
what time will it be in an hour | time in 1 hour
what date was it three weeks ago | date ago 3 week
which planet is the bigest | fact largest planet
who rote hamlet | fact author hamlet
is node twelve down | fabric node 12
how much waste is there | fabric waste
hello | talk greeting
"""


@pytest.mark.parametrize("line", HEARD.strip().splitlines())
def test_heard_words_are_understood(line: str) -> None:
    text, call = line.split(" | ")
    assert str(understand(text)) == call


@pytest.mark.parametrize("text", ["", "42", "!?", "word " * 50, "the thief hid the jewels inside a hollow log"])
def test_what_is_no_question_is_not_understood(text: str) -> None:
    assert understand(text) is None


ASKED = """
square root of 1936 | root 1936
Is 1997 prime? | prime 1997
What is 2024 plus 1 | add 2024 1
10% of 1250 | percent 10 1250
convert 1760 yards to miles | convert 1760 yard mile
negative five plus three | add minus 5 3
5 plus -3 | add 5 minus 3
1.5 million plus 1 | add 1500000 1
123456789 times 987654321 | multiply 123456789 987654321
1/2 of 10 | half 10
divide 10 by 1/2 | divide 10 0.5
100 / 8 | divide 100 8
100/8 | divide 100 8
what is a third of nine | divide 9 3
cube root of 27 | cuberoot 27
10 is what percent of 50 | share 10 50
time in half an hour | time in 30 minute
what time was it 2.5 hours ago | time ago 150 minute
how many feet are in half a mile | convert 0.5 mile foot
what is the population of the world | fact measure population world
capital of the democratic republic of the congo | capital congo
where is singapore | continent singapore
"""


@pytest.mark.parametrize("line", ASKED.strip().splitlines())
def test_numbers_and_names_are_understood_whole(line: str) -> None:
    text, call = line.split(" | ")
    assert str(understand(normalise(text))) == call


@pytest.mark.parametrize(
    "text",
    ["five plus six times two", "add 1, 2 and 3", "2 plus 2 plus 2", "1/3 plus 1/3", "3/5 plus 1/5", "twelve by twelve",
     "half past three", "a dozen plus one", "1 trillion plus 1", "3 to the power of -4", "when is easter 2025",
     "what day is july 4 2030", "days until christmas 2027", "5 feet 10 inches in centimeters", "5 miles plus 3 feet",
     "Convert 5 miles to kilograms", "convert 5 miles to miles", "convert 5 square miles to acres",
     "currency of panama", "capital of congo", "capital of south africa", "capital of south sudan",
     "capital of england", "capital of mars", "capital of new mexico", "population of france",
     "what time is it in Tokyo", "what time is it in springfield", "what day is it in tokyo", "symbol of francium",
     "is paris the capital of france", "what is the tallest building in new york",
     "he will use the glass at a quarter to eleven", "remind me in five minutes", "how many days in 2024"],
)  # fmt: skip
def test_no_other_question_is_answered(text: str) -> None:
    assert understand(normalise(text)) is None


def test_strangers_are_in_no_table() -> None:
    for kind, names in unknown_entities().items():
        assert len(set(names)) == len(names) and all(name == " ".join(words_of(name)) for name in names), kind
    assert not set(unknown_entities()["country"]) & {said for row in countries().values() for said in row.spoken}


def test_training_phrasings_are_understood() -> None:
    rng = np.random.default_rng(6)
    questions = [draw(rng, "train") for _ in range(60)]
    assert [str(understand(q.text)) for q in questions] == [str(q.call) for q in questions]


def test_the_page_of_the_domain_is_what_the_code_says() -> None:
    docs = Path(__file__).parents[3] / "docs"
    made = subprocess.run(
        [sys.executable, docs / "make_domain.py", "--print"], capture_output=True, text=True, check=True
    )
    assert made.stdout == (docs / "voice-domain.md").read_text(encoding="utf-8"), "run `make docs`"


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("How many GPUs do we have?", "fabric gpus"),
        ("what is the number of g p u's in a group", "fabric size"),
        ("Who was America's first president?", "fact first president"),
        ("remind me what day it is", "weekday today"),
        ("you are a robot aren't you", "talk human"),
        ("how about a joke", "talk joke"),
        ("what's two to the eighth power", "power 2 8"),
        ("on what date did the titanic sink", "fact year titanic"),
        ("twelve per cent of fifty", "percent 12 50"),
        ("which nodes went down", "fabric down"),
    ],
)
def test_one_wording_stands_for_many(text: str, call: str) -> None:
    assert str(understand(normalise(text))) == call


OTHER_WORDINGS = """
the timer is calculated for ten minutes
how about a beer
remind me to call mom
tell me the number of the plumber
what is france's population
lower the heating by three
are you done with the dishes
"""


@pytest.mark.parametrize("text", OTHER_WORDINGS.strip().splitlines())
def test_one_wording_does_not_stand_for_another_question(text: str) -> None:
    assert understand(normalise(text)) is None
