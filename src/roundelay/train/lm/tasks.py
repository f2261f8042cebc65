"""The examples of a training step: tasks drawn by mixture weights, utterances of similar length together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.errors import BadInput
from roundelay.train.lm.corpus import TokenizedUtterance
from roundelay.train.lm.examples import Example, continuation, pronunciation, question, recognition, spelling, synthesis
from roundelay.voice.data.asr_noise import simulate_errors
from roundelay.voice.data.questions import draw as draw_question
from roundelay.voice.data.text import draw as draw_text
from roundelay.voice.data.text import lexicon
from roundelay.voice.engines.nano.vocabulary import VOICES

SOUND_TASKS = ("hear", "speak", "go_on", "answer")
TEXT_TASKS = ("sound_out", "spell", "ask")
TASKS = SOUND_TASKS + TEXT_TASKS
MAX_LENGTH_RATIO = 1.25  # between the utterances of a batch
NO_QUESTION_SHARE = 0.15  # of the written questions: other sentences, with no call
STATEMENTS = frozenset(("he", "she", "they", "we", "i", "the", "a", "this", "my", "our", "your", "his", "her", "their"))
ASR_NOISE_SHARE = 0.25  # of the written questions: with simulated recognition errors
MAX_ASR_NOISE_RATE = 0.3  # word error rate in one of those
DICTIONARY_SHARE = 0.5  # of the text tasks: a few words of the dictionary; the others: lines like the teachers'


@dataclass(frozen=True, slots=True)
class Pool:
    """The utterances a sound task may use, shortest first, their lengths and sampling weights."""

    utterances: tuple[TokenizedUtterance, ...]
    lengths: np.ndarray
    chances: np.ndarray

    @classmethod
    def of(cls, utterances: Sequence[TokenizedUtterance], shares: Mapping[str, float]) -> Pool:
        """A pool balanced by engine: each engine's share of the audio drawn is `shares`, whatever the corpora hold."""
        kept = sorted(utterances, key=lambda one: len(one.sound))
        lengths = np.array([len(one.sound) for one in kept], float)
        held: dict[str, float] = {}
        for one, length in zip(kept, lengths, strict=True):
            held[one.engine] = held.get(one.engine, 0.0) + length
        chances = np.array([shares.get(one.engine, 0.1) / held[one.engine] for one in kept])
        return cls(tuple(kept), lengths, chances)

    def draw(self, rng: np.random.Generator, ids: int) -> list[TokenizedUtterance]:
        """Utterances of similar length, together about `ids` ids of audio."""
        sound = self.chances * self.lengths
        length = self.lengths[int(rng.choice(len(sound), p=sound / sound.sum()))]
        low, high = np.searchsorted(self.lengths, [length / MAX_LENGTH_RATIO, length + 0.5])
        chances = self.chances[low:high]
        chosen = rng.choice(np.arange(low, high), max(1, int(ids // length)), p=chances / chances.sum())
        return [self.utterances[k] for k in chosen]


class Mix:
    """Draws the examples of a step; a pure function of seed and step, so a killed run resumes to the same losses."""

    def __init__(
        self,
        utterances: Sequence[TokenizedUtterance],
        tasks: Mapping[str, float],
        shares: Mapping[str, float],
        seed: int,
    ) -> None:
        unknown = [name for name in tasks if name not in TASKS]
        if unknown:
            raise BadInput("task", unknown[0], f"is unknown; known: {', '.join(TASKS)}")
        self.seed = seed
        self.tasks = {name: share for name, share in tasks.items() if share > 0}
        train = [one for one in utterances if one.split == "train"]
        rules: dict[str, Callable[[TokenizedUtterance], bool]] = {
            "hear": lambda one: bool(one.text),
            "speak": lambda one: one.voice in VOICES and one.clean and bool(one.phones),
            "go_on": lambda one: one.groups > 4,
            "answer": lambda one: one.call is not None,
        }
        self.pools: dict[str, Pool] = {}
        for name in SOUND_TASKS:
            if name in self.tasks:
                fitting = [one for one in train if rules[name](one)]
                if not fitting:
                    raise BadInput("corpora", f"for the task {name}", "hold no utterance; build one that does")
                self.pools[name] = Pool.of(fitting, shares)

    def draw(self, step: int, ids: int) -> list[list[Example]]:
        """About `ids` ids of examples, in batches of one task and similar lengths."""
        rng = np.random.default_rng([self.seed, step])
        names = list(self.tasks)
        shares = np.array([self.tasks[name] for name in names])
        batches: list[list[Example]] = []
        left = float(ids)
        while left > 0:
            name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
            made = self._sound(name, rng, ids / 3) if name in SOUND_TASKS else self._text(name, rng, ids / 6)
            if not made:
                continue  # all words unknown to the lexicon
            batches.append(made)
            left -= sum(len(example.ids) for example in made)
        return batches

    def _sound(self, name: str, rng: np.random.Generator, ids: float) -> list[Example]:
        utterances = self.pools[name].draw(rng, int(ids * 0.6))
        if name == "go_on":
            return [continuation(one) for one in utterances]
        made = (
            synthesis(one) if name == "speak" else recognition(one, one.call if name == "answer" else None)
            for one in utterances
        )
        return [example for example in made if example is not None]

    def _text(self, name: str, rng: np.random.Generator, ids: float) -> list[Example]:
        made: list[Example] = []
        while sum(len(example.ids) for example in made) < ids:
            if name == "ask":
                made.append(_question(rng))
            else:
                example = (pronunciation if name == "sound_out" else spelling)(_line(rng))
                if example is not None:
                    made.append(example)
        return made


def _question(rng: np.random.Generator) -> Example:
    """A question and its call, sometimes with recognition errors; or another sentence, and no call."""
    while rng.random() < NO_QUESTION_SHARE:
        line, kind = draw_text(rng, "train", 0.3)
        if kind == "lexicon" or line.split()[0] in STATEMENTS:
            return question(line, "")
    drawn = draw_question(rng, "train")
    text = drawn.text
    if rng.random() < ASR_NOISE_SHARE:
        text = simulate_errors(text, float(rng.uniform(0, MAX_ASR_NOISE_RATE)), lexicon()[0], rng)
    return question(text, str(drawn.call))


def _line(rng: np.random.Generator) -> str:
    """A line for a text task: up to three words of the dictionary, or a line like the teachers'."""
    if rng.random() >= DICTIONARY_SHARE:
        return draw_text(rng, "train", 0.3)[0]
    common, rare = lexicon()
    pools = [common if rng.random() < 0.5 else rare for _ in range(int(rng.integers(1, 4)))]
    return " ".join(pool[int(rng.integers(len(pool)))] for pool in pools)
