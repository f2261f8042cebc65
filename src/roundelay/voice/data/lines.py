"""Prompts for the TTS teachers: lines of the grammar, the lexicon, human recordings' texts or the model's domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from roundelay.voice.data import questions, text
from roundelay.voice.data.config import HumanRecordings
from roundelay.voice.data.human_recordings import clips
from roundelay.voice.data.text import split_of

MAX_SENTENCE_WORDS = 24  # of a line from human recordings: longer ones would fail the filter on duration
KINDS = ("everyday", "sentence", "question", "answer")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A line to be spoken: its text, its kind, and its call if it is a question of the domain."""

    text: str
    kind: str
    call: str | None = None


def draw(
    rng: np.random.Generator, split: str, shares: Mapping[str, float], lexicon_share: float, folder: str
) -> Prompt:
    """A random line of `split`, its kind drawn by `shares` of `KINDS`; `everyday` is grammar and lexicon.

    `sentence` takes the training sentences of the recordings in `folder`: real English for a teacher to speak. Where a
    split has none of a kind, an everyday line is drawn.
    """
    weights = np.array([shares.get(name, 0.0) for name in KINDS])
    kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
    if kind == "question":
        question = questions.draw(rng, split)
        return Prompt(question.text, kind, str(question.call))
    if kind == "answer":
        return Prompt(questions.draw_answer_line(rng, split), kind)
    if kind == "sentence" and sentences(folder, split):
        lines = sentences(folder, split)
        return Prompt(lines[int(rng.integers(len(lines)))], kind)
    line, kind = text.draw(rng, split, lexicon_share)
    return Prompt(line, kind)


@cache
def sentences(folder: str, split: str) -> tuple[str, ...]:
    """The different sentences of a folder's training recordings whose text belongs to `split`."""
    if not folder:
        return ()
    found = {
        clip.text
        for clip in clips(HumanRecordings(folder))
        if clip.split == "train" and 2 < clip.text.count(" ") + 1 <= MAX_SENTENCE_WORDS
    }
    return tuple(sorted(line for line in found if split_of(line) == split))
