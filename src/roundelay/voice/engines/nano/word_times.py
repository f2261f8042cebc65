"""When the words of a CTC transcription were said: between the steps at which each ended (ours)."""

from __future__ import annotations

import numpy as np

from roundelay.voice.engines.nano.ctc_decoder import Hypothesis
from roundelay.voice.interfaces import Word

STEP_S = 0.02  # of the phone recognizer


def word_times(found: Hypothesis, logs_TC: np.ndarray, start_s: float, length_s: float) -> tuple[Word, ...]:
    """The words of a transcription of phone log-probabilities [T, 40] at 50 Hz (0: blank), in a stretch of audio that
    starts at `start_s` and is `length_s` long.

    A word starts with the first phone after the word before, and lasts until its last phone has faded into a blank or
    the next word starts. CTC's peaks are short, so times are right to about a tenth of a second.
    """
    voiced = np.flatnonzero(logs_TC.argmax(-1))
    words, before = [], 0
    limits = [*(end + 1 for end in found.ends[:-1]), len(logs_TC)]
    for text, end, limit in zip(found.words, found.ends, limits, strict=True):
        own = voiced[(voiced >= before) & (voiced <= end)]
        first = int(own[0]) if len(own) else min(before, end)
        last = end + 1
        while last < limit and logs_TC[last].argmax() == logs_TC[end].argmax() != 0:
            last += 1
        words.append(
            Word(
                text,
                round(start_s + min(first * STEP_S, length_s), 3),
                round(start_s + min(last * STEP_S, length_s), 3),
            )
        )
        before = last
    return tuple(words)
