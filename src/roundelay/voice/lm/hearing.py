"""Writing down what is heard, while it is heard: words appear about a fifth of a second after they end (ours).

The model writes what it hears, or weighs words that somebody else has found: each is then written where it ended, and
what the model thinks of every character is added up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roundelay.voice.lm import units
from roundelay.voice.lm.engine import Engine, Session, extend
from roundelay.voice.tokenizer.text import Symbol

MOST = 28  # characters written in one group: the longest word, and a little
LAST = 60  # characters after the sound has ended
LONGEST_CALL = 120
_WRITTEN = [*range(units.FIRST_CHARACTER, units.FIRST_CHARACTER + len(units.CHARACTERS)), int(units.LISTEN)]


@dataclass(slots=True)
class Hearing:
    """One utterance being written down, on an empty session; `cancelled` is asked before every token."""

    engine: Engine[Any]
    session: Session[Any]
    question: bool = False
    cancelled: Callable[[], bool] = lambda: False
    written: list[int] = field(default_factory=list)
    score: float = 0.0  # nats: how likely the model finds the words that were dictated
    waiting: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.waiting = units.hearing(self.question)

    @property
    def text(self) -> str:
        """The words so far."""
        return " ".join(units.text_of(self.written).split())

    def group(self, codes: Sequence[int], phones: Sequence[int], dictated: Sequence[str] | None = None) -> None:
        """Hear 120 ms: its five codes and the ids of the phones that begin in it; write the words that ended.

        Those are `dictated`, where it is given.
        """
        logits = self._feed([*self.waiting, *codes, *phones])
        if dictated is not None:
            self._weigh(logits, [*(i for word in dictated for i in units.word(word)), int(units.LISTEN)])
        else:
            self._write(logits, (units.LISTEN,), MOST)
        self.waiting = [units.LISTEN]

    def finish(self, dictated: Sequence[str] | None = None) -> tuple[str, str]:
        """All words, and the call that follows where it was a question (empty: none)."""
        logits = self._feed([*self.waiting, Symbol.AUDIO_END])
        ends = (Symbol.EOT, Symbol.CALL_START) if self.question else (Symbol.EOT,)
        end = None
        if dictated is None:
            end, logits = self._write(logits, ends, LAST)
        else:
            logits = self._weigh(logits, [i for word in dictated for i in units.word(word)])
            end = None if logits is None or not self.question else _likeliest(logits, ends)
        call: list[int] = []
        if end == Symbol.CALL_START:
            logits = self._feed([end])
            for _ in range(LONGEST_CALL):
                token = None if logits is None else _likeliest(logits, (Symbol.CALL_END,))
                if token is None or token == Symbol.CALL_END:
                    break
                call.append(token)
                logits = self._feed([token])
        return self.text, units.text_of(call).strip()

    def _write(self, logits: np.ndarray | None, ends: Sequence[int], most: int) -> tuple[int | None, np.ndarray | None]:
        """Write the likeliest characters until one of `ends`, which is given back; None where none came."""
        for _ in range(most):
            if logits is None:
                break
            token = _likeliest(logits, ends)
            if token in ends:
                return token, logits
            self.written.append(token)
            logits = self._feed([token])
        return None, logits

    def _weigh(self, logits: np.ndarray | None, ids: Sequence[int]) -> np.ndarray | None:
        """Write `ids`, adding up what the model thinks of them; a last LISTEN is weighed and waits to be fed."""
        for token in ids:
            if logits is None:
                return None
            some = logits[_WRITTEN].astype(np.float64)
            best = some.max()
            self.score += float(logits[token] - best - np.log(np.exp(some - best).sum()))
            if token != units.LISTEN:
                self.written.append(token)
                logits = self._feed([token])
        return logits

    def _feed(self, ids: Sequence[int]) -> np.ndarray | None:
        return extend(self.engine, self.session, ids, self.cancelled)


def _likeliest(logits_V: np.ndarray, others: Sequence[int]) -> int:
    """The likeliest of all characters and of some control symbols."""
    first = units.FIRST_CHARACTER
    best = first + int(np.argmax(logits_V[first : first + len(units.CHARACTERS)]))
    return max((best, *map(int, others)), key=lambda i: float(logits_V[i]))
