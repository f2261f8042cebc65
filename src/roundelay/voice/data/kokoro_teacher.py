"""Kokoro as a teacher: about half an hour of one core for an hour of speech, so what it has said is kept and found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from roundelay.voice.audio import Audio
from roundelay.voice.data.rendered import KOKORO_RATE_HZ, MODEL, RenderedFolder, RenderedLine, folder_of
from roundelay.voice.data.speakers import KOKORO
from roundelay.voice.data.teacher import RATE_HZ, Line, Rendering
from roundelay.voice.engines.kokoro.synthesizer import KokoroSynthesizer
from roundelay.voice.engines.kokoro.voices import LICENCE, language
from roundelay.voice.text.numbers import words
from roundelay.voice.text.phrases import phrases

_QUESTION = "what who when where why how is are do does can could which will did"
QUESTION = frozenset(words(_QUESTION))  # first words of lines that are questions


class Kokoro:
    """Kokoro-82M with the durations of its phones, on one thread; lines kept in a folder are read, not said."""

    name, licence = KOKORO, f"{LICENCE} (Kokoro-82M by hexgrad)"

    def __init__(self, folder: str = "") -> None:
        self.folder = folder

    def version(self) -> str:
        """The version of the weights; raises `WeightsUnavailableError` and `MissingPackage` as the engine does."""
        _engine()
        return version()

    def speak(self, lines: Sequence[Line]) -> list[Rendering | None]:
        """One `Rendering` per line, in order; a seed makes no difference."""
        return [self._one(line) for line in lines]

    def _one(self, line: Line) -> Rendering | None:
        folder = folder_of(self.folder)
        kept = RenderedFolder(folder, MODEL) if folder else None
        found = kept.find(line.text, line.voice, line.speed) if kept else None
        if found is not None and (rendering := found.rendering()) is not None:
            return rendering
        engine = _engine()
        symbols = engine.symbols(phrases(written(line.text)), language(line.voice))
        spoken = engine.model.speak(symbols, engine.style(line.voice), line.speed)
        made = RenderedLine("", line.text, line.voice, line.speed, symbols, spoken.frames)
        if kept is not None:
            return kept.add(made, spoken.samples).rendering()
        audio = Audio.from_array(spoken.samples, KOKORO_RATE_HZ).resample(RATE_HZ)
        return Rendering(audio.samples, made.phones(audio.samples))


def version(model: str = MODEL) -> str:
    """The version in a manifest of lines that a model of this sum has spoken."""
    return f"1.0 int8 {model}"


def written(text: str) -> str:
    """A line with the mark that its intonation needs."""
    return f"{text}{'?' if text.split()[0] in QUESTION else '.'}"


@cache
def _engine() -> KokoroSynthesizer:
    from roundelay.voice.engines.kokoro import files
    from roundelay.voice.engines.kokoro.model import KokoroModel
    from roundelay.voice.text.phonemizer import Phonemizer

    phonemizer, found = Phonemizer.load(), files.find()
    return KokoroSynthesizer(found, KokoroModel.load(found.model, threads=1, timed=True), phonemizer)
