"""From an utterance to what the model reads and what it is taught: one function per task.

A target's weight says how much its loss counts; zero is only read. Before the sound of a group the phones that begin
until the end of the next group are written, so that what is to be said now always stands near by (the text
interleaved with the sound by the teachers' free alignments; the lead of one group is ours).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.train.lm.corpus import GROUP_S, Said
from roundelay.voice.data.text import pronounced
from roundelay.voice.lm import units
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.vocab import VOCAB

LEAD = 1  # groups by which phones run ahead of their sound
WRITTEN, THOUGHT, SOUNDED = 1.5, 1.5, 1.0  # weights of characters, phones and codes
UNHEARD = -100  # of a step whose phone nobody knows
HEARD_STEPS = (1, 3, 5)  # of a group's six steps of 20 ms: where the phones that are heard are asked for


@dataclass(slots=True)
class Example:
    """Ids, the weight of each as a target, and for some positions the phones that sound there."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    heard: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def add(self, ids: list[int], weight: float = 0.0) -> None:
        """Append ids that count `weight` as targets."""
        self.ids += ids
        self.weights += [weight] * len(ids)


def hear(said: Said, call: str | None = None) -> Example:
    """Sound, then its characters; then the call, where it was a question."""
    example = Example()
    example.add(units.hearing(said.sound.tolist(), said.onsets, call is not None))
    example.heard = _heard(said, example.ids)
    example.add(units.characters(said.text), WRITTEN)
    if call:
        example.add(units.call(call), WRITTEN)
    example.add([Symbol.EOT], WRITTEN)
    return example


def _heard(said: Said, prompt: list[int]) -> list[tuple[int, tuple[int, ...]]]:
    """For the last code of every group: the phone classes of three of its steps; nothing without an alignment."""
    if not said.phones:
        return []
    classes = np.full(said.groups * 6, UNHEARD)
    starts = [round(at * 50) for _, at in said.phones] + [len(classes)]
    for (phone, _), a, b in zip(said.phones, starts, starts[1:], strict=False):
        classes[a:b] = phone - units.FIRST_PHONE
    steps = classes.reshape(-1, 6)[:, HEARD_STEPS]
    places = [at for at, i in enumerate(prompt) if i >= units.NANO.text][VOCAB.group - 1 :: VOCAB.group]
    return [(at, tuple(map(int, row))) for at, row in zip(places, steps, strict=True)]


def speak(said: Said) -> Example:
    """A text, then phones and sound interleaved."""
    example = Example()
    example.add(units.speaking(said.text, said.voice))
    due = [max(0, int(at / GROUP_S) - LEAD) for _, at in said.phones]
    place = 0
    for group, codes in enumerate(said.sound.reshape(-1, VOCAB.group).tolist()):
        while place < len(due) and due[place] <= group:
            example.add([said.phones[place][0]], THOUGHT)
            place += 1
        example.add(codes, SOUNDED)
    example.add([Symbol.EOT], THOUGHT)
    return example


def go_on(said: Said) -> Example:
    """Sound alone: what comes next."""
    example = Example()
    example.add([Symbol.AUDIO_START])
    example.add(said.sound.tolist(), SOUNDED)
    return example


def sound_out(text: str) -> Example | None:
    """A text, then its phones by the lexicon; None where the lexicon lacks a word."""
    phones = pronounced(text)
    if phones is None:
        return None
    example = Example()
    example.add([Symbol.TTS, Symbol.TEXT_START, *units.characters(text), Symbol.TEXT_END, Symbol.THINK_START])
    example.add([*map(units.phone_id, phones), Symbol.THINK_END], THOUGHT)
    return example


def spell(text: str) -> Example | None:
    """Phones by the lexicon, then the text they spell; None where the lexicon lacks a word."""
    phones = pronounced(text)
    if phones is None:
        return None
    example = Example()
    example.add([Symbol.ASR, Symbol.THINK_START, *map(units.phone_id, phones), Symbol.THINK_END, Symbol.TEXT_START])
    example.add([*units.characters(text), Symbol.EOT], WRITTEN)
    return example


def ask(text: str, call: str) -> Example:
    """A written question, then its call."""
    example = Example()
    example.add(units.asking(text))
    example.add([*units.call(call), Symbol.EOT], WRITTEN)
    return example
