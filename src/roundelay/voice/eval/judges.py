"""Judges: recognisers that score speech by its words. A judge is a `Transcriber`, chosen by name among the engines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, registry
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Transcriber, Transcript

DEFAULT = "pocketsphinx"


def load(name: str = DEFAULT) -> Transcriber:
    """The engine of that name as a recogniser; raises what `registry.load` raises."""
    engine: Transcriber = registry.load(name, ["transcriber"])["transcriber"]
    return engine


@dataclass(frozen=True, slots=True)
class Judge:
    """A recogniser as a measure of speech. `words`: the only ones that may occur, where the recogniser can be told."""

    transcriber: Transcriber
    words: frozenset[str] | None = None

    @classmethod
    def of_texts(cls, transcriber: Transcriber, texts: Iterable[str]) -> Judge:
        """A judge that is told the words of these texts."""
        return cls(transcriber, frozenset(word for text in texts for word in text.split()))

    def transcribe(self, audio: Audio) -> str:
        """The words recognised, separated by spaces."""
        options = DEFAULT_OPTIONS
        if self.words is not None and Capability.VOCABULARY in self.transcriber.capabilities:
            options = replace(options, vocabulary=self.words)
        return guard.transcribe(self.transcriber, audio, options).text

    def errors(self, text: str, audio: Audio) -> Errors:
        """The word errors of what is recognised against `text`, which was said."""
        return word_errors(text, self.transcribe(audio))


@dataclass(slots=True)
class CachedTranscriber:
    """A transcriber whose transcripts are kept in a file of JSON lines: those of originals serve the next run too."""

    transcriber: Transcriber
    path: Path
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                self._known |= json.loads(line)

    @property
    def name(self) -> str:
        """The name of the transcriber."""
        return self.transcriber.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The transcriber's."""
        return self.transcriber.capabilities

    def transcribe(self, audio: Audio, options: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The transcript, from the file where the same audio was transcribed with the same vocabulary before."""
        words = "all" if options.vocabulary is None else repr(sorted(options.vocabulary))
        about = f"{self.name} {audio.rate} {words}".encode()
        key = hashlib.sha256(audio.samples.tobytes() + about).hexdigest()
        if key not in self._known:
            found = self.transcriber.transcribe(audio, options)
            self._known[key] = found if isinstance(found, str) else found.text
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({key: self._known[key]}) + "\n")
        return Transcript(self._known[key])
