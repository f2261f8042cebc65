"""Speech synthesis of the nano engine: phones and codes from the language model, audio from the decoder (ours)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import MIN_SAMPLES
from roundelay.voice.decoder.stream import GROUP_SAMPLES
from roundelay.voice.decoder.voices import gains, registry
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.engines.nano.generate import SpeechGenerator, generate
from roundelay.voice.engines.nano.pauses import PauseShaper
from roundelay.voice.engines.nano.pieces import pieces
from roundelay.voice.engines.nano.weights import NanoWeights
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Utterance
from roundelay.voice.tokenizer.frontend import RATE_HZ
from roundelay.voice.tokens import Tokens
from roundelay.voice.voices import Voice

MAX_CANDIDATES = 4  # renderings of the next words, of which the one recognised best is kept; more are not clearer


@dataclass(frozen=True, slots=True)
class NanoSynthesizer:
    """A `Synthesizer` at 16 kHz. Threads may share it. A voice made from a recording keeps its timbre alone."""

    weights: NanoWeights
    name: ClassVar[str] = NAME
    rate_hz: ClassVar[int] = RATE_HZ
    capabilities: ClassVar[frozenset[Capability]] = CAPABILITIES["synthesizer"]

    def voices(self) -> Sequence[Voice]:
        """The built-in voices: those whose way of speaking the language model learnt, then those with a timbre only."""
        return [Voice(name) for name in vocabulary.sorted_voices(registry(self.weights.decoder.weights))]

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        """Yield the utterance's audio as it is made, with pauses at its marks. `cancelled` is asked before every token.

        `candidates` is asked before every two words for how many renderings there is time. Without it there are one,
        two, up to four: the first audio comes soon, and a seed gives the same audio. Raises `BadInput` for a text that
        cannot be read aloud, an unknown voice, or a seed below 0.
        """
        if utterance.seed < 0:
            raise BadInput("seed", utterance.seed, "must be 0 or more")
        parts = pieces(utterance.text)  # the whole text is checked before the first audio
        voice, cancelled = utterance.voice or Voice(vocabulary.VOICES[0]), options.cancelled
        manner = voice.name if voice.name in vocabulary.VOICES else None
        gain = 1.0 if voice.reference or voice.vector is not None else self._gain(voice.name)
        decoder, shaper, groups = self.weights.decoder.stream(voice), PauseShaper(RATE_HZ), 0
        for number, piece in enumerate(options.progress(parts)):
            model = self.weights.language_model
            generator = SpeechGenerator(
                model, model.open(), piece.words, utterance.seed + number, cancelled, self.weights.pronunciations
            )
            for ids in generate(generator, manner, self._phones, _candidates(options.candidates, first=number == 0)):
                groups += 1
                yield from _audio(shaper.push(decoder.push(vocabulary.audio_ids(ids))), gain)
            if cancelled():
                return
            shaper.boundary(groups * GROUP_SAMPLES, piece.pause_s)
        yield from _audio(np.concatenate([shaper.push(decoder.finish()), shaper.finish()]), gain)

    def _gain(self, name: str) -> float:
        return gains(self.weights.decoder.weights).get(name, 1.0)

    def _phones(self, groups: list[list[int]]) -> np.ndarray:
        """Log-probabilities [T, 40] of the phones in groups of the engine's codes."""
        return self.weights.phone_recognizer.recognize(
            Tokens(vocabulary.audio_ids([i for group in groups for i in group]))
        )


def _audio(samples: np.ndarray, gain: float) -> Iterator[Audio]:
    if len(samples) >= MIN_SAMPLES:
        yield Audio(np.clip(samples * np.float32(gain), -1.0, 1.0), RATE_HZ)


def _candidates(limit: Callable[[], int] | None, first: bool) -> Callable[[int], int]:
    """How many renderings of a piece's n-th words are made; `first`: it is the text's first piece."""
    if limit is not None:
        return lambda n: min(MAX_CANDIDATES, limit())
    return lambda n: min(MAX_CANDIDATES, n + 1) if first else MAX_CANDIDATES
