"""From an utterance to what the model reads and what it is taught: one function per task.

A target's weight says how much its loss counts; zero is only read. Text and sound are interleaved word by word (the
form is told in `voice.lm.units`): what is to be said or written now always stands near by. Phones run ahead of their
sound by one group, words are written down one group after their last phone (both ours).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.train.lm.corpus import GROUP_S, Said
from roundelay.train.lm.spans import spans
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.text.pronunciations import pronounce
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.vocab import VOCAB

LEAD = 1  # groups by which phones run ahead of their sound
LAG = 1  # groups after its last phone in which a word is written down
WRITTEN, THOUGHT, SOUNDED, LISTENED = 1.5, 1.5, 1.0, 0.4  # weights of characters, phones, codes, and of listening on
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


def hear(said: Said, call: str | None = None) -> Example | None:
    """Sound with its words as they end; then the call, where it was a question. None where a word is unknown."""
    places = spans(said.text, [phone for phone, _ in said.onsets])
    if places is None:
        return None
    ends = [said.onsets[end - 1][1] + LAG if end else 0 for _, end in places]
    words, written = said.text.split(), 0
    example = Example()
    example.add(vocabulary.recognition_prompt(call is not None))
    for group, codes in enumerate(said.sound.reshape(-1, VOCAB.group).tolist()):
        example.add(codes + [phone for phone, at in said.onsets if at == group])
        while written < len(words) and ends[written] <= group:
            example.add(vocabulary.word_ids(words[written]), WRITTEN)
            written += 1
        example.add([vocabulary.NEXT_GROUP], LISTENED)
    example.add([Symbol.AUDIO_END])
    for left in words[written:]:
        example.add(vocabulary.word_ids(left), WRITTEN)
    if call:
        example.add(vocabulary.call_ids(call), WRITTEN)
    example.add([Symbol.EOT], WRITTEN)
    example.heard = _heard(said, example.ids)
    return example


def _heard(said: Said, prompt: list[int]) -> list[tuple[int, tuple[int, ...]]]:
    """For the last code of every group: the phone classes of three of its steps; nothing without an alignment."""
    if not said.phones:
        return []
    classes = np.full(said.groups * 6, UNHEARD)
    starts = [round(at * 50) for _, at in said.phones] + [len(classes)]
    for (phone, _), a, b in zip(said.phones, starts, starts[1:], strict=False):
        classes[a:b] = phone - vocabulary.FIRST_PHONE
    steps = classes.reshape(-1, 6)[:, HEARD_STEPS]
    places = [at for at, i in enumerate(prompt) if i >= vocabulary.NANO.text][VOCAB.group - 1 :: VOCAB.group]
    return [(at, tuple(map(int, row))) for at, row in zip(places, steps, strict=True)]


def speak(said: Said) -> Example | None:
    """Words as they are due, each with its phones, then phones and sound interleaved; None where a word is unknown."""
    sounding = [k for k, (phone, _) in enumerate(said.phones) if phone != vocabulary.PAUSE]
    places = spans(said.text, [said.phones[k][0] for k in sounding])
    if places is None or not sounding:
        return None
    words = said.text.split()
    owner = {sounding[at]: word for word, (first, end) in enumerate(places) for at in range(first, end)}
    example, given, place = Example(), 0, 0
    example.add(vocabulary.speech_prompt(said.voice))
    for group, codes in enumerate(said.sound.reshape(-1, VOCAB.group).tolist()):
        while place < len(said.phones) and int(said.phones[place][1] / GROUP_S) - LEAD <= group:
            last = place == sounding[-1]
            while given < len(words) and (last or given <= owner.get(place, -1)):
                first, end = places[given]
                _give(example, words[given], [said.phones[k][0] for k in sounding[first:end]])
                given += 1
            example.add([said.phones[place][0]], THOUGHT)
            if last:
                example.add([vocabulary.NEXT_WORD], THOUGHT)
                example.add([vocabulary.NO_MORE_WORDS])
            place += 1
        example.add(codes, SOUNDED)
    example.add([Symbol.EOT], THOUGHT)
    return example


def _give(example: Example, word: str, phones: list[int]) -> None:
    """A word that is asked for, given, and thought in phones."""
    example.add([vocabulary.NEXT_WORD], THOUGHT)
    example.add(vocabulary.word_ids(word))
    example.add([*phones, Symbol.THINK_END], THOUGHT)


def go_on(said: Said) -> Example:
    """Sound alone: what comes next."""
    example = Example()
    example.add([Symbol.AUDIO_START])
    example.add(said.sound.tolist(), SOUNDED)
    return example


def sound_out(text: str) -> Example | None:
    """Words with their phones by the lexicon, as in speaking; None where it lacks a word."""
    example = Example()
    example.add(vocabulary.speech_prompt())
    for word in text.split():
        phones = pronounce(word)
        if phones is None:
            return None
        _give(example, word, [vocabulary.phone_id(phone) for phone in phones])
    return example


def spell(text: str) -> Example | None:
    """Phones by the lexicon, then the word they spell, as in hearing; None where it lacks a word."""
    example = Example()
    example.add(vocabulary.recognition_prompt())
    for word in text.split():
        phones = pronounce(word)
        if phones is None:
            return None
        example.add([vocabulary.phone_id(phone) for phone in phones])
        example.add(vocabulary.word_ids(word), WRITTEN)
    return example


def ask(text: str, call: str) -> Example:
    """A written question, then its call."""
    example = Example()
    example.add(vocabulary.question_prompt(text))
    example.add([*vocabulary.call_ids(call), Symbol.EOT], WRITTEN)
    return example
