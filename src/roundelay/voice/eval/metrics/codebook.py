"""How a codebook is used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class CodeUse:
    """How a codebook is used: how many of its `size` entries occur, and the perplexity of their shares."""

    size: int
    used: int
    perplexity: float
    codes: int

    @property
    def share(self) -> float:
        """The share of entries that occur."""
        return self.used / self.size


def code_use(codes_T: np.ndarray, size: int) -> CodeUse:
    """The use of a codebook of `size` entries by the codes int [T]."""
    counts = np.bincount(codes_T, minlength=size)
    shares = counts[counts > 0] / max(1, counts.sum())
    perplexity = float(np.exp(-(shares * np.log(shares)).sum())) if shares.size else 0.0
    return CodeUse(size, int((counts > 0).sum()), perplexity, int(counts.sum()))
