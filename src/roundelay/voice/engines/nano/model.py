"""The nano engine's parts behind the interface that `server` and `voice.realtime` had before `voice.interfaces`.

A bridge while those move to `voice.pipeline`; nothing else may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
from roundelay.voice.engines.nano.recognizer import NanoTranscriber
from roundelay.voice.engines.nano.responder import NanoResponder
from roundelay.voice.engines.nano.synthesizer import NanoSynthesizer
from roundelay.voice.engines.nano.weights import NanoWeights
from roundelay.voice.interfaces import CallOptions, Request, Utterance, never
from roundelay.voice.voices import Voice


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply's text, and the call that a question was understood as (None: it was none of the domain)."""

    text: str
    call: str | None = None


class Model:
    """Transcriber, responder, synthesizer and end-of-turn model in one."""

    def __init__(self, weights: NanoWeights) -> None:
        self._synthesizer, self._transcriber = NanoSynthesizer(weights), NanoTranscriber(weights)
        self._responder, self._end = NanoResponder(), NanoEndOfTurn(weights.lexicon)

    @classmethod
    def load(cls) -> Model:
        """The model in the package, compiled and ready."""
        return cls(NanoWeights.load(warm=True))

    def say_stream(
        self,
        text: str,
        voice: str | None = None,
        seed: int = 0,
        cancelled: Callable[[], bool] = never,
        ways: Callable[[], int] | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield the audio of a text, float32 at 16 kHz."""
        utterance = Utterance(text, (voice and Voice(voice)) or None, seed=seed)
        yield from (a.samples for a in self._synthesizer.synthesize(utterance, CallOptions(cancelled, ways)))

    def transcribe(self, audio: Audio) -> str:
        """The words said."""
        return self._transcriber.transcribe(audio).text

    def complete(self, text: str, known: bool = True) -> float:
        """The probability that nothing must follow."""
        return self._end.probability(text, known)

    def answer(self, text: str, history: Sequence[Any] = ()) -> Answer:
        """The answer to a question."""
        response = next(self._responder.reply(Request(text)))
        return Answer(response.text, response.skill)
