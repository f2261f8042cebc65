"""Finite scalar quantisation: a code is a few digits of four levels each (Mentzer et al. 2023, arXiv 2309.15505).

Sizes and rates are Step-Audio's: linguistic 4^5 = 1,024 codes at 16.67 Hz, semantic 4^6 = 4,096 at 25 Hz. Networks take
the digits as values in [-1, 1], so that neighbouring codes are similar inputs and 5,120 codes share statistics; zero
means "no code".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.voice.vocab import VOCAB

LEVELS = 4


@dataclass(frozen=True, slots=True)
class Codebook:
    """One codebook: the digits of a code, and the codes of a group of 120 ms."""

    name: str
    digits: int
    per_group: int

    @property
    def size(self) -> int:
        """The number of codes."""
        return LEVELS**self.digits

    @property
    def rate_hz(self) -> float:
        """Codes per second."""
        return self.per_group * 1000 / VOCAB.group_ms

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Digit values float32 [T, digits] in {-1, -1/3, 1/3, 1} of codes int [T]; the first digit is the lowest."""
        powers = LEVELS ** np.arange(self.digits)
        levels = (np.asarray(codes)[:, None] // powers) % LEVELS
        return (levels * (2 / (LEVELS - 1)) - 1).astype(np.float32)

    def codes(self, values: np.ndarray) -> np.ndarray:
        """Codes int32 [T] of digit values [T, digits]."""
        levels = np.rint((np.asarray(values) + 1) * ((LEVELS - 1) / 2)).astype(np.int64)
        return (levels * LEVELS ** np.arange(self.digits)).sum(-1).astype(np.int32)


LINGUISTIC = Codebook("linguistic", digits=5, per_group=VOCAB.linguistic_per_group)
SEMANTIC = Codebook("semantic", digits=6, per_group=VOCAB.semantic_per_group)
GROUP_VALUES = LINGUISTIC.digits * LINGUISTIC.per_group + SEMANTIC.digits * SEMANTIC.per_group  # 28
