"""The nano model's vocabulary: control symbols, characters, phones, voices, then the codes of both codebooks (ours).

Text is characters: words are too many for a small model, and subword pieces hide the pronunciation. Phones are an
intermediate representation in synthesis. The codes begin at id 1,024, as in `configs/lm-nano.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.tokenizer import phone_recognizer
from roundelay.voice.tokenizer.phone_recognizer import PHONES
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.tokens import Tokens
from roundelay.voice.vocab import VOCAB, Vocab

NANO = Vocab(size=6_144, text=1_024)
CHARACTERS = " 'abcdefghijklmnopqrstuvwxyz0123456789."  # digits and the point occur in calls only
FIRST_CHARACTER, FIRST_PHONE, FIRST_VOICE = 64, 128, 192
PAUSE = FIRST_PHONE  # the phone before PHONES[0]
PHONE_IDS = range(FIRST_PHONE, FIRST_PHONE + 1 + len(PHONES))
VOICES = ("flite-rms", "festival-cmu_us_slt_arctic_hts")  # whose speaking style the model learnt, in this order

_ID = {c: FIRST_CHARACTER + k for k, c in enumerate(CHARACTERS)}
_CHARACTER = {i: c for c, i in _ID.items()}
_SHIFT = VOCAB.text - NANO.text


def character_ids(text: str) -> list[int]:
    """Ids of a text in lower-case letters, digits, apostrophes and spaces; raises `BadInput` for any other sign."""
    try:
        return [_ID[c] for c in text]
    except KeyError as error:
        raise BadInput("text", repr(error.args[0]), "is no unit of the model; normalise the text first") from None


def text_of(ids: Iterable[int]) -> str:
    """The characters among `ids`."""
    return "".join(_CHARACTER[i] for i in ids if i in _CHARACTER)


def phone_id(phone: str | None) -> int:
    """The id of a phone; None is a pause."""
    return PAUSE if phone is None else FIRST_PHONE + 1 + PHONES.index(phone)


def sorted_voices(names: Iterable[str]) -> list[str]:
    """The names of voices, those whose speaking style the model learnt first, in the order of `VOICES`."""
    return sorted(names, key=lambda name: VOICES.index(name) if name in VOICES else len(VOICES))


def voice_id(name: str | None) -> int:
    """The id of a voice's speaking style; an unknown name, or None, is the first."""
    return FIRST_VOICE + (VOICES.index(name) if name in VOICES else 0)


def code_ids(tokens: Tokens) -> list[int]:
    """The nano model's ids of audio tokens."""
    return [int(i) for i in tokens.ids - _SHIFT]


def audio_ids(ids: Sequence[int]) -> np.ndarray:
    """Audio ids int64 of the published vocabulary among the nano model's `ids`; text and phones are left out."""
    line = np.asarray(ids, np.int64)
    return line[line >= NANO.text] + _SHIFT


# How text and sound are interleaved, word by word. Recognition: after the codes and phones of each group come the
# characters of the words that have ended, then NEXT_GROUP. Synthesis: the model writes NEXT_WORD; the word's characters
# are fed; it writes the word's phones up to THINK_END, and then each phone before its codes. NO_MORE_WORDS is fed where
# no word is left.
NEXT_GROUP, NEXT_WORD, NO_MORE_WORDS = Symbol.TEXT_END, Symbol.TEXT_START, Symbol.END


def recognition_prompt(answer: bool = False) -> list[int]:
    """The ids before a recognition; with `answer`, a call follows the last word of a question."""
    return [Symbol.AQTA if answer else Symbol.ASR, Symbol.AUDIO_START]


def phone_onsets(logs_TC: np.ndarray) -> list[tuple[int, int]]:
    """The phones in log-probabilities [6G, 40] of the phone recognizer, as (phone id, group in which it begins)."""
    return [(phone_id(phone), group) for phone, group in phone_recognizer.onsets(logs_TC)]


def speech_prompt(voice: str | None = None) -> list[int]:
    """The ids before a synthesis in the speaking style of a voice."""
    return [Symbol.TTS, voice_id(voice), Symbol.AUDIO_START]


def word_ids(text: str) -> list[int]:
    """A word's characters and the space that ends it."""
    return character_ids(text + " ")


def question_prompt(text: str) -> list[int]:
    """The ids before the call of a written question."""
    return [Symbol.TQAA, Symbol.TEXT_START, *character_ids(text), Symbol.TEXT_END]


def call_ids(text: str) -> list[int]:
    """The ids of a call, as the model writes it after a question."""
    return [Symbol.CALL_START, *character_ids(text), Symbol.CALL_END]
