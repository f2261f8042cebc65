"""The independent judge: PocketSphinx with its own acoustic and language model, told which words may occur.

It is weak: every rate is compared with its rate on the teacher's own recording of the same sentence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice.audio import Audio
from roundelay.voice.text.pronunciations import dictionary_path

RATE_HZ = 16_000
EDGE_S = 0.25  # silence put before and after: a recogniser needs some, and some teachers leave none


class Judge:
    """A recogniser told the `words` that may occur, or (None) with its whole dictionary, which is slower.

    Words outside the pronouncing dictionary are left out. Raises `MissingPackage` without pocketsphinx.
    """

    def __init__(self, words: Iterable[str] | None = None) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError:
            raise MissingPackage("pocketsphinx", "eval") from None
        model, lines = dictionary_path().parent, dictionary_path().read_text(encoding="utf-8").splitlines()
        if words is not None:
            wanted = set(words)
            lines = [line for line in lines if _word(line) in wanted]
        self.words = frozenset(map(_word, lines))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.dict"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            lm = str(model / "en-us.lm.bin")
            self._decoder = Decoder(hmm=str(model / "en-us"), lm=lm, dict=str(path), loglevel="FATAL")

    def hear(self, samples_T: np.ndarray, rate_hz: int) -> str:
        """The words heard in `samples`, separated by spaces, whatever was heard before."""
        audio = Audio.from_array(samples_T, rate_hz).resample(RATE_HZ).samples
        peak = float(np.abs(audio).max())
        edge = np.zeros(round(EDGE_S * RATE_HZ), np.float32)
        wave = np.concatenate([edge, audio * (0.7 / peak if peak > 1e-4 else 1.0), edge])
        pcm = (wave * 32767).astype("<i2").tobytes()
        self._decoder.reinit_feat()  # forget the running cepstral mean of the utterance before
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, no_search=False, full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis is not None else ""


def _word(line: str) -> str:
    """The word of a dictionary line; the second pronunciation of `read` is written `read(2)`."""
    return line.split(" ", 1)[0].split("(")[0]
