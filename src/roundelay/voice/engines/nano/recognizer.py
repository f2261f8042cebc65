"""Speech recognition of the nano engine: codec tokens, phones by CTC, words by a beam search over a lexicon (ours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano import vocabulary
from roundelay.voice.engines.nano.capabilities import CAPABILITIES, NAME
from roundelay.voice.engines.nano.ctc_decoder import beam_search
from roundelay.voice.engines.nano.dictation import Dictation
from roundelay.voice.engines.nano.segments import segments
from roundelay.voice.engines.nano.weights import NanoWeights
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Segment, Transcript
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

        `cancelled` is asked before every stretch; those transcribed before it are returned.
        """
        found: list[Segment] = []
        for start_s, part in options.progress(segments(audio.resample(RATE_HZ))):
            if options.cancelled():
                break
            if text := self._segment(part):
                found.append(Segment(text, start_s, start_s + part.duration_s))
        return Transcript(" ".join(segment.text for segment in found), tuple(found), "en")

    def _segment(self, audio: Audio) -> str:
        """The words in up to twelve seconds of audio at 16 kHz."""
        found = beam_search(
            self.weights.lexicon, self.weights.phone_recognizer.recognize(self.weights.tokenizer.encode(audio))
        )
        return found[0].text if found else ""

    def write_down(self, audio: Audio) -> str:
        """What the language model alone transcribes of up to twelve seconds: without the search and the lexicon."""
        tokens = self.weights.tokenizer.encode(audio.resample(RATE_HZ))
        phones = vocabulary.phone_onsets(self.weights.phone_recognizer.recognize(tokens))
        dictation = Dictation(self.weights.language_model, self.weights.language_model.open())
        for group, codes in enumerate(np.reshape(vocabulary.code_ids(tokens), (-1, VOCAB.group)).tolist()):
            dictation.push_group(codes, [phone for phone, at in phones if at == group])
        return dictation.finish()
