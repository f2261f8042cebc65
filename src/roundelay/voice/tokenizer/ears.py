"""Tokens to phones: the CTC readers the tokenizer was taught with. A check on what the codes still say (ours).

No language model, no lexicon: a phone error beside the teachers' own shows how much of the words a codebook keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.voice.graphs import Graph, graph
from roundelay.voice.tokenizer.fsq import LINGUISTIC, SEMANTIC
from roundelay.voice.tokens import Tokens

# Class i+1; class 0 is a pause frame by frame, and CTC's blank. The 39 phones of American English (CMU's set).
_PHONES = "aa ae ah ao aw ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh"
PHONES = tuple(_PHONES.split())
STEPS = 6  # of 20 ms in a group
PIECE_GROUPS = 250  # half a minute is read at a time


@dataclass(frozen=True, slots=True)
class Ears:
    """Reads phones from either codebook alone."""

    network: Graph

    @classmethod
    def load(cls, weights: Path | None = None) -> Ears:
        """The readers in the package, or in a folder of weights."""
        return cls(graph("ears", weights))

    def read(self, tokens: Tokens) -> tuple[list[str], list[str]]:
        """The phones read from the linguistic codes, and from the semantic ones: best class per step (greedy CTC)."""
        first, second = self._best(tokens)
        return collapse(first), collapse(second)

    def onsets(self, tokens: Tokens) -> list[tuple[str, int]]:
        """The phones read from the semantic codes, each with the group of 120 ms in which it begins."""
        best = self._best(tokens)[1]
        begins = np.flatnonzero(np.diff(best, prepend=-1))
        return [(PHONES[best[at] - 1], int(at) // STEPS) for at in begins if best[at]]

    def _best(self, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest class of every 20 ms step [6G], from either codebook."""
        values = [book.values(codes) for book, codes in zip((LINGUISTIC, SEMANTIC), tokens.split(), strict=True)]
        best: tuple[list[np.ndarray], list[np.ndarray]] = ([np.zeros(0, np.int64)], [np.zeros(0, np.int64)])
        for at in range(0, tokens.groups, PIECE_GROUPS):
            inputs = [
                v[None, at * b.per_group : (at + PIECE_GROUPS) * b.per_group]
                for v, b in zip(values, (LINGUISTIC, SEMANTIC), strict=True)
            ]
            for kept, logs in zip(best, self.network(linguistic=inputs[0], semantic=inputs[1]), strict=True):
                kept.append(logs[0].argmax(-1))
        return np.concatenate(best[0]), np.concatenate(best[1])


def collapse(best_T: np.ndarray) -> list[str]:
    """The phones of the best classes [T]: repeats joined, blanks left out."""
    kept = best_T[np.flatnonzero(np.diff(best_T, prepend=-1))]
    return [PHONES[c - 1] for c in kept if c]
