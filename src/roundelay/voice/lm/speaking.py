"""Saying words: which is asked for, how it sounds, and then phones and codes, group by group (ours).

A phone is chosen coldly, because a wrong one is a wrong word; codes are drawn a little warmer. Bounds that the text
sets keep a voice from running away or losing its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roundelay.voice.lm import units
from roundelay.voice.lm.engine import Engine, Session, extend
from roundelay.voice.lm.sampling import top_k
from roundelay.voice.lm.units import NANO, PHONE_IDS
from roundelay.voice.tokenizer.text import Symbol

PHONE_TEMPERATURE, CODE_TEMPERATURE, CODES = 0.25, 0.2, 24  # chosen on dev lines (docs/log.md)
SLOWEST_GROUPS = 2.2  # groups of 120 ms a character may take; people and teachers need about half a group
EXTRA_GROUPS = 12
STILL_GROUPS = 9  # the longest a phone may last before another must come


@dataclass(slots=True)
class Speaking:
    """One voice saying `words`, on a session that holds how speaking begins; `groups` yields codes five by five.

    The same seed, words and engine give the same codes. `cancelled` is asked before every token.
    """

    engine: Engine[Any]
    session: Session[Any]
    words: Sequence[str]
    seed: int = 0
    cancelled: Callable[[], bool] = lambda: False
    given: int = 0
    expected: list[int] = field(default_factory=list)  # phones thought of words given, not yet said
    still: int = 0
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def groups(self, voice: str | None) -> Iterator[list[int]]:
        """Yield the embedded model's codes of one group after another, until the words are said."""
        logits = self._feed(units.speaking(voice))
        longest = int(sum(len(word) + 1 for word in self.words) * SLOWEST_GROUPS) + EXTRA_GROUPS
        for made in range(longest):
            while logits is not None:  # between two groups: words, phones, the end
                token = self._begin(logits, made)
                if token is None:
                    break
                if token == Symbol.EOT:
                    return
                logits = self._give() if token == units.NEXT else self._feed([token])
            group: list[int] = []
            while logits is not None and len(group) < NANO.group:
                group.append(self._code(logits, len(group)))
                logits = self._feed(group[-1:])
            if logits is None:
                return
            self.still += 1
            yield group

    def _feed(self, ids: Sequence[int]) -> np.ndarray | None:
        return extend(self.engine, self.session, ids, self.cancelled)

    def _give(self) -> np.ndarray | None:
        """Give the next word and let its phones be thought; `NOTHING` where none is left."""
        if self.given >= len(self.words):
            self.given += 1
            return self._feed([units.NEXT, units.NOTHING])
        word = self.words[self.given]
        self.given += 1
        logits = self._feed([units.NEXT, *units.word(word)])
        for _ in range(2 * len(word) + 2):
            if logits is None:
                return None
            phone = PHONE_IDS.start + int(np.argmax(logits[PHONE_IDS.start : PHONE_IDS.stop]))
            if logits[Symbol.THINK_END] >= logits[phone]:
                break
            self.expected.append(phone)
            logits = self._feed([phone])
        return self._feed([Symbol.THINK_END])

    def _begin(self, logits_V: np.ndarray, made: int) -> int | None:
        """Between two groups: a phone, `NEXT`, the end, or None for sound."""
        sound = logits_V[NANO.linguistic_offset : NANO.semantic_offset]
        best = float(sound.max())
        mass = best + float(np.log(np.exp(sound - best).sum()))
        over = self.given > len(self.words)
        scores = np.concatenate(
            [logits_V[PHONE_IDS.start : PHONE_IDS.stop], [logits_V[units.NEXT], logits_V[Symbol.EOT], mass]]
        )
        phones, (asks, ends, sounds) = slice(0, len(PHONE_IDS)), range(len(PHONE_IDS), len(PHONE_IDS) + 3)
        if self.expected:  # a word is not over before its phones are: the next of them, or the sound of those said
            allowed = self.expected[0] - PHONE_IDS.start
            pause = units.PAUSE - PHONE_IDS.start
            keep = scores[[allowed, pause]].copy()
            scores[phones] = -np.inf
            scores[[allowed, pause]] = keep
            scores[asks] = scores[ends] = -np.inf
        else:
            keep = scores[units.PAUSE - PHONE_IDS.start]
            scores[phones] = -np.inf
            scores[units.PAUSE - PHONE_IDS.start] = keep
            scores[asks] = -np.inf if over else scores[asks]
            scores[ends] = scores[ends] if over and made else -np.inf
        if self.still >= STILL_GROUPS:
            scores[sounds] = -np.inf
            if over:
                return int(Symbol.EOT)
        choice = self._pick(scores / PHONE_TEMPERATURE)
        if choice == sounds:
            return None
        self.still = 0
        if choice == asks:
            return int(units.NEXT)
        if choice == ends:
            return int(Symbol.EOT)
        if self.expected and choice == self.expected[0] - PHONE_IDS.start:
            self.expected.pop(0)
        return PHONE_IDS.start + choice

    def _code(self, logits_V: np.ndarray, place: int) -> int:
        linguistic = place < NANO.linguistic_per_group
        first = NANO.linguistic_offset if linguistic else NANO.semantic_offset
        last = NANO.semantic_offset if linguistic else NANO.audio_end
        return first + self._pick(top_k(logits_V[first:last] / CODE_TEMPERATURE, CODES))

    def _pick(self, scores: np.ndarray) -> int:
        chances = np.exp(scores - scores.max())
        limit = np.cumsum(chances, dtype=np.float64)
        return int(np.searchsorted(limit, self._random.random() * limit[-1], side="right"))
