"""Training examples of the language model, one function per task: ids, and the loss weight of each as a target.

Text and audio are interleaved word by word (see `voice.engines.nano.vocabulary`), so that what is to be said or written
next is always near. Phones precede their audio by one group; words are written one group after their last phone (both
ours).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.train.lm.corpus import GROUP_S, TokenizedUtterance
from roundelay.train.lm.spans import spans
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.text.pronunciations import pronounce
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.vocab import VOCAB

PHONE_LEAD = 1  # groups by which phones precede their audio
WORD_LAG = 1  # groups after its last phone, when a word is written
# loss weights of characters, phones, codes, and of `NEXT_GROUP`
CHARACTER_WEIGHT, PHONE_WEIGHT, CODE_WEIGHT, NEXT_GROUP_WEIGHT = 1.5, 1.5, 1.0, 0.4
UNKNOWN_PHONE = -100  # the class of a step whose phone is unknown
PHONE_STEPS = (1, 3, 5)  # of a group's six steps of 20 ms: those whose phones are auxiliary targets


@dataclass(slots=True)
class Example:
    """Ids, the loss weight of each as a target, and for some positions the phones of the audio there."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    phones: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def add(self, ids: list[int], weight: float = 0.0) -> None:
        """Append ids with a loss weight."""
        self.ids += ids
        self.weights += [weight] * len(ids)


def recognition(utterance: TokenizedUtterance, call: str | None = None) -> Example | None:
    """Audio, each word written when it ends, then the call of a question. None where the dictionary lacks a word."""
    places = spans(utterance.text, [phone for phone, _ in utterance.onsets])
    if places is None:
        return None
    ends = [utterance.onsets[end - 1][1] + WORD_LAG if end else 0 for _, end in places]
    words, written = utterance.text.split(), 0
    example = Example()
    example.add(vocabulary.recognition_prompt(call is not None))
    for group, codes in enumerate(utterance.sound.reshape(-1, VOCAB.group).tolist()):
        example.add(codes + [phone for phone, at in utterance.onsets if at == group])
        while written < len(words) and ends[written] <= group:
            example.add(vocabulary.word_ids(words[written]), CHARACTER_WEIGHT)
            written += 1
        example.add([vocabulary.NEXT_GROUP], NEXT_GROUP_WEIGHT)
    example.add([Symbol.AUDIO_END])
    for left in words[written:]:
        example.add(vocabulary.word_ids(left), CHARACTER_WEIGHT)
    if call:
        example.add(vocabulary.call_ids(call), CHARACTER_WEIGHT)
    example.add([Symbol.EOT], CHARACTER_WEIGHT)
    example.phones = _phone_targets(utterance, example.ids)
    return example


def _phone_targets(utterance: TokenizedUtterance, prompt: list[int]) -> list[tuple[int, tuple[int, ...]]]:
    """For the last code of every group: the phone classes of `PHONE_STEPS`; nothing without an alignment."""
    if not utterance.phones:
        return []
    classes = np.full(utterance.groups * 6, UNKNOWN_PHONE)
    starts = [round(at * 50) for _, at in utterance.phones] + [len(classes)]
    for (phone, _), a, b in zip(utterance.phones, starts, starts[1:], strict=False):
        classes[a:b] = phone - vocabulary.FIRST_PHONE
    steps = classes.reshape(-1, 6)[:, PHONE_STEPS]
    places = [at for at, i in enumerate(prompt) if i >= vocabulary.NANO.text][VOCAB.group - 1 :: VOCAB.group]
    return [(at, tuple(map(int, row))) for at, row in zip(places, steps, strict=True)]


def synthesis(utterance: TokenizedUtterance) -> Example | None:
    """Each word with its phones when it is due, then phones and audio interleaved; None for an unknown word."""
    sounding = [k for k, (phone, _) in enumerate(utterance.phones) if phone != vocabulary.PAUSE]
    places = spans(utterance.text, [utterance.phones[k][0] for k in sounding])
    if places is None or not sounding:
        return None
    words = utterance.text.split()
    owner = {sounding[at]: word for word, (first, end) in enumerate(places) for at in range(first, end)}
    example, given, place = Example(), 0, 0
    example.add(vocabulary.speech_prompt(utterance.voice))
    for group, codes in enumerate(utterance.sound.reshape(-1, VOCAB.group).tolist()):
        while place < len(utterance.phones) and int(utterance.phones[place][1] / GROUP_S) - PHONE_LEAD <= group:
            last = place == sounding[-1]
            while given < len(words) and (last or given <= owner.get(place, -1)):
                first, end = places[given]
                _add_word(example, words[given], [utterance.phones[k][0] for k in sounding[first:end]])
                given += 1
            example.add([utterance.phones[place][0]], PHONE_WEIGHT)
            if last:
                example.add([vocabulary.NEXT_WORD], PHONE_WEIGHT)
                example.add([vocabulary.NO_MORE_WORDS])
            place += 1
        example.add(codes, CODE_WEIGHT)
    example.add([Symbol.EOT], PHONE_WEIGHT)
    return example


def _add_word(example: Example, word: str, phones: list[int]) -> None:
    """`NEXT_WORD`, the word's characters, and its phones."""
    example.add([vocabulary.NEXT_WORD], PHONE_WEIGHT)
    example.add(vocabulary.word_ids(word))
    example.add([*phones, Symbol.THINK_END], PHONE_WEIGHT)


def continuation(utterance: TokenizedUtterance) -> Example:
    """Audio alone."""
    example = Example()
    example.add([Symbol.AUDIO_START])
    example.add(utterance.sound.tolist(), CODE_WEIGHT)
    return example


def pronunciation(text: str) -> Example | None:
    """Words, each with its phones by the dictionary, as in synthesis; None where it lacks a word."""
    example = Example()
    example.add(vocabulary.speech_prompt())
    for word in text.split():
        phones = pronounce(word)
        if phones is None:
            return None
        _add_word(example, word, [vocabulary.phone_id(phone) for phone in phones])
    return example


def spelling(text: str) -> Example | None:
    """Phones by the dictionary, then the word, as in recognition; None where it lacks a word."""
    example = Example()
    example.add(vocabulary.recognition_prompt())
    for word in text.split():
        phones = pronounce(word)
        if phones is None:
            return None
        example.add([vocabulary.phone_id(phone) for phone in phones])
        example.add(vocabulary.word_ids(word), CHARACTER_WEIGHT)
    return example


def question(text: str, call: str) -> Example:
    """A written question, then its call."""
    example = Example()
    example.add(vocabulary.question_prompt(text))
    example.add([*vocabulary.call_ids(call), Symbol.EOT], CHARACTER_WEIGHT)
    return example
