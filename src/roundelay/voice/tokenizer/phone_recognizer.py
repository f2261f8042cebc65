"""Phone recognition on audio tokens by CTC: from either codebook alone, and jointly from both (ours).

The single-codebook recognizers were trained with the tokenizer and show how much of the words a codebook keeps; the
nano engine recognises speech with the joint one.
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
BOOKS = (LINGUISTIC, SEMANTIC)
PIECE_GROUPS = 250  # half a minute is recognised at a time


@dataclass(frozen=True, slots=True)
class PhoneRecognizer:
    """Recognises phones from either codebook alone, and from both."""

    network: Graph

    @classmethod
    def load(cls, weights: Path | None = None) -> PhoneRecognizer:
        """The recognizer in the package, or in a folder of weights."""
        return cls(graph("phone_recognizer", weights))

    def phones_by_codebook(self, tokens: Tokens) -> tuple[list[str], list[str], list[str]]:
        """The phones in the linguistic codes, in the semantic ones, and in both, by greedy CTC."""
        first, second, both = (collapse(logs.argmax(-1)) for logs in self._logs(tokens))
        return first, second, both

    def recognize(self, tokens: Tokens) -> np.ndarray:
        """Log-probabilities float32 [6G, 40] of every 20 ms step, from both codebooks; class 0 is CTC's blank."""
        return self._logs(tokens)[2]

    def _logs(self, tokens: Tokens) -> list[np.ndarray]:
        values = [book.values(codes) for book, codes in zip(BOOKS, tokens.split(), strict=True)]
        pieces: list[list[np.ndarray]] = [[np.zeros((0, len(PHONES) + 1), np.float32)] for _ in range(3)]
        for at in range(0, tokens.groups, PIECE_GROUPS):
            first, second = (
                v[None, at * b.per_group : (at + PIECE_GROUPS) * b.per_group]
                for v, b in zip(values, BOOKS, strict=True)
            )
            for kept, logs in zip(pieces, self.network(linguistic=first, semantic=second), strict=True):
                kept.append(logs[0])
        return [np.concatenate(kept) for kept in pieces]


def onsets(logs_TC: np.ndarray) -> list[tuple[str, int]]:
    """The phones of log-probabilities [6G, 40] (greedy CTC), each with the group of 120 ms in which it begins."""
    best = logs_TC.argmax(-1)
    begins = np.flatnonzero(np.diff(best, prepend=-1))
    return [(PHONES[best[at] - 1], int(at) // STEPS) for at in begins if best[at]]


def collapse(best_T: np.ndarray) -> list[str]:
    """The phones of the best classes [T]: repeats joined, blanks left out."""
    kept = best_T[np.flatnonzero(np.diff(best_T, prepend=-1))]
    return [PHONES[c - 1] for c in kept if c]
