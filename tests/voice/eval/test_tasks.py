"""Tasks by hand-computed cases: fakes of a few lines stand for engines and codec."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.voice.audio import Audio
from roundelay.voice.eval.judges import Judge, Panel
from roundelay.voice.eval.metrics.signal import longest_silence_s
from roundelay.voice.eval.suite import run
from roundelay.voice.eval.tasks.cloning import speakers
from roundelay.voice.eval.tasks.hearing import hearing
from roundelay.voice.eval.tasks.pauses import pauses
from roundelay.voice.eval.tasks.questions import WRITTEN, questions
from roundelay.voice.eval.tasks.resynthesis import reference, resynthesis
from roundelay.voice.eval.tasks.speaking import Line, speaking
from roundelay.voice.eval.tasks.task import Recording, fixed
from roundelay.voice.eval.tasks.turn_end import area, broken_questions, prefixes
from roundelay.voice.eval.tasks.understanding import Question, understanding
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Transcript
from roundelay.voice.suites.understanding import tables

RATE = 16_000


def audio(seconds: float, level: float = 0.1) -> Audio:
    return Audio(np.full(round(seconds * RATE), level, np.float32), RATE)


class Levels:
    """A recogniser that hears one text in loud audio and another in quiet audio."""

    name = "levels"
    capabilities: frozenset[Capability] = frozenset()

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        return Transcript("one two" if audio.samples.max() > 0.05 else "one")


def test_hearing_sums_errors_by_set_and_group() -> None:
    items = [
        Recording("one two", audio(1), "anna", "near"),
        Recording("one two", audio(1, 0.01), "bert", "near"),
        Recording("one three", audio(1), "bert", "far"),
    ]
    numbers = run(hearing("hear", fixed(items), lambda sound: Levels().transcribe(sound).text, quoted=["far"]))
    assert numbers["near"] == {
        "anna": {"wer": 0.0, "words": 2},
        "all": {"wer": 0.25, "words": 4},
        "bert": {"wer": 0.5, "words": 2},
    }
    assert numbers["far"]["all"] == {"wer": 0.5, "words": 2}
    assert numbers["far"]["heard"] == {"text": "one two"}


def test_questions_are_right_by_their_exact_call_and_silence_is_wrong() -> None:
    items = [
        Recording("time", audio(1), "anna", "voices", call="time()"),
        Recording("time", audio(1, 0.01), "anna", "voices", call="time()"),
        Recording("time", audio(1), set=WRITTEN, call="time()"),
    ]
    hear = lambda sound: "time" if sound.samples.max() > 0.05 else ""  # noqa: E731
    numbers = run(questions(fixed(items), hear, lambda words: f"{words}()", lambda words: None))
    assert numbers["voices"]["anna"] == {"right": 0.5, "right by the model": 0.0, "questions": 2}
    assert numbers[WRITTEN] == {"all": {"right": 1.0, "right by the model": 0.0, "questions": 1}}


def test_speaking_counts_errors_lost_ends_and_runaways() -> None:
    held = np.concatenate([np.zeros(RATE), np.full(RATE, 0.1), np.zeros(3 * RATE), np.full(RATE, 0.1)])
    assert longest_silence_s(Audio(held.astype(np.float32), RATE)) == 3.0
    lengths = {"one two": 1.0, "one": 0.5, "two": 2.0}
    lines = [Line("s", "v", text, audio(1.0)) for text in lengths] + [Line("s", "v", "failed", None)]
    task = speaking(
        fixed(lines), lambda text, voice: audio(lengths[text]), {"s": Panel({"pocketsphinx": Judge(Levels())})}
    )
    assert run(task)["s"]["v"] == {
        "ours": 0.5,
        "teacher": 0.5,
        "lost ends": 1,
        "run away": 1,
        "longest_silence_s": 0.0,
        "silences": 0,
        "texts": 4,
    }


def test_resynthesis_is_judged_variant_by_variant() -> None:
    items = [Recording("one two", audio(2), "flite", speaker="a"), Recording("one two", audio(3), "flite", speaker="b")]
    made = {
        "original": lambda each: each.audio,
        "quiet": lambda each: audio(1, 0.01) if each.speaker == "a" else None,
    }
    numbers = run(resynthesis("r", items, Panel({"pocketsphinx": Judge(Levels())}), made, minutes=True))
    assert numbers["original"] == {"flite": 0.0, "all": 0.0}
    assert numbers["quiet"] == {"flite": 50.0, "all": 50.0}
    assert (numbers["words"], numbers["utterances"], numbers["minutes"]) == ({"flite": 4, "all": 4}, 2, 0.1)


def test_a_voice_is_cloned_from_the_longest_other_recording() -> None:
    short, long, only = (Recording("x", audio(s), speaker=w) for s, w in ((1.0, "a"), (2.0, "a"), (3.0, "b")))
    assert reference([short, long, only], short) is long
    assert reference([short, long, only], long) is None, "under 1.5 s"
    assert reference([short, long, only], only) is None


def test_speakers_of_four_long_recordings_are_cloned() -> None:
    items = [Recording("x", audio(1.5), speaker=name) for name in "aaaabbbbb"]
    items += [Recording("x", audio(1.0), speaker="short") for _ in range(5)]
    first, second = speakers("set", items)
    assert (len(first.reference), len(first.others), len(second.others)) == (2, 2, 3)
    assert first.other_speaker[0].speaker == "b" and second.other_speaker[0].speaker == "a"
    assert speakers("set", items[:4])[0].other_speaker == ()


def test_understanding_counts_exact_other_asked_and_refused() -> None:
    known = {"what time": "time()", "which day": "time()"}
    asked = [
        Question("what time", "what time", 0.0, "time()", "time"),
        Question("which day", "which day", 0.0, "date()", "date"),
        Question("what time", "what lime", 0.1, "time()", "time"),
        Question("what time", "what rhyme", 0.1, "time()", "time"),
        Question("the cat sat", "the cat sat"),
    ]
    numbers = run(understanding(fixed(asked), known.get, {"what rhyme": "time()"}.get))
    clean, noisy = numbers["rates"]
    assert (clean["right"], clean["other"], clean["refused"], clean["wer"]) == (0.5, 0.5, 0.0, 0.0)
    assert (noisy["right"], noisy["asked"], noisy["refused"], noisy["wer"]) == (0.0, 0.5, 0.5, 0.5)
    assert numbers["missed"] == [{"skill": "date", "questions": 1, "missed": 1}]
    assert (numbers["others"], numbers["others taken"]) == (1, 0)
    assert "| 10% | 50.0% | 2 | **0.0%** | 50.0% | 0.0% | 50.0% |" in tables(numbers)


def test_a_question_is_broken_off_after_every_word_but_the_first() -> None:
    found = [(each.text, each.kinds) for each in prefixes("a b c d")]
    assert found == [("a b", ("inner", "middle")), ("a b c", ("inner",)), ("a b c d", ("end",))]


def test_a_judge_that_knows_the_end_never_takes_over() -> None:
    asked = ["a b c d", "e f g h"]
    exact = lambda text: 1.0 if text in asked else -1.0  # noqa: E731
    numbers = run(broken_questions(fixed(asked), {"exact": exact, "eager": lambda text: 1.0}))
    assert (numbers["exact"]["takeover_1s"], numbers["exact"]["at_once"]) == (0.0, 1.0)
    assert (numbers["eager"]["takeover_1s"], numbers["eager"]["takeover_1s_middle"]) == (1.0, 1.0)


def test_the_area_is_the_chance_that_an_end_is_judged_higher() -> None:
    assert area([0.9, 0.5], [0.1, 0.5]) == pytest.approx((1 + 1 + 1 + 0.5) / 4)


def test_pauses_are_those_between_the_clauses() -> None:
    silence, loud = {",": 0.2, ";": 0.3, ".": 0.5}, audio(1).samples

    def say(text: str) -> Audio:
        mark = next((mark for mark in text[:-1] if mark in silence), "")
        return Audio(np.concatenate([loud, np.zeros(round(silence.get(mark, 0) * RATE), np.float32), loud]), RATE)

    numbers = run(pauses(say))
    assert [numbers[mark]["median_s"] for mark in ("none", "comma", "semicolon", "full stop")] == [0, 0.2, 0.3, 0.5]
