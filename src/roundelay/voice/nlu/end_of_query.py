"""End-of-query probability from text (ours).

Two features: how often an n-gram has seen a sentence end there, and the distance to the nearest known question. Either
alone is fooled: "what time" is nearly a known question, and after "how many feet" many a sentence ends.
"""

from __future__ import annotations

import math

from roundelay.voice.nlu.understand import nearest

MIN_END = 1e-6  # a smaller probability of a sentence's end says no more
# Logistic regression on dev questions and their beginnings; the bias is lower than the fit's, for to answer too early
# is worse than to wait (results/turn-end, which measures it on the phrasings held out).
BIAS, END, DISTANCE = 3.5, 1.5, 6.2
# Where any answer is possible only the n-gram counts.
OPEN_BIAS, OPEN_END = 2.4, 3.0
# Where the recogniser itself ends the sentence with a mark, and the n-gram is nearly certain, it is over in any domain.
# Chosen on pauses of people in training recordings (results/turn-end); the mark alone says little: recognisers of whole
# utterances put one behind most parts of a sentence.
MARKED_BIAS, MARKED_END = 1.6, 8.0
MIN_MARKED_WORDS = 3  # fewer are too little for the n-gram
MARKS = (".", "?", "!")


def complete(sentence_end: float, text: str, domain_only: bool = True, marked: bool = False) -> float:
    """The probability (0 to 1) that nothing must follow normalised words.

    `sentence_end` is the probability by an n-gram that a sentence ends after them. `domain_only`: only questions of the
    domain will be answered, so that other words are taken as incomplete. `marked`: the recogniser wrote the mark of a
    sentence's end behind them.
    """
    end = math.log10(max(sentence_end, MIN_END))
    odds = MARKED_BIAS + MARKED_END * end if marked else OPEN_BIAS + OPEN_END * end
    if domain_only:
        known = BIAS + END * end - DISTANCE * nearest(text)[1]
        odds = max(known, odds) if marked else known
    return 1 / (1 + math.exp(-odds))


def is_marked(text: str) -> bool:
    """Whether a recognised text of some words ends with the mark of a sentence's end; "…" and "..." say it goes on."""
    text = text.rstrip()
    return text.endswith(MARKS) and not text.endswith("..") and len(text.split()) >= MIN_MARKED_WORDS
