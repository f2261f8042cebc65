"""From logits to the next id, in numpy: bans, temperature, top-k, top-p, and the pattern audio must keep.

Every rule is a plain function from scores [V] to scores [V], -inf where an id is ruled out; the input is not
changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.tokenizer.text import Symbol
from roundelay.voice.vocab import VOCAB, Vocab

REPETITION_WINDOW, REPETITION_SHARE = 10, 0.1  # the released rule
TOP_K = 50  # the library's default, which both released calls take because neither sets it


def ban_repetition(scores_V: np.ndarray, history: Sequence[int]) -> np.ndarray:
    """Scores with the last id ruled out if it makes up over a tenth of the last ten; unchanged for fewer."""
    scores_V = np.array(scores_V, np.float32)
    recent = list(history[-REPETITION_WINDOW:])
    if len(recent) == REPETITION_WINDOW and recent.count(recent[-1]) > REPETITION_SHARE * REPETITION_WINDOW:
        scores_V[recent[-1]] = -np.inf
    return scores_V


def apply_temperature(scores_V: np.ndarray, temperature: float) -> np.ndarray:
    """Scores divided by the temperature."""
    return (scores_V / np.float32(temperature)).astype(np.float32)


def top_k(scores_V: np.ndarray, k: int) -> np.ndarray:
    """Scores with all but the k best ruled out; ties with the last of them stay."""
    least = np.partition(scores_V, -min(k, len(scores_V)))[-min(k, len(scores_V))]
    return np.where(scores_V < least, np.float32(-np.inf), scores_V)


def top_p(scores_V: np.ndarray, p: float) -> np.ndarray:
    """Scores with all but the fewest likeliest ids ruled out whose probabilities reach p; the best always stays."""
    open_ids = np.flatnonzero(np.isfinite(scores_V))  # after top-k these are few
    order = open_ids[np.argsort(scores_V[open_ids], kind="stable")]
    below = np.cumsum(probabilities(scores_V[order]), dtype=np.float32)
    out = order[:-1][below[:-1] <= 1 - p]
    scores_V = np.array(scores_V, np.float32)
    scores_V[out] = -np.inf
    return scores_V


def probabilities(scores_V: np.ndarray) -> np.ndarray:
    """Softmax in float32; raises `BadInput` when every id is ruled out."""
    best = scores_V.max()
    if not np.isfinite(best):
        raise BadInput("scores", best, "leave no id to choose; loosen the sampling rules")
    weights = np.exp(scores_V - best, dtype=np.float32)
    return weights / weights.sum(dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How ids are drawn. Temperature 0 takes the best. The defaults are the released chat call's."""

    temperature: float = 0.7
    top_k: int = TOP_K
    top_p: float = 0.9
    repetition: bool = False

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("temperature", 0 <= self.temperature <= 10, "must be 0 (the best id) to 10"),
            ("top_k", self.top_k >= 1, "must be one or more"),
            ("top_p", 0 < self.top_p <= 1, "must be above 0, at most 1"),
        ):
            if not good:
                raise BadInput(f"sampling: {name}", getattr(self, name), rule)

    def scores(self, logits_V: np.ndarray, history: Sequence[int]) -> np.ndarray:
        """Scores after all rules, in the released order: repetition, temperature, top-k, top-p."""
        scores = np.asarray(logits_V, np.float32)
        if self.repetition:
            scores = ban_repetition(scores, history)
        if self.temperature == 0:
            return scores
        scores = top_k(apply_temperature(scores, self.temperature), self.top_k)
        return scores if self.top_p == 1 else top_p(scores, self.top_p)


CHAT = Sampling()
TTS = Sampling(top_p=1.0, repetition=True)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The structure mask (ours; the release has none): audio comes in groups of two linguistic, three semantic ids.

    Inside a group only the next kind is allowed. Between groups: another group, or an id of `ends`.
    """

    vocab: Vocab = VOCAB
    ends: tuple[int, ...] = (int(Symbol.EOT),)

    def mask(self, scores_V: np.ndarray, audio: int, *, shortest: int = 0) -> np.ndarray:
        """Scores with all but the allowed ids ruled out, after `audio` ids of sound; no end before `shortest` ids."""
        place = audio % self.vocab.group
        if place < self.vocab.linguistic_per_group:
            low, high = self.vocab.linguistic_offset, self.vocab.semantic_offset
        else:
            low, high = self.vocab.semantic_offset, self.vocab.audio_end
        masked = np.full(len(scores_V), -np.inf, np.float32)
        masked[low:high] = scores_V[low:high]
        if place == 0 and audio >= shortest:
            for end in self.ends:
                masked[end] = scores_V[end]
        return masked


@dataclass(slots=True)
class Sampler:
    """Draws ids one after another; the same seed and logits give the same ids.

    With a `pattern` it draws audio; the mask is applied before the other rules, so that their probabilities are of the
    allowed ids.
    """

    rules: Sampling = CHAT
    seed: int = 0
    pattern: Pattern | None = None
    shortest: int = 0
    history: list[int] = field(default_factory=list)
    audio: int = 0
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def draw(self, logits_V: np.ndarray) -> int:
        """The next id, which is then part of the history."""
        scores = np.asarray(logits_V, np.float32)
        if self.pattern is not None:
            scores = self.pattern.mask(scores, self.audio, shortest=self.shortest)
        scores = self.rules.scores(scores, self.history)
        if self.rules.temperature == 0:
            chosen = int(scores.argmax())
        else:
            limit = np.cumsum(probabilities(scores), dtype=np.float64)
            chosen = int(np.searchsorted(limit, self._random.random() * limit[-1], side="right"))
        self.history.append(chosen)
        self.audio += 1
        return chosen
