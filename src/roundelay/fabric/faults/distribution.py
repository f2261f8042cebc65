"""How long a whole number, such as GPUs usable or servers down, has each of its values: a distribution over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution over time: `values` int64 [V] ascending, and the share of time [V] each value holds."""

    values: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, weight: np.ndarray) -> Distribution:
        """Return the distribution of `values` [N] weighted by `weight` [N]; weightless ones are dropped."""
        low = int(values.min())
        total = np.bincount(values - low, weights=weight)
        held = np.flatnonzero(total > 0)
        return cls(held + low, total[held] / total.sum())

    @classmethod
    def pool(cls, parts: Sequence[Distribution]) -> Distribution:
        """Return the mixture of distributions, each with equal weight."""
        values = np.concatenate([part.values for part in parts])
        return cls.of(values, np.concatenate([part.share for part in parts]))

    @property
    def mean(self) -> float:
        return float(self.values @ self.share)

    @property
    def deviation(self) -> float:
        """The standard deviation over time."""
        return float(((self.values - self.mean) ** 2 @ self.share) ** 0.5)

    def below(self, limit: float) -> float:
        """Return the share of time in which the value is under `limit`."""
        return float(self.share[self.values < limit - 1e-9].sum())

    def quantile(self, q: float) -> int:
        """Return the smallest value not exceeded for a share q of the time."""
        index = int(np.searchsorted(np.cumsum(self.share), q - 1e-12))
        return int(self.values[min(index, len(self.values) - 1)])
