"""How sure the recognizer is: a logistic regression on the search's score and the entropy of the phones (ours).

Fitted by words right on 170 recordings of people, dev split (telephone and read sentences): correlation with the share
of words right 0.63 in five-fold cross-validation, area under the curve of four words of five right 0.83.
"""

from __future__ import annotations

import math

import numpy as np

from roundelay.voice.engines.nano.ctc_decoder import Hypothesis

BIAS, SCORE, ENTROPY = 21.7, 10.1, -2.2  # of the log odds; SCORE per nat a step, ENTROPY per nat
ALTERNATIVE_NATS = 2.5  # a transcription no further behind the best is nearly as likely
SEARCHED = 5  # transcriptions looked at


def confidence(best: Hypothesis, logs_TC: np.ndarray) -> float:
    """The confidence (0 to 1) in the best transcription of phone log-probabilities [T, 40] (0: blank)."""
    p_TC = np.exp(np.asarray(logs_TC, np.float64))
    spoken_TC = p_TC[p_TC.argmax(1) != 0]
    entropy = float(-(spoken_TC * np.log(spoken_TC + 1e-12)).sum(1).mean()) if len(spoken_TC) else 0.0
    odds = BIAS + SCORE * best.score / len(p_TC) + ENTROPY * entropy
    return 1 / (1 + math.exp(-odds))


def alternatives(found: list[Hypothesis]) -> tuple[str, ...]:
    """The texts of the transcriptions nearly as likely as the first."""
    return tuple(one.text for one in found[1:] if found[0].score - one.score <= ALTERNATIVE_NATS)
