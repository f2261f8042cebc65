"""Speech recognition of the nano engine: codec tokens, phones by CTC, words by a beam search over a lexicon (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.engines.nano.confidence import SEARCHED, alternatives, confidence
from roundelay.voice.engines.nano.ctc_decoder import beam_search
from roundelay.voice.engines.nano.dictation import Dictation
from roundelay.voice.engines.nano.segments import segments
from roundelay.voice.engines.nano.weights import NanoWeights
from roundelay.voice.engines.nano.word_times import word_times
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Segment, Transcript
from roundelay.voice.pieces import has_speech
from roundelay.voice.tokenizer.frontend import RATE_HZ
from roundelay.voice.vocab import VOCAB


@dataclass(frozen=True, slots=True)
class NanoTranscriber:
    """A `Transcriber` of English. Threads may share it."""

    weights: NanoWeights
    name: ClassVar[str] = NAME
    capabilities: ClassVar[frozenset[Capability]] = CAPABILITIES["transcriber"]

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The words said, lower-case, a `Segment` for every stretch of speech of at most twelve seconds.

        A stretch without speech for the voice activity detector (noise, music) has no words.

        `cancelled` is asked before every stretch; those transcribed before it are returned.
        """
        found: list[Segment] = []
        others: list[tuple[str, ...]] = []
        for start_s, part in options.progress(segments(audio.resample(RATE_HZ))):
            if options.cancelled():
                break
            if has_speech(part.samples) and (heard := self._segment(start_s, part)):
                found.append(heard[0])
                others.append(heard[1])
        texts = [segment.text for segment in found]
        return Transcript(
            " ".join(texts),
            tuple(found),
            "en",
            _mean(found),
            alternatives=tuple(
                " ".join([*texts[:at], other, *texts[at + 1 :]]) for at, row in enumerate(others) for other in row
            ),
        )

    def _segment(self, start_s: float, audio: Audio) -> tuple[Segment, tuple[str, ...]] | None:
        """What was said in up to twelve seconds of audio at 16 kHz, and what is as likely; None for no words."""
        logs_TC = self.weights.phone_recognizer.recognize(self.weights.tokenizer.encode(audio))
        found = beam_search(self.weights.lexicon, logs_TC, count=SEARCHED)
        if not found or not found[0].words:
            return None
        words = word_times(found[0], logs_TC, start_s, audio.duration_s)
        sure = confidence(found[0], logs_TC)
        return Segment(found[0].text, start_s, start_s + audio.duration_s, words, sure), alternatives(found)

    def write_down(self, audio: Audio) -> str:
        """What the language model alone transcribes of up to twelve seconds: without the search and the lexicon."""
        tokens = self.weights.tokenizer.encode(audio.resample(RATE_HZ))
        phones = vocabulary.phone_onsets(self.weights.phone_recognizer.recognize(tokens))
        dictation = Dictation(self.weights.language_model, self.weights.language_model.open())
        for group, codes in enumerate(np.reshape(vocabulary.code_ids(tokens), (-1, VOCAB.group)).tolist()):
            dictation.push_group(codes, [phone for phone, at in phones if at == group])
        return dictation.finish()


def _mean(found: list[Segment]) -> float | None:
    """The confidence over segments, by their length; None where there is none."""
    length_s = sum(segment.end_s - segment.start_s for segment in found)
    sure = sum((segment.confidence or 0.0) * (segment.end_s - segment.start_s) for segment in found)
    return sure / length_s if found else None
