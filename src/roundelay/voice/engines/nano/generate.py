"""Saying words: which is asked for, how it sounds, and then phones and codes, group by group (ours).

A phone is chosen coldly, because a wrong one is a wrong word; codes are drawn a little warmer. Bounds that the text
sets keep a voice from running away or losing its place.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np

from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.vocabulary import NANO, PHONE_IDS
from roundelay.voice.lm.engine import Engine, Session, extend, never
from roundelay.voice.lm.sampling import top_k
from roundelay.voice.tokenizer.text import Symbol

PHONE_TEMPERATURE, CODE_TEMPERATURE, CODES = 0.25, 0.2, 24  # chosen on dev lines (docs/log.md)
SLOWEST_GROUPS = 2.2  # groups of 120 ms a character may take; people and teachers need about half a group
EXTRA_GROUPS = 12
STRETCH = 2  # words said before it is listened to how they were said
LONG_GROUPS = 1.2  # a phone may take on an average; teachers' take 0.7
DRAWL = 0.3  # nats a phone that each group beyond costs where ways of saying the same are weighed
STILL_GROUPS = 4  # from one phone to the next at most: as long as the longest of 178,000 of the teachers'


Listen = Callable[[list[list[int]]], np.ndarray]  # groups of codes to log-probabilities [T, 40] of phones at 50 Hz


@dataclass(slots=True)
class Speaking:
    """One voice saying `words`, on an empty session; codes come group by group, five by five.

    The same seed, words and engine give the same codes. `cancelled` is asked before every token. `ways` gives how a
    word may be said, in classes of phones: the model chooses among them, and freely where there are none.
    """

    engine: Engine[Any]
    session: Session[Any]
    words: Sequence[str]
    seed: int = 0
    cancelled: Callable[[], bool] = never
    ways: Callable[[str], Sequence[tuple[int, ...]]] = lambda word: ()
    given: int = 0
    expected: list[int] = field(default_factory=list)  # phones thought of words given, not yet said
    said: list[int] = field(default_factory=list)  # phones that have sounded, or are about to
    still: int = 0
    made: int = 0  # groups
    done: bool = False
    _logits: np.ndarray | None = field(default=None, repr=False)
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def begin(self, voice: str | None) -> None:
        """Take on the way of speaking that goes with a voice."""
        self._logits = self._feed(vocabulary.speaking(voice))

    def branch(self, number: int) -> Speaking:
        """Another voice at the same place in the same words, which goes on by chance of its own."""
        other = replace(self, session=self.engine.fork(self.session), expected=[*self.expected], said=[*self.said])
        other._random = np.random.default_rng([self.seed, self.made, number])
        return other

    def left(self) -> Sequence[str]:
        """The words that were not said, or not to their end, when it was done: the session, or the time, ran out."""
        if self.given > len(self.words):
            return []
        cut = self._logits is None or bool(self.expected)
        return self.words[max(0, self.given - cut) :]

    def until(self, given: int) -> list[list[int]]:
        """The next groups of codes, until `given` words have been said; all that are left where there are no more."""
        longest = int(sum(len(word) + 1 for word in self.words) * SLOWEST_GROUPS) + EXTRA_GROUPS
        groups: list[list[int]] = []
        while not self.done and self.made < longest:
            while self._logits is not None:  # between two groups: words, phones, the end
                token = self._begin(self._logits)
                if token is None:
                    break
                if token == Symbol.EOT:
                    self.done = True
                    return groups
                if token == vocabulary.NEXT and given <= self.given < len(self.words) and groups:
                    return groups
                self._logits = self._give() if token == vocabulary.NEXT else self._feed([token])
            group: list[int] = []
            while self._logits is not None and len(group) < NANO.group:
                group.append(self._code(self._logits, len(group)))
                self._logits = self._feed(group[-1:])
            if self._logits is None:
                break
            self.still += 1
            self.made += 1
            groups.append(group)
        self.done = True
        return groups

    def _feed(self, ids: Sequence[int]) -> np.ndarray | None:
        return extend(self.engine, self.session, ids, self.cancelled)

    def _give(self) -> np.ndarray | None:
        """Give the next word and let its phones be thought; `NOTHING` where none is left."""
        if self.given >= len(self.words):
            self.given += 1
            return self._feed([vocabulary.NEXT, vocabulary.NOTHING])
        word = self.words[self.given]
        self.given += 1
        logits = self._feed([vocabulary.NEXT, *vocabulary.word(word)])
        left = [tuple(PHONE_IDS.start + phone for phone in way) for way in self.ways(word)]
        for place in range(max(2 * len(word), *map(len, left), 0) + 2):
            if logits is None:
                return None
            nexts = sorted({way[place] for way in left if len(way) > place}) if left else list(PHONE_IDS)
            phone = nexts[int(np.argmax(logits[nexts]))] if nexts else Symbol.THINK_END
            may_end = not left or any(len(way) == place for way in left)
            if may_end and logits[Symbol.THINK_END] >= logits[phone]:
                break
            left = [way for way in left if len(way) > place and way[place] == phone]
            self.expected.append(phone)
            logits = self._feed([phone])
        return self._feed([Symbol.THINK_END])

    def _begin(self, logits_V: np.ndarray) -> int | None:
        """Between two groups: a phone, `NEXT`, the end, or None for sound."""
        sound = logits_V[NANO.linguistic_offset : NANO.semantic_offset]
        best = float(sound.max())
        mass = best + float(np.log(np.exp(sound - best).sum()))
        over = self.given > len(self.words)
        scores = np.concatenate(
            [logits_V[PHONE_IDS.start : PHONE_IDS.stop], [logits_V[vocabulary.NEXT], logits_V[Symbol.EOT], mass]]
        )
        phones, (asks, ends, sounds) = slice(0, len(PHONE_IDS)), range(len(PHONE_IDS), len(PHONE_IDS) + 3)
        if self.expected:  # a word is not over before its phones are: the next of them, or the sound of those said
            allowed = self.expected[0] - PHONE_IDS.start
            pause = vocabulary.PAUSE - PHONE_IDS.start
            keep = scores[[allowed, pause]].copy()
            scores[phones] = -np.inf
            scores[[allowed, pause]] = keep
            scores[asks] = scores[ends] = -np.inf
        else:
            keep = scores[vocabulary.PAUSE - PHONE_IDS.start]
            scores[phones] = -np.inf
            scores[vocabulary.PAUSE - PHONE_IDS.start] = keep
            scores[asks] = -np.inf if over else scores[asks]
            scores[ends] = scores[ends] if over and self.made else -np.inf
        if self.still >= STILL_GROUPS:
            scores[sounds] = scores[vocabulary.PAUSE - PHONE_IDS.start] = -np.inf  # another pause would be no way on
            if over and not self.expected:
                return int(Symbol.EOT)
        choice = self._pick(scores / PHONE_TEMPERATURE)
        if choice == sounds:
            return None
        if choice != vocabulary.PAUSE - PHONE_IDS.start:
            self.still = 0
        if choice == asks:
            return int(vocabulary.NEXT)
        if choice == ends:
            return int(Symbol.EOT)
        if self.expected and choice == self.expected[0] - PHONE_IDS.start:
            self.expected.pop(0)
        self.said.append(PHONE_IDS.start + choice)
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


def said(speaking: Speaking, voice: str | None, hear: Listen, ways: Callable[[int], int]) -> Iterator[list[int]]:
    """Yield the groups of codes of all words, in the way of speaking that goes with a voice, as `listened` does.

    Words for which a session had no room are said in another one.
    """
    while True:
        speaking.begin(voice)
        last = yield from listened(speaking, hear, ways)
        left = last.left()
        # A session in which no word was said would not do better again: its first word is given up.
        words = left if len(left) < len(speaking.words) else left[1:]
        if not words or speaking.cancelled():
            return
        speaking = Speaking(
            speaking.engine, speaking.engine.open(), words, speaking.seed, speaking.cancelled, speaking.ways
        )


def listened(speaking: Speaking, hear: Listen, ways: Callable[[int], int]) -> Generator[list[int], None, Speaking]:
    """Yield the groups of codes of a voice that listens to itself: of several ways to say the next words, the one in
    which `hear` finds their phones best (ours). `ways(n)` is how many are tried of the n-th words, counted from 0.
    Returns the voice as it ended.
    """
    before: list[list[int]] = []
    heard_from = number = 0
    while not speaking.done:
        most, number = max(1, ways(number)), number + 1
        given, first = speaking.given + STRETCH, len(speaking.said)
        branches = [speaking.branch(way) for way in range(most)] if most > 1 else [speaking]
        made = [branch.until(given) for branch in branches]
        fits = []
        for branch, groups in zip(branches, made, strict=True) if most > 1 else ():
            phones = branch.said[heard_from : None if branch.done else -1]  # the last has not sounded yet
            late = len(groups) - LONG_GROUPS * (len(branch.said) - first) - LONG_GROUPS
            fits.append(fit(hear([*before, *groups]), [i - PHONE_IDS.start for i in phones]) - DRAWL * max(0.0, late))
        best = int(np.argmax(fits)) if fits else 0
        speaking, before, heard_from = branches[best], made[best], first
        yield from made[best]
    return speaking


def fit(logs_TC: np.ndarray, classes: Sequence[int]) -> float:
    """How well phones are heard: CTC's log-likelihood of the classes (0, a pause, is left out) by phone."""
    labels = np.array([c for c in classes if c], np.int64)
    return _likelihood(np.ascontiguousarray(logs_TC, np.float64), labels) / (len(labels) + 1)


@numba.njit(cache=True, nogil=True)
def _likelihood(logs: np.ndarray, labels: np.ndarray) -> float:
    """CTC's forward sum."""
    states = 2 * len(labels) + 1
    at = np.full(states, -1e30)
    for step in range(len(logs)):
        before = at.copy()
        for s in range(states):
            label = labels[s // 2] if s % 2 else 0
            value = before[s] if step else (0.0 if s == 0 else -1e30)
            if s > 0:
                value = np.logaddexp(value, before[s - 1] if step else (0.0 if s == 1 else -1e30))
            if s > 2 and s % 2 and labels[s // 2] != labels[s // 2 - 1] and step:
                value = np.logaddexp(value, before[s - 2])
            at[s] = value + logs[step, label]
    return np.logaddexp(at[-1], at[-2]) if states > 1 else at[-1]
