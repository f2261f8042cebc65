"""The symbols that Kokoro reads: their numbers, and how espeak-ng's IPA is written in them.

The numbers are those of the model's own configuration. The diphthongs are one letter each, as the model's makers
document it for their phonemizer; the tables are ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from roundelay.voice.text.phonemizer import Phonemizer
from roundelay.voice.text.phrases import PARAGRAPH, Phrase

MAX_TOKENS = 510  # of one run, without the two pads
PAD = 0
_RUNS = (
    (1, ";:,.!?"), (9, "—…\"()“” \u0303ʣʥʦʨᵝꭧAI"), (31, "O"), (33, "Q"), (35, "ST"), (39, "W"), (41, "Yᵊabcdef"),
    (50, "hijklmnopqrstuvwxyzɑɐɒæ"), (75, "βɔɕç"), (80, "ɖðʤə"), (85, "ɚɛɜ"), (90, "ɟ"), (92, "ɡ"), (99, "ɥ"),
    (101, "ɨɪʝ"), (110, "ɯɰŋɳɲɴø"), (118, "ɸθœ"), (123, "ɹ"), (125, "ɾɻ"), (128, "ʁɽʂʃʈʧ"), (135, "ʊʋ"),
    (138, "ʌɣɤ"), (142, "χʎ"), (147, "ʒʔ"), (156, "ˈˌː"), (162, "ʰ"), (164, "ʲ"), (169, "↓"), (171, "→↗↘"), (177, "ᵻ"),
)  # fmt: skip
VOCABULARY: Mapping[str, int] = {c: start + k for start, run in _RUNS for k, c in enumerate(run)}

_ALL = {"a^ɪ": "I", "a^ʊ": "W", "e^ɪ": "A", "ɔ^ɪ": "Y", "d^ʒ": "ʤ", "t^ʃ": "ʧ"}
_ENGLISH = _ALL | {
    "ə^l": "ᵊl", "ɚ": "əɹ", "ɐ": "ə", "ɾ": "T", "ʔ": "t", "r": "ɹ", "x": "k", "ç": "k", "ɬ": "l", "ʲ": "",
    "e": "A", "\u0303": "",
}  # fmt: skip
_LANGUAGE: Mapping[str, Mapping[str, str]] = {
    "en-us": _ENGLISH | {"o^ʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪ^ə": "iə", "o": "ɔ", "ː": ""},
    "en-gb": _ENGLISH | {"ə^ʊ": "Q", "o^ʊ": "Q", "e^ə": "ɛː", "i^ə": "ɪə", "o": "ɔ"},
}
_OTHER = _ALL | {"o^ʊ": "O", "ə^ʊ": "Q", "d^z": "ʣ", "t^s": "ʦ", "s^s": "S"}
_SWITCH = re.compile(r"\([a-z^-]+\)")  # espeak-ng marks words that it reads as another language's
_SYLLABIC = re.compile("(.)\u0329")


def from_ipa(ipa: str, language: str) -> str:
    """Kokoro's symbols for espeak-ng's IPA, ties written `^`; what the model does not know is left out."""
    table = _LANGUAGE.get(language, _OTHER)
    text = _SYLLABIC.sub(r"ᵊ\1", _SWITCH.sub("", ipa))
    text = _pattern(language).sub(lambda found: table[found[0]], text)
    return "".join(c for c in text if c in VOCABULARY)


def symbols(phonemizer: Phonemizer, phrases: list[Phrase], language: str) -> list[str]:
    """The symbols of each phrase, its mark behind them."""
    found = phonemizer.ipa([phrase.text for phrase in phrases], language)
    marks = ["." if phrase.mark == PARAGRAPH else phrase.mark for phrase in phrases]
    return [from_ipa(ipa, language).strip() + mark for ipa, mark in zip(found, marks, strict=True)]


def token_ids(text: str) -> list[int]:
    """The numbers of symbols, at most 510 of them."""
    return [VOCABULARY[c] for c in text][:MAX_TOKENS]


@cache
def _pattern(language: str) -> re.Pattern[str]:
    keys = sorted(_LANGUAGE.get(language, _OTHER), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, keys)))
