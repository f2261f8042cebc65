"""Judges: recognisers that score speech by its words. A judge is a `Transcriber`, chosen by name among the engines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from roundelay.voice.audio import Audio
from roundelay.voice.engines import guard, registry
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.eval.metrics.words import spoken_words
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Capability, Transcriber, Transcript

DEFAULT = "pocketsphinx"
JUDGES = (DEFAULT, "whisper")
NOTE = (
    "Judges: PocketSphinx shares no weights with anything here; it is weak, and compares with earlier tables. Whisper\n"
    "tiny.en is nearer to what people understand, and shares its encoder with a tokenizer `train codec --encoder`\n"
    "begins from it: what such a tokenizer loses it may not miss, so the other judge stands beside it.\n"
)


def load(name: str = DEFAULT) -> Transcriber:
    """The engine of that name as a recogniser; raises what `registry.load` raises."""
    engine: Transcriber = registry.load(name, ["transcriber"])["transcriber"]
    return engine


def load_all() -> tuple[Transcriber, ...]:
    """Both judges of the tables, `DEFAULT` first; raises what `registry.load` raises."""
    return tuple(map(load, JUDGES))


def column(what: str, judge: str) -> str:
    """The name of a table's column: what was judged, and by whom unless by `DEFAULT`."""
    return what if judge == DEFAULT else f"{what} ({judge})"


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
        """The words recognised, normalised as they are said, separated by spaces."""
        options = DEFAULT_OPTIONS
        if self.words is not None and Capability.VOCABULARY in self.transcriber.capabilities:
            options = replace(options, vocabulary=self.words)
        return spoken_words(guard.transcribe(self.transcriber, audio, options).text)

    def errors(self, text: str, audio: Audio) -> Errors:
        """The word errors of what is recognised against `text`, which was said."""
        return word_errors(spoken_words(text), self.transcribe(audio))


@dataclass(frozen=True, slots=True)
class Panel:
    """Judges by name, who score the same speech."""

    judges: Mapping[str, Judge]

    @classmethod
    def of_texts(cls, transcribers: Sequence[Transcriber], texts: Iterable[str]) -> Panel:
        """A panel whose judges are told the words of these texts."""
        told = tuple(texts)
        return cls({each.name: Judge.of_texts(each, told) for each in transcribers})

    def columns(self, what: str) -> tuple[str, ...]:
        """The names of the columns that `errors` fills."""
        return tuple(column(what, name) for name in self.judges)

    def errors(self, what: str, text: str, audio: Audio | None) -> dict[str, tuple[int, int] | None]:
        """Each judge's errors, and of how many words, in a column of its own; None where there is no audio."""
        found: dict[str, tuple[int, int] | None] = {}
        for name, judge in self.judges.items():
            errors = None if audio is None else judge.errors(text, audio)
            found[column(what, name)] = None if errors is None else (errors.errors, errors.total)
        return found


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
