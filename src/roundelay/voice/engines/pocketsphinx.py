"""Speech recognition by CMU PocketSphinx, with the acoustic and language model of its own package.

It was trained by others on other people, which makes it an independent judge of what is synthesised here. It is weak:
every rate is compared with its rate on an original recording of the same sentence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, EngineRole, EngineSpec, Transcript
from roundelay.voice.pieces import has_speech
from roundelay.voice.text.pronunciations import dictionary_path

RATE_HZ = 16_000
EDGE_S = 0.25  # silence put before and after: a recogniser needs some, and some synthesizers leave none
PEAK = 0.7  # of full scale, to which a recording is scaled
KEPT_DECODERS = 4  # one per vocabulary asked for


@dataclass(slots=True)
class PocketSphinx:
    """A `Transcriber` of English. Threads may share it; they wait for one another.

    Told the words that may occur it is quicker; words that its pronouncing dictionary lacks are left out. The first
    transcription raises `MissingPackage` without the package pocketsphinx.
    """

    name: ClassVar[str] = "pocketsphinx"
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.VOCABULARY})
    _decoders: dict[frozenset[str] | None, Any] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The words, lower-case, whatever was transcribed before; "" where no one speaks."""
        samples = audio.resample(RATE_HZ).samples
        if not has_speech(samples):
            return Transcript("", language="en")  # it would hear words in silence and noise
        peak = float(np.abs(samples).max(initial=0.0))
        edge = np.zeros(round(EDGE_S * RATE_HZ), np.float32)
        wave = np.concatenate([edge, samples * (PEAK / peak if peak > 1e-4 else 1.0), edge])
        with self._lock:
            decoder = self._decoder(options.vocabulary)
            decoder.reinit_feat()  # forget the running cepstral mean of the utterance before
            decoder.start_utt()
            decoder.process_raw((wave * 32767).astype("<i2").tobytes(), no_search=False, full_utt=True)
            decoder.end_utt()
            hypothesis = decoder.hyp()
        return Transcript(hypothesis.hypstr if hypothesis is not None else "", language="en")

    def _decoder(self, vocabulary: frozenset[str] | None) -> Any:
        if vocabulary not in self._decoders:
            if len(self._decoders) >= KEPT_DECODERS:
                del self._decoders[next(iter(self._decoders))]
            self._decoders[vocabulary] = _load(vocabulary)
        return self._decoders[vocabulary]


def _load(vocabulary: frozenset[str] | None) -> Any:
    """A decoder of the package for these words."""
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise MissingPackage("pocketsphinx", "eval") from None
    path = dictionary_path()
    lines = path.read_text(encoding="utf-8").splitlines()
    if vocabulary is not None:
        lines = [line for line in lines if _word(line) in vocabulary]
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words.dict"
        words.write_text("\n".join(lines) + "\n", encoding="utf-8")
        model = path.parent
        lm = str(model / "en-us.lm.bin")
        return Decoder(hmm=str(model / "en-us"), lm=lm, dict=str(words), loglevel="FATAL")


def _word(line: str) -> str:
    """The word of a dictionary line; the second pronunciation of `read` is written `read(2)`."""
    return line.split(" ", 1)[0].split("(")[0]


def load(roles: Collection[EngineRole]) -> Mapping[EngineRole, Any]:
    """The engine as a transcriber; its models are read at its first transcription."""
    return dict.fromkeys(roles, PocketSphinx())


SPEC = EngineSpec(
    "pocketsphinx",
    {"transcriber": PocketSphinx.capabilities},
    load,
    (),
    "CMU PocketSphinx: English, weak, independent of ours; a judge of speech",
    packages=("pocketsphinx",),
)
