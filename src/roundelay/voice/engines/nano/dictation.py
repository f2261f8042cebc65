"""Streaming transcription by the language model alone: words appear about 200 ms after they end (ours)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.lm.engine import Engine, Session, extend
from roundelay.voice.tokenizer.text import Symbol

MAX_CHARACTERS_PER_GROUP = 28  # the longest word, and a little
MAX_CHARACTERS_AT_END = 60  # after the sound has ended


@dataclass(slots=True)
class Dictation:
    """One utterance being transcribed, on an empty session; `cancelled` is asked before every token."""

    engine: Engine[Any]
    session: Session[Any]
    cancelled: Callable[[], bool] = lambda: False
    written: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=vocabulary.recognition_prompt)

    @property
    def text(self) -> str:
        """The words so far."""
        return " ".join(vocabulary.text_of(self.written).split())

    def push_group(self, codes: Sequence[int], phones: Sequence[int]) -> None:
        """Take 120 ms, its five codes and the ids of the phones that begin in it, and write the words that ended."""
        self._write([*codes, *phones], vocabulary.NEXT_GROUP, MAX_CHARACTERS_PER_GROUP)
        self.waiting = [vocabulary.NEXT_GROUP]

    def finish(self) -> str:
        """All words."""
        self._write([Symbol.AUDIO_END], Symbol.EOT, MAX_CHARACTERS_AT_END)
        return self.text

    def _write(self, ids: Sequence[int], end: int, limit: int) -> None:
        """Feed what waits and `ids`, then write the likeliest characters until `end`."""
        logits = extend(self.engine, self.session, [*self.waiting, *ids], self.cancelled)
        first = vocabulary.FIRST_CHARACTER
        for _ in range(limit):
            if logits is None:
                return
            token = first + int(np.argmax(logits[first : first + len(vocabulary.CHARACTERS)]))
            if logits[end] >= logits[token]:
                return
            self.written.append(token)
            logits = extend(self.engine, self.session, [token], self.cancelled)
