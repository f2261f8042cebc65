"""Whether somebody has asked all he wanted to ask, from his words alone (ours).

Two witnesses: how often the n-gram has seen a sentence end there, and how near the words are to a question that is
known. Either alone is fooled: "what time" is nearly a known question, and after "how many feet" many a sentence ends.
"""

from __future__ import annotations

import math

from roundelay.voice.engines.nano.ctc_decoder import sentence_end_probability
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.nlu.understand import nearest

LEAST = 1e-6  # a probability of an end below this says no more
# Logistic regression on dev questions and their beginnings; the bias is lower than it found, for a voice that speaks
# too early is worse than one that waits (results/turn-end, which judges it on the phrasings held out).
BIAS, EXPECTED, FAR = 3.5, 1.5, 6.2
# Where any answer is possible there is the n-gram alone.
BIAS_ALONE, EXPECTED_ALONE = 2.4, 3.0


def complete(words: Lexicon, text: str, known: bool = True) -> float:
    """How probable (0 to 1) it is that nothing must follow normalised words.

    `known`: only questions of the domain will be answered, so that what is none is waited for.
    """
    expected = math.log10(max(sentence_end_probability(words, text), LEAST))
    alone = BIAS_ALONE + EXPECTED_ALONE * expected
    odds = BIAS + EXPECTED * expected - FAR * nearest(text)[1] if known else alone
    return 1 / (1 + math.exp(-odds))
