"""Speech generation of the nano model: for each word its phones, then phones and codec codes group by group (ours).

Phones are sampled at a low temperature, since a wrong phone is a wrong word; codes at a slightly higher one. Bounds set
by the text stop the model from running on or losing its place.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np

from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.vocabulary import NANO, PHONE_IDS
from roundelay.voice.interfaces import never
from roundelay.voice.lm.engine import Engine, Session, extend
from roundelay.voice.lm.sampling import top_k
from roundelay.voice.tokenizer.text import Symbol

PHONE_TEMPERATURE, CODE_TEMPERATURE, TOP_CODES = 0.25, 0.2, 24  # tuned on dev lines (docs/log.md)
MAX_GROUPS_PER_CHARACTER = 2.2  # groups of 120 ms; human speakers and TTS teachers need about half a group
EXTRA_GROUPS = 12  # beyond that, of an utterance
RERANK_WORDS = 2  # words generated between two rerankings
LONG_GROUPS_PER_PHONE = 1.2  # mean duration from which a phone is too long; the teachers' is 0.7
DURATION_PENALTY_NATS = 0.3  # a phone, for every group beyond `LONG_GROUPS_PER_PHONE`, at reranking
MAX_GROUPS_PER_PHONE = 4  # as long as the longest of 178,000 phones of the teachers
STEPS_PER_S = 50  # of the phone recognizer
MAX_GAP_S = 0.6  # without a recognised phone inside a rendering: a stretch with a longer one is made again
MORE_ROUNDS = 2  # times that a stretch with a gap is made again, at a candidate more each, before words are split off

Recognize = Callable[[list[list[int]]], np.ndarray]  # groups of codes to phone log-probabilities [T, 40] at 50 Hz


@dataclass(slots=True)
class SpeechGenerator:
    """Generates the codes of `words` on an empty session, in groups of five.

    The same seed, words and engine give the same codes. `cancelled` is asked before every token. `pronunciations` gives
    a word's pronunciations as phone classes: the model chooses among them, and freely where there are none.
    """

    engine: Engine[Any]
    session: Session[Any]
    words: Sequence[str]
    seed: int = 0
    cancelled: Callable[[], bool] = never
    pronunciations: Callable[[str], Sequence[tuple[int, ...]]] = lambda word: ()
    given: int = 0  # words fed to the model; one more than there are once it was told that none is left
    expected: list[int] = field(default_factory=list)  # phones of the words given, not emitted yet
    emitted: list[int] = field(default_factory=list)  # phones whose sound was generated, or is next
    groups_in_phone: int = 0
    groups: int = 0
    done: bool = False
    _logits: np.ndarray | None = field(default=None, repr=False)
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def begin(self, voice: str | None) -> None:
        """Feed the prompt with the speaking style of a voice."""
        self._logits = self._feed(vocabulary.speech_prompt(voice))

    def branch(self, number: int) -> SpeechGenerator:
        """A copy at the same place in the same words, with a random stream of its own."""
        other = replace(
            self, session=self.engine.fork(self.session), expected=[*self.expected], emitted=[*self.emitted]
        )
        other._random = np.random.default_rng([self.seed, self.groups, number])
        return other

    def remaining_words(self) -> Sequence[str]:
        """The words not generated, or not to their end, because the session or the length bound was exhausted."""
        if self.given > len(self.words):
            return []
        cut = self._logits is None or bool(self.expected)
        return self.words[max(0, self.given - cut) :]

    def generate_until(self, given: int) -> list[list[int]]:
        """The next groups of codes, until `given` words have been generated; all the rest where there are no more."""
        limit = int(sum(len(word) + 1 for word in self.words) * MAX_GROUPS_PER_CHARACTER) + EXTRA_GROUPS
        groups: list[list[int]] = []
        while not self.done and self.groups < limit:
            while self._logits is not None:  # between two groups: words, phones, the end
                token = self._between_groups(self._logits)
                if token is None:
                    break
                if token == Symbol.EOT:
                    self.done = True
                    return groups
                if token == vocabulary.NEXT_WORD and given <= self.given < len(self.words) and groups:
                    return groups
                self._logits = self._feed_word() if token == vocabulary.NEXT_WORD else self._feed([token])
            group: list[int] = []
            while self._logits is not None and len(group) < NANO.group:
                group.append(self._code(self._logits, len(group)))
                self._logits = self._feed(group[-1:])
            if self._logits is None:
                break
            self.groups_in_phone += 1
            self.groups += 1
            groups.append(group)
        self.done = True
        return groups

    def _feed(self, ids: Sequence[int]) -> np.ndarray | None:
        return extend(self.engine, self.session, ids, self.cancelled)

    def _feed_word(self) -> np.ndarray | None:
        """Feed the next word and let the model write its phones; `NO_MORE_WORDS` where none is left."""
        if self.given >= len(self.words):
            self.given += 1
            return self._feed([vocabulary.NEXT_WORD, vocabulary.NO_MORE_WORDS])
        word = self.words[self.given]
        self.given += 1
        logits = self._feed([vocabulary.NEXT_WORD, *vocabulary.word_ids(word)])
        fitting = [tuple(PHONE_IDS.start + phone for phone in phones) for phones in self.pronunciations(word)]
        for place in range(max(2 * len(word), *map(len, fitting), 0) + 2):
            if logits is None:
                return None
            nexts = sorted({ids[place] for ids in fitting if len(ids) > place}) if fitting else list(PHONE_IDS)
            phone = nexts[int(np.argmax(logits[nexts]))] if nexts else Symbol.THINK_END
            may_end = not fitting or any(len(ids) == place for ids in fitting)
            if may_end and logits[Symbol.THINK_END] >= logits[phone]:
                break
            fitting = [ids for ids in fitting if len(ids) > place and ids[place] == phone]
            self.expected.append(phone)
            logits = self._feed([phone])
        return self._feed([Symbol.THINK_END])

    def _between_groups(self, logits_V: np.ndarray) -> int | None:
        """The choice between two groups: a phone, `NEXT_WORD`, the end, or None for a group of codes."""
        sound = logits_V[NANO.linguistic_offset : NANO.semantic_offset]
        best = float(sound.max())
        mass = best + float(np.log(np.exp(sound - best).sum()))
        no_more = self.given > len(self.words)
        scores = np.concatenate(
            [logits_V[PHONE_IDS.start : PHONE_IDS.stop], [logits_V[vocabulary.NEXT_WORD], logits_V[Symbol.EOT], mass]]
        )
        phones, (asks, ends, sounds) = slice(0, len(PHONE_IDS)), range(len(PHONE_IDS), len(PHONE_IDS) + 3)
        if self.expected:  # a word ends after its last phone: the next phone, or the sound of those emitted
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
            scores[asks] = -np.inf if no_more else scores[asks]
            scores[ends] = scores[ends] if no_more and self.groups else -np.inf
        if self.groups_in_phone >= MAX_GROUPS_PER_PHONE:
            scores[sounds] = scores[vocabulary.PAUSE - PHONE_IDS.start] = -np.inf  # another pause would not advance
            if no_more and not self.expected:
                return int(Symbol.EOT)
        choice = self._sample(scores / PHONE_TEMPERATURE)
        if choice == sounds:
            return None
        if choice != vocabulary.PAUSE - PHONE_IDS.start:
            self.groups_in_phone = 0
        if choice == asks:
            return int(vocabulary.NEXT_WORD)
        if choice == ends:
            return int(Symbol.EOT)
        if self.expected and choice == self.expected[0] - PHONE_IDS.start:
            self.expected.pop(0)
        self.emitted.append(PHONE_IDS.start + choice)
        return PHONE_IDS.start + choice

    def _code(self, logits_V: np.ndarray, place: int) -> int:
        linguistic = place < NANO.linguistic_per_group
        first = NANO.linguistic_offset if linguistic else NANO.semantic_offset
        last = NANO.semantic_offset if linguistic else NANO.audio_end
        return first + self._sample(top_k(logits_V[first:last] / CODE_TEMPERATURE, TOP_CODES))

    def _sample(self, scores: np.ndarray) -> int:
        weights = np.exp(scores - scores.max())
        limit = np.cumsum(weights, dtype=np.float64)
        return int(np.searchsorted(limit, self._random.random() * limit[-1], side="right"))


def generate(
    generator: SpeechGenerator, voice: str | None, recognize: Recognize, candidates: Callable[[int], int]
) -> Iterator[list[int]]:
    """Yield the groups of codes of all words, in the speaking style of a voice; see `best_of_n`.

    Words that do not fit into a session are generated in another one.
    """
    while True:
        generator.begin(voice)
        remaining = yield from best_of_n(generator, recognize, candidates)
        # A session in which no word was generated would not do better again: its first word is given up.
        words = remaining if len(remaining) < len(generator.words) else remaining[1:]
        if not words or generator.cancelled():
            return
        generator = SpeechGenerator(
            generator.engine,
            generator.engine.open(),
            words,
            generator.seed,
            generator.cancelled,
            generator.pronunciations,
        )


def best_of_n(
    generator: SpeechGenerator, recognize: Recognize, candidates: Callable[[int], int]
) -> Generator[list[int], None, Sequence[str]]:
    """Yield groups of codes, the best of several candidates for every `RERANK_WORDS` words: the one in which the phone
    recognizer finds the intended phones best (`ctc_score`), less a penalty for slow speech (ours).

    `candidates(n)` is how many are generated for the n-th stretch of words, counted from 0. Stretches in which all
    candidates hold a gap above `MAX_GAP_S` are made again, at last by leaving their words to another session. Returns
    the words that are left.
    """
    previous: list[list[int]] = []
    scored_from = number = 0
    while not generator.done:
        count, number = max(1, candidates(number)), number + 1
        given, first = generator.given + RERANK_WORDS, len(generator.emitted)
        begun, at = generator.branch(0), ((first, scored_from), previous)
        branches = [generator] if count == 1 else [begun.branch(n) for n in range(count)]
        made = [_render(branch, given, *at, recognize) for branch in branches]
        for more in range(MORE_ROUNDS):
            if min(each.gap_s for each in made) <= MAX_GAP_S or generator.cancelled():
                break
            fresh = [begun.branch(count * (more + 1) + n) for n in range(count + 1)]
            made += [_render(branch, given, *at, recognize) for branch in fresh]
        best = max(made, key=lambda each: each.rank)
        if best.gap_s > MAX_GAP_S and previous and not generator.cancelled():
            return begun.remaining_words()  # another session may do better
        generator, previous, scored_from = best.generator, best.groups, first
        yield from best.groups
    return generator.remaining_words()


@dataclass(frozen=True, slots=True)
class _Rendering:
    """A candidate of a stretch of words: what was generated, and how good it is."""

    generator: SpeechGenerator
    groups: list[list[int]]
    score: float
    gap_s: float

    @property
    def rank(self) -> tuple[float, float]:
        """Candidates without a long gap come first, then the score."""
        return -max(0.0, self.gap_s - MAX_GAP_S), self.score


def _render(
    branch: SpeechGenerator,
    given: int,
    starts: tuple[int, int],
    previous: list[list[int]],
    recognize: Recognize,
) -> _Rendering:
    """A branch's groups until `given` words; `starts` are the phones emitted before them, and before `previous`."""
    first, scored_from = starts
    groups = branch.generate_until(given)
    logs = recognize([*previous, *groups])
    phones = branch.emitted[scored_from : None if branch.done else -1]  # the last one's sound comes next
    excess = len(groups) - LONG_GROUPS_PER_PHONE * (len(branch.emitted) - first) - LONG_GROUPS_PER_PHONE
    score = ctc_score(logs, [i - PHONE_IDS.start for i in phones]) - DURATION_PENALTY_NATS * max(0.0, excess)
    return _Rendering(branch, groups, score, longest_gap_s(logs, len(previous)))


def longest_gap_s(logs_TC: np.ndarray, groups_before: int = 0) -> float:
    """The longest time without a phone in log-probabilities [6G, 40], in seconds, that ends after `groups_before`."""
    steps_before = 6 * groups_before
    if not len(logs_TC):
        return 0.0
    ends = np.flatnonzero(np.append(np.argmax(logs_TC, axis=1) != 0, True))
    starts = np.concatenate([[-1], ends[:-1]])
    gaps = [int(end - start - 1) for start, end in zip(starts, ends, strict=True) if end > steps_before]
    return max(gaps, default=0) / STEPS_PER_S


def ctc_score(logs_TC: np.ndarray, classes: Sequence[int]) -> float:
    """The CTC log-likelihood of phone classes in log-probabilities [T, 40], a phone; class 0, a pause, is left out."""
    labels = np.array([c for c in classes if c], np.int64)
    return _likelihood(np.ascontiguousarray(logs_TC, np.float64), labels) / (len(labels) + 1)


@numba.njit(cache=True, nogil=True)
def _likelihood(logs: np.ndarray, labels: np.ndarray) -> float:
    """The log-likelihood of labels by CTC's forward algorithm."""
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
