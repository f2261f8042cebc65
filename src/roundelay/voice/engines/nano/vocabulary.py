"""The embedded model's units: control symbols, characters, phones, voices, then the codes of both codebooks (ours).

Text is characters, because words are too many for a small model and pieces hide how they sound; phones are what it
thinks in while it speaks. 1,024 places come before the codes, as in `configs/lm-nano.toml`.
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
CHARACTERS = " 'abcdefghijklmnopqrstuvwxyz0123456789."  # the digits and the point are of calls
FIRST_CHARACTER, FIRST_PHONE, FIRST_VOICE = 64, 128, 192
PAUSE = FIRST_PHONE  # the phone before PHONES[0]
PHONE_IDS = range(FIRST_PHONE, FIRST_PHONE + 1 + len(PHONES))
VOICES = ("flite-rms", "festival-cmu_us_slt_arctic_hts")  # whose way of speaking the model learnt, in this order

_ID = {c: FIRST_CHARACTER + k for k, c in enumerate(CHARACTERS)}
_CHARACTER = {i: c for c, i in _ID.items()}
_SHIFT = VOCAB.text - NANO.text


def characters(text: str) -> list[int]:
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


def voice_id(name: str | None) -> int:
    """The id of a way of speaking; an unknown name, or None, is the first."""
    return FIRST_VOICE + (VOICES.index(name) if name in VOICES else 0)


def codes(tokens: Tokens) -> list[int]:
    """The embedded model's ids of sound."""
    return [int(i) for i in tokens.ids - _SHIFT]


def tokens(ids: Sequence[int]) -> np.ndarray:
    """Audio ids int64 of the published vocabulary among the embedded model's `ids`; text and phones are left out."""
    line = np.asarray(ids, np.int64)
    return line[line >= NANO.text] + _SHIFT


# How text and sound are interleaved, word by word. Hearing: after the codes and phones of each group, the characters of
# the words that have ended, then LISTEN. Speaking: NEXT asks for a word; its characters are given, its phones thought
# up to THINK_END, and then the phones one by one before their sound. NOTHING answers NEXT when no word is left.
LISTEN, NEXT, NOTHING = Symbol.TEXT_END, Symbol.TEXT_START, Symbol.END


def hearing(answer: bool = False) -> list[int]:
    """How hearing begins; with `answer`, a call follows the last word where it was a question."""
    return [Symbol.AQTA if answer else Symbol.ASR, Symbol.AUDIO_START]


def onsets(logs_TC: np.ndarray) -> list[tuple[int, int]]:
    """The phones that ears found (their log-probabilities [6G, 40]), as (phone id, group)."""
    return [(phone_id(phone), group) for phone, group in phone_recognizer.onsets(logs_TC)]


def speaking(voice: str | None = None) -> list[int]:
    """How speaking begins, in the way of a voice."""
    return [Symbol.TTS, voice_id(voice), Symbol.AUDIO_START]


def word(text: str) -> list[int]:
    """A word's characters and the space that ends it."""
    return characters(text + " ")


def asking(text: str) -> list[int]:
    """The prompt to turn a written question into a call."""
    return [Symbol.TQAA, Symbol.TEXT_START, *characters(text), Symbol.TEXT_END]


def call(text: str) -> list[int]:
    """A call, as the model writes it after a question."""
    return [Symbol.CALL_START, *characters(text), Symbol.CALL_END]
