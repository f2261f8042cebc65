"""Texts for the TTS teachers: half sentences of a grammar, half random words of a dictionary (ours).

Every text is lower-case a-z, apostrophe and single spaces, numbers spelled out. A text of three words or more belongs
to one split, decided by its checksum, so that no sentence of `dev` or `test` is ever trained on.
"""

from __future__ import annotations

import re
import zlib
from functools import cache

import numpy as np

from roundelay.voice.data.grammar import DIGITS, RULES
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.text.pronunciations import dictionary_path

HELD_OUT_EVERY = 40  # of so many sentences one is dev and one is test
COMMON_WORDS = 6_000  # the most frequent words, drawn as often as all the others together
LEXICON_WORDS = (1, 8)  # fewest and most words of a random line
DIGITS_SHARE, WORD_SHARE = 0.08, 0.06  # of the grammar's half: digit strings, single words
_SLOT = re.compile(r"<(\w+)>")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def split_of(text: str) -> str:
    """The split a text belongs to: "train", "dev" or "test". One or two words are always "train"."""
    if text in TEST_SENTENCES:
        return "test"
    if text.count(" ") < 2:
        return "train"
    return {0: "dev", 1: "test"}.get(zlib.crc32(text.encode()) % HELD_OUT_EVERY, "train")


def clean(text: str) -> str:
    """`text` in lower case with only a-z, apostrophes inside words, and single spaces."""
    return " ".join(_WORD.findall(text.lower().replace("’", "'").replace("-", " ")))


def expand(rule: str, rng: np.random.Generator) -> str:
    """One sentence of the grammar: every <slot> replaced by an alternative drawn at random."""
    text = rule
    for _ in range(64):
        found = _SLOT.search(text)
        if not found:
            return " ".join(text.split())
        choices = RULES[found[1]]
        text = text[: found.start()] + choices[rng.integers(len(choices))] + text[found.end() :]
    raise AssertionError(f"the grammar does not end: {rule}")


@cache
def lexicon() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two word lists: the `COMMON_WORDS` likeliest words by the judge's unigrams, and all the others."""
    words = set()
    for line in dictionary_path().read_text(encoding="utf-8", errors="ignore").splitlines():
        word = line.split(" ", 1)[0]
        if _WORD.fullmatch(word) and 1 < len(word) < 15:
            words.add(word)
    from pocketsphinx import Config, LogMath, NGramModel

    model = NGramModel(Config(), LogMath(), str(dictionary_path().parent / "en-us.lm.bin"))
    ranked = sorted(words, key=lambda word: (-model.prob([word]), word))
    return tuple(ranked[:COMMON_WORDS]), tuple(sorted(ranked[COMMON_WORDS:]))


def lexicon_line(rng: np.random.Generator) -> str:
    """One to eight random words, half of them common."""
    common, rare = lexicon()
    count = rng.integers(LEXICON_WORDS[0], LEXICON_WORDS[1] + 1)
    pools = (common, rare)
    picked = (pools[int(rng.random() < 0.5)] for _ in range(count))
    return " ".join(pool[rng.integers(len(pool))] for pool in picked)


def draw(rng: np.random.Generator, split: str, lexicon_share: float) -> tuple[str, str]:
    """(text, kind) of a random line of `split`; kind is "lexicon", "grammar", "digits" or "word"."""
    while True:
        roll, kind = rng.random(), "grammar"
        if rng.random() < lexicon_share:
            text, kind = lexicon_line(rng), "lexicon"
        elif roll < DIGITS_SHARE:
            text, kind = " ".join(rng.choice(DIGITS, rng.integers(1, 9))), "digits"
        elif roll < DIGITS_SHARE + WORD_SHARE:
            text, kind = expand(RULES["word"][rng.integers(len(RULES["word"]))], rng), "word"
        else:
            text = expand("<sentence>", rng)
        if split_of(text) == split:
            return text, kind
