"""What a teacher is asked to say: a line of the grammar, the lexicon, people's texts or the model's own domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from roundelay.voice.data import questions, text
from roundelay.voice.data.config import People
from roundelay.voice.data.people import clips
from roundelay.voice.data.text import split_of

LONGEST_WORDS = 24  # of a line of people's texts: longer ones would fail the gate on duration
KINDS = ("everyday", "sentence", "question", "answer")


@dataclass(frozen=True, slots=True)
class Asked:
    """A line: its text, its kind, and the call it means where it is a question of the domain."""

    text: str
    kind: str
    call: str | None = None


def draw(rng: np.random.Generator, split: str, shares: Mapping[str, float], lexicon_share: float, folder: str) -> Asked:
    """A random line of `split`, its kind drawn by `shares` of `KINDS`; `everyday` is grammar and lexicon.

    `sentence` takes the training sentences of the recordings in `folder`: real English, said by a teacher. Where a
    split has none of a kind, an everyday line is drawn.
    """
    weights = np.array([shares.get(name, 0.0) for name in KINDS])
    kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
    if kind == "question":
        question = questions.draw(rng, split)
        return Asked(question.text, kind, str(question.call))
    if kind == "answer":
        return Asked(questions.draw_answer_line(rng, split), kind)
    if kind == "sentence" and sentences(folder, split):
        lines = sentences(folder, split)
        return Asked(lines[int(rng.integers(len(lines)))], kind)
    line, kind = text.draw(rng, split, lexicon_share)
    return Asked(line, kind)


@cache
def sentences(folder: str, split: str) -> tuple[str, ...]:
    """The different sentences of a folder's training recordings whose text belongs to `split`."""
    if not folder:
        return ()
    found = {
        clip.text
        for clip in clips(People(folder))
        if clip.split == "train" and 2 < clip.text.count(" ") + 1 <= LONGEST_WORDS
    }
    return tuple(sorted(line for line in found if split_of(line) == split))
