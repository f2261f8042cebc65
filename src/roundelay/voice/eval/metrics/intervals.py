"""Confidence intervals of an error rate by the bootstrap over recordings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roundelay.voice.eval.metrics.error_rate import Errors

ROUNDS = 2_000
BLOCK = 200  # rounds drawn at a time


def interval(errors: Sequence[Errors], seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the rate over recordings, each with its errors; (0, 1) for fewer than two.

    Recordings are drawn with replacement (Efron's percentile bootstrap): the words of one depend on one another. Where
    speakers have several recordings, the interval is too narrow by as much as these depend on one another.
    """
    if len(errors) < 2:
        return 0.0, 1.0
    counts = np.array([(one.errors, one.total) for one in errors], np.float64)
    rng, rates = np.random.default_rng(seed), []
    for _ in range(ROUNDS // BLOCK):
        sums = counts[rng.integers(0, len(counts), (BLOCK, len(counts)))].sum(axis=1)
        rates.append(sums[:, 0] / np.maximum(sums[:, 1], 1))
    low, high = np.percentile(np.concatenate(rates), (2.5, 97.5))
    return float(low), float(high)
