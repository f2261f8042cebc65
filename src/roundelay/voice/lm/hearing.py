"""Writing down what is heard, while it is heard: words appear about a fifth of a second after they end (ours)."""

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


@dataclass(slots=True)
class Hearing:
    """One utterance being written down, on an empty session; `cancelled` is asked before every token."""

    engine: Engine[Any]
    session: Session[Any]
    question: bool = False
    cancelled: Callable[[], bool] = lambda: False
    written: list[int] = field(default_factory=list)
    waiting: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.waiting = units.hearing(self.question)

    @property
    def text(self) -> str:
        """The words so far."""
        return " ".join(units.text_of(self.written).split())

    def group(self, codes: Sequence[int], phones: Sequence[int]) -> None:
        """Hear 120 ms: its five codes and the ids of the phones that begin in it; write the words that ended."""
        logits = self._feed([*self.waiting, *codes, *phones])
        for _ in range(MOST):
            if logits is None:
                break
            token = _likeliest(logits, (units.LISTEN,))
            if token == units.LISTEN:
                break
            self.written.append(token)
            logits = self._feed([token])
        self.waiting = [units.LISTEN]

    def finish(self) -> tuple[str, str]:
        """All words, and the call that follows where it was a question (empty: none)."""
        logits = self._feed([*self.waiting, Symbol.AUDIO_END])
        ends = (Symbol.EOT, Symbol.CALL_START) if self.question else (Symbol.EOT,)
        token = -1
        for _ in range(LAST):
            if logits is None:
                break
            token = _likeliest(logits, ends)
            if token in ends:
                break
            self.written.append(token)
            logits = self._feed([token])
        call: list[int] = []
        if token == Symbol.CALL_START:
            logits = self._feed([token])
            for _ in range(LONGEST_CALL):
                if logits is None:
                    break
                token = _likeliest(logits, (Symbol.CALL_END,))
                if token == Symbol.CALL_END:
                    break
                call.append(token)
                logits = self._feed([token])
        return self.text, units.text_of(call).strip()

    def _feed(self, ids: Sequence[int]) -> np.ndarray | None:
        return extend(self.engine, self.session, ids, self.cancelled)


def _likeliest(logits_V: np.ndarray, others: Sequence[int]) -> int:
    """The likeliest of all characters and of some control symbols."""
    first = units.FIRST_CHARACTER
    best = first + int(np.argmax(logits_V[first : first + len(units.CHARACTERS)]))
    return max((best, *map(int, others)), key=lambda i: float(logits_V[i]))
