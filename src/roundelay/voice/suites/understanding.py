"""The sets of understanding: questions in held-out phrasings, clean and with simulated errors, and other sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roundelay.voice.data.asr_noise import simulate_errors
from roundelay.voice.data.domain_words import question_words
from roundelay.voice.data.questions import draw
from roundelay.voice.data.text import expand
from roundelay.voice.eval.report import table
from roundelay.voice.eval.tasks.task import Numbers, Task
from roundelay.voice.eval.tasks.understanding import Question, understanding
from roundelay.voice.nlu.ask_back import SPARE_WORDS, offered
from roundelay.voice.nlu.understand import forget, understand
from roundelay.voice.suites.sets import open_sentences

RATES = (0.0, 0.05, 0.1, 0.2)
OTHERS = 100  # sentences of no domain
SEED = 4


def task(count: int, split: str = "test") -> Task[Question]:
    """The task: `count` questions of a split, each at every rate of errors, and a hundred sentences of no domain."""

    def drawn(seed: int) -> Sequence[Question]:
        rng, found = np.random.default_rng(seed), list[Question]()
        asked = [draw(rng, split) for _ in range(count)]
        for rate in RATES:
            noise = np.random.default_rng(seed)
            for one in asked:
                recognised = simulate_errors(one.text, rate, question_words(), noise)
                found.append(Question(one.text, recognised, rate, str(one.call), one.call.skill))
        half = OTHERS // 2
        others = [*open_sentences(half), *(expand("<sentence>", rng) for _ in range(half))]
        return [*found, *(Question(text, text) for text in others)]

    def call_of(text: str) -> str | None:
        forget()
        call = understand(text)
        return None if call is None else str(call)

    def offered_call(text: str) -> str | None:
        found = offered(text, SPARE_WORDS)
        return None if found is None else str(found.call)

    return understanding(drawn, call_of, offered_call, SEED)


def tables(numbers: Numbers) -> str:
    """The numbers as Markdown."""
    head = (
        "word errors meant",
        "word errors",
        "questions",
        "exact call",
        "asked back, rightly",
        "another call",
        "refused",
        "ms of one core",
    )
    rates = table(
        head,
        (
            (
                f"{one['rate']:.0%}",
                f"{one['wer']:.1%}",
                one["questions"],
                f"**{one['right']:.1%}**",
                f"{one['asked']:.1%}",
                f"{one['other']:.1%}",
                f"{one['refused']:.1%}",
                f"{one['ms']:.0f}",
            )
            for one in numbers["rates"]
        ),
    )
    skills = ((one["skill"], one["questions"], one["missed"]) for one in numbers["missed"])
    return (
        f"{rates}\n{table(('skill', 'questions', 'missed, clean'), skills)}\n"
        f"Sentences of no domain taken for a question: {numbers['others taken']} of {numbers['others']}.\n"
    )
