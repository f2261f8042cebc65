"""End-of-turn prediction of the nano engine: its n-gram, and how near the words are to a question it knows (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from roundelay.errors import BadInput
from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.engines.nano.ctc_decoder import sentence_end_probability
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.interfaces import Capability
from roundelay.voice.nlu.end_of_query import complete, is_marked
from roundelay.voice.text.normalise import normalise


@dataclass(frozen=True, slots=True)
class NanoEndOfTurn:
    """An `EndOfTurn` of English. Threads may share it."""

    lexicon: Lexicon
    name: ClassVar[str] = NAME
    capabilities: ClassVar[frozenset[Capability]] = CAPABILITIES["end_of_turn"]

    def probability(self, text: str, domain_only: bool) -> float:
        """How probable it is (0 to 1) that nothing must follow the words of `text`, in any spelling.

        A mark of a sentence's end behind them counts.
        """
        try:
            words = normalise(text)
        except BadInput:  # nothing to read, or another script: as if no word had been heard
            words = ""
        return complete(sentence_end_probability(self.lexicon, words), words, domain_only, is_marked(text))
