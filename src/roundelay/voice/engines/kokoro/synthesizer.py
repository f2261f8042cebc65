"""Speech synthesis by Kokoro-82M (hexgrad, Apache-2.0) in ONNX Runtime, after StyleTTS 2 (arXiv 2306.07691)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.engines.kokoro import voices as kokoro_voices
from roundelay.voice.engines.kokoro.capabilities import CAPABILITIES, NAME
from roundelay.voice.engines.kokoro.files import KokoroFiles
from roundelay.voice.engines.kokoro.model import RATE_HZ, KokoroModel
from roundelay.voice.engines.kokoro.pieces import Piece, pieces
from roundelay.voice.engines.kokoro.symbols import MAX_TOKENS, symbols
from roundelay.voice.engines.kokoro.trim import trim
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Utterance
from roundelay.voice.tempo import paced
from roundelay.voice.text.phonemizer import ESPEAK_VOICES, Phonemizer
from roundelay.voice.text.phrases import Phrase, phrases, written_phrases
from roundelay.voice.voices import Voice

# The model's own speeds that are understood. At 2 words are lost, at 2.5 half of them and the sound lasts 1.3 times as
# long as asked for, at 0.25 words are doubled (Whisper tiny.en on a sentence). What is faster is made from speed 1:
# speech that is hurried already loses more words when it is made faster.
SLOWEST, FASTEST = 0.5, 1.5


def own_speed(speed: float) -> float:
    """The speed at which the model speaks what will be made faster or slower to `speed`."""
    return 1.0 if speed > FASTEST else max(speed, SLOWEST)


@dataclass(frozen=True, slots=True)
class KokoroSynthesizer:
    """A `Synthesizer` at 24 kHz. Threads may share it. A seed makes no difference: the same text sounds the same."""

    files: KokoroFiles
    model: KokoroModel
    phonemizer: Phonemizer
    name: ClassVar[str] = NAME
    rate_hz: ClassVar[int] = RATE_HZ
    capabilities: ClassVar[frozenset[Capability]] = CAPABILITIES

    def voices(self) -> Sequence[Voice]:
        """The voices there are files of, the default first."""
        known = [name for name in kokoro_voices.table() if name in self.files.voices]
        return [kokoro_voices.voice(name) for name in dict.fromkeys([*known, *self.files.voices])]

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        """Yield the sound of each piece of the text, the first one short; `cancelled` is asked before each.

        A voice may be a mixture, "af_heart+am_michael". The language is that of the style, else the voice's own.
        Beyond the model's own speeds its sound is made faster or slower (`voice.tempo`).
        Raises `BadInput` for a text that cannot be read aloud, an unknown voice, a language without a phonemizer.
        """
        own = own_speed(utterance.style.speed)
        blocks = self._blocks(utterance, own, options)
        return blocks if own == utterance.style.speed else paced(blocks, utterance.style.speed / own)

    def _blocks(self, utterance: Utterance, speed: float, options: CallOptions) -> Iterator[Audio]:
        """Yield the sound at one of the model's own speeds."""
        name = self._name(utterance)
        language = self._language(utterance.style.language, name)
        style = self.style(name)
        found = phrases(utterance.text) if language.startswith("en") else written_phrases(utterance.text)
        gain = kokoro_voices.gain(name)
        todo = pieces(found)
        for number, piece in enumerate(options.progress(todo)):
            if options.cancelled():
                return
            pause_s = piece.pause_s / speed if number + 1 < len(todo) else 0.0
            for samples in self._say(piece, language, style, speed):
                yield Audio(np.clip(samples * gain, -1.0, 1.0), RATE_HZ)
            if pause_s:
                yield Audio(np.zeros(max(2, round(pause_s * RATE_HZ)), np.float32), RATE_HZ)

    def style(self, name: str) -> np.ndarray:
        """The style vectors float32 [510, 256] of a voice, the mean for a mixture. Raises `BadInput`."""
        parts = kokoro_voices.parts(name, self.files.voices)
        return np.stack([self.files.style(part) for part in parts]).mean(axis=0)

    def symbols(self, found: Sequence[Phrase], language: str) -> str:
        """The symbols of phrases, as they are said in one run: at most 510 of them."""
        return next(_runs(symbols(self.phonemizer, list(found), language)), "")

    def _say(self, piece: Piece, language: str, style: np.ndarray, speed: float) -> Iterator[np.ndarray]:
        """Yield a piece's samples; nearly always in one run, in several where it has more symbols than one takes."""
        for run in _runs(symbols(self.phonemizer, list(piece.phrases), language)):
            samples = trim(self.model.speak(run, style, speed).samples, RATE_HZ)
            if len(samples) > 1:
                yield samples

    def _name(self, utterance: Utterance) -> str:
        """The voice's name; without one the default voice of the style's language."""
        if utterance.voice is not None and utterance.voice.name:
            return utterance.voice.name
        wanted = (utterance.style.language or "").lower()
        known = [each.name for each in self.voices()]
        spoken = [name for name in known if wanted and kokoro_voices.language(name).startswith(wanted.split("-")[0])]
        exact = [name for name in spoken if kokoro_voices.language(name) == wanted]
        return (exact or spoken or known)[0]

    def _language(self, wanted: str | None, name: str) -> str:
        """The language to phonemize in."""
        own = kokoro_voices.language(name)
        tag = (wanted or own).lower()
        if tag not in ESPEAK_VOICES:
            same = [each for each in (own, *ESPEAK_VOICES) if each.split("-")[0] == tag.split("-")[0]]
            if not same or same[0] not in ESPEAK_VOICES:
                spoken = ", ".join(ESPEAK_VOICES)
                raise BadInput("language", tag, f"has no phonemizer here; kokoro speaks {spoken}: choose such a voice")
            return same[0]
        return tag


def _runs(texts: list[str]) -> Iterator[str]:
    """The symbols of phrases joined into runs of at most 510."""
    run = ""
    for text in texts:
        if run and len(run) + 1 + len(text) > MAX_TOKENS:
            yield run
            run = ""
        run = f"{run} {text}" if run else text
        while len(run) > MAX_TOKENS:
            yield run[:MAX_TOKENS]
            run = run[MAX_TOKENS:]
    if run.strip():
        yield run
