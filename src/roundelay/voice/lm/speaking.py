"""Drawing what is said: at every group of sound first whether another phone begins, then its codes (ours).

A phone is chosen coldly, because a wrong one is a wrong word; codes are drawn warmly, because the likeliest sound is a
dull one. Bounds that a text's length sets keep a voice from running away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.voice.lm.sampling import top_k
from roundelay.voice.lm.units import NANO, PHONE_IDS
from roundelay.voice.tokenizer.text import Symbol

PHONE_TEMPERATURE, CODE_TEMPERATURE, CODES = 0.25, 0.7, 24
SLOWEST_GROUPS = 2.2  # groups of 120 ms a character may take; people and teachers need about half a group
EXTRA_GROUPS = 12
STILL_GROUPS = 9  # the longest a phone may last before another must come


@dataclass(slots=True)
class Speaking:
    """Draws the ids that follow a prompt to say `characters` characters; give its answer back as the next token.

    `done` becomes true when the text has ended. The same seed and logits give the same ids.
    """

    characters: int
    seed: int = 0
    done: bool = False
    groups: int = 0
    phones: int = 0
    still: int = 0
    place: int = 0
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    @property
    def longest(self) -> int:
        """Groups after which the text is over, whatever the model thinks."""
        return int(self.characters * SLOWEST_GROUPS) + EXTRA_GROUPS

    def draw(self, logits_V: np.ndarray) -> int:
        """The next id: a phone, a code, or EOT."""
        if self.place == 0:
            chosen = self._begin(logits_V)
            if chosen is not None:
                return chosen
        first = NANO.linguistic_offset if self.place < NANO.linguistic_per_group else NANO.semantic_offset
        last = NANO.semantic_offset if self.place < NANO.linguistic_per_group else NANO.audio_end
        code = first + self._pick(top_k(logits_V[first:last] / CODE_TEMPERATURE, CODES))
        self.place = (self.place + 1) % NANO.group
        if self.place == 0:
            self.groups += 1
            self.still += 1
        return code

    def _begin(self, logits_V: np.ndarray) -> int | None:
        """Between two groups: a phone, the end, or None for sound."""
        if self.groups >= self.longest:
            self.done = True
            return int(Symbol.EOT)
        sound = logits_V[NANO.linguistic_offset : NANO.semantic_offset]
        best = float(sound.max())
        sound_mass = best + float(np.log(np.exp(sound - best).sum()))
        scores = np.concatenate([logits_V[PHONE_IDS.start : PHONE_IDS.stop], [logits_V[Symbol.EOT], sound_mass]])
        if self.still >= STILL_GROUPS:
            scores[-1] = -np.inf  # say something, or stop
        if not self.groups:
            scores[-2] = -np.inf
        choice = self._pick(scores / PHONE_TEMPERATURE)
        if choice == len(PHONE_IDS) + 1:
            return None
        self.still = 0
        if choice == len(PHONE_IDS):
            self.done = True
            return int(Symbol.EOT)
        self.phones += 1
        return PHONE_IDS.start + choice

    def _pick(self, scores: np.ndarray) -> int:
        chances = np.exp(scores - scores.max())
        limit = np.cumsum(chances, dtype=np.float64)
        return int(np.searchsorted(limit, self._random.random() * limit[-1], side="right"))
