"""Speech recognition by Whisper: pieces of speech, each in the smallest window that will do (ours)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.engines.whisper.capabilities import CAPABILITIES, ENGLISH_ONLY, NAME
from roundelay.voice.engines.whisper.decoding import FULL_S, RATE_HZ, SHORTEST_S, UNSURE, Decoded, decode, encode
from roundelay.voice.engines.whisper.model import OpenModel
from roundelay.voice.engines.whisper.numbers import NUMBER_S, number
from roundelay.voice.engines.whisper.words import segments
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Transcript
from roundelay.voice.pieces import SpeechPieces

WINDOWS = {"cut": SHORTEST_S, "full": FULL_S}  # the shortest window, in seconds
LONGEST_PIECE_S = 29.0  # with the silence before and behind it within a window
SURE_FROM_S = 2.0  # shorter pieces always have unlikely words; another try gains nothing
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class WhisperTranscriber:
    """A `Transcriber`, of English or of the model's languages. Threads may share it.

    `language` None is detected in the first piece of speech. `shortest_s` is the least window in seconds; what comes
    out of less than 30 s repeated or unlikely is tried again in 30 s.
    """

    model: OpenModel
    beam: int = 1
    language: str | None = None
    shortest_s: float = SHORTEST_S
    name: ClassVar[str] = NAME

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Word times and confidence, and languages where the model has more than one."""
        return CAPABILITIES if self.model.many_languages else ENGLISH_ONLY

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The words said, with capitals and punctuation, in segments with the times of their words.

        Sound without speech is not decoded, so that no words are invented. `cancelled` is asked before every piece of
        at most half a minute; those transcribed before it are returned, as a transcript that is not final.
        """
        cutter = SpeechPieces(longest_s=LONGEST_PIECE_S)
        pieces = [*cutter.push(audio.resample(RATE_HZ).samples), *cutter.finish()]
        language, found, sure, final = self.language, [], [], True
        for piece in options.progress(pieces):
            if options.cancelled():
                final = False
                break
            samples = piece.audio.samples
            for start_s, decoded, tokenizer in self._windows(samples, language):
                language = language or tokenizer.language_code
                end_s = piece.start_s + len(samples) / RATE_HZ
                mine = list(segments(self.model, tokenizer, decoded, piece.start_s + start_s, end_s))
                found += mine
                sure += [(decoded.log_probability, sum(len(segment.text) for segment in mine))]
        total = sum(count for _, count in sure)
        confidence = math.exp(sum(each * count for each, count in sure) / total) if total else None
        text = " ".join(segment.text for segment in found)
        return Transcript(text, tuple(found), language or self._default, confidence, final)

    @property
    def _default(self) -> str | None:
        return None if self.model.many_languages else ENGLISH

    def _windows(self, samples: np.ndarray, language: str | None) -> Iterator[tuple[float, Decoded, Any]]:
        """Yield what each window of a piece holds, with the window's start in seconds and the tokenizer."""
        at = 0
        while at < len(samples):
            decoded, tokenizer = self._window(samples[at:], language)
            if decoded.spoken:
                yield at / RATE_HZ, decoded, tokenizer
            if decoded.next_s is None:
                return
            at += round(decoded.next_s * RATE_HZ)

    def _window(self, samples: np.ndarray, language: str | None) -> tuple[Decoded, Any]:
        """The better of two tries: in the smallest window, and where words are repeated or unlikely in a whole one."""
        duration_s, tried = len(samples) / RATE_HZ, []
        for shortest_s in dict.fromkeys((self.shortest_s, FULL_S)):
            encoded = encode(self.model, samples, shortest_s)
            tokenizer = self.model.tokenizer(language or self._detect(encoded[0]))
            decoded = decode(self.model, tokenizer, encoded, duration_s, self.beam)
            if duration_s <= NUMBER_S and tokenizer.language_code == ENGLISH:
                decoded = number(self.model, tokenizer, encoded, duration_s, decoded)
            tried.append((decoded, tokenizer))
            if decoded.repetition is None and (decoded.log_probability >= UNSURE or duration_s < SURE_FROM_S):
                return tried[-1]
        return max(tried, key=lambda each: (each[0].repetition is None, each[0].log_probability))

    def _detect(self, encoded: Any) -> str:
        if not self.model.many_languages:
            return ENGLISH
        return str(self.model.whisper.model.detect_language(encoded)[0][0][0][2:-2])
