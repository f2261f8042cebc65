"""The suite of real people: each hearing configuration on the same recordings."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from roundelay.voice.audio import Audio
from roundelay.voice.data.config import HumanRecordings
from roundelay.voice.data.grammar import DIGITS
from roundelay.voice.data.human_recordings import clips
from roundelay.voice.engines import guard, registry
from roundelay.voice.engines.choice import EngineChoice, parse
from roundelay.voice.engines.defaults import best
from roundelay.voice.eval.tasks.people import people
from roundelay.voice.eval.tasks.slots import slots
from roundelay.voice.eval.tasks.task import Recording, Task
from roundelay.voice.interfaces import DEFAULT_OPTIONS, Transcriber
from roundelay.voice.nlu.domain.content_words import is_idle
from roundelay.voice.suites import sets

SEED = 2_026
# A column of the table by name, and the engine as `--hear` takes it.
HEARING: Mapping[str, str] = {
    "nano": "nano",
    "whisper": "whisper",
    "whisper-full": "whisper:window=full",
    "pocketsphinx": "pocketsphinx",
}
PHONE_SET = "telephone sentences"
# The collection and the kind of clip of the corpus of people, of its dev split; the table's set.
COLLECTIONS = {
    ("robotutor_story", "sentence"): "stories, read",
    ("wuw2", "sentence"): PHONE_SET,
    ("robotutor_words", "word"): "single words, read",
}
# A caller asks for something: the nearest to a spoken command that is recorded here.
REQUEST = re.compile(
    r"\b(?:please|can you|let me|invoke|call|book|speak to|talk to|connected|i need (?:a|to)|is the operator)\b"
)
DIGITS_SET, LONG_SET = "telephone digits", "the long sentence"
SLOTS = "slots"  # the task of words that carry meaning


@dataclass(frozen=True, slots=True)
class PeopleSuite:
    """A task for each hearing configuration, by its name. `folder` holds corpus/, fsdd/ and jfk.flac.

    `most` bounds each set (None: all sentences, 200 digits); what is taken is drawn with a seed, the same for all.
    """

    folder: Path
    most: int | None = None
    digits: int = 200
    hearing: Mapping[str, str] = field(default_factory=lambda: HEARING)

    def tasks(self) -> dict[str, Callable[[], Task[Any]]]:
        """Each task by name, made when it is called for."""
        return {name: partial(self._task, name, parse(text)) for name, text in self.hearing.items()} | {
            SLOTS: self.slots
        }

    def slots(self) -> Task[Recording]:
        """How many of the words that carry the meaning of telephone sentences the default way of hearing hears."""
        choice = best("transcriber")
        engine: Transcriber = registry.load(choice.name, ["transcriber"], choice.settings)["transcriber"]

        def recordings(seed: int) -> Sequence[Recording]:
            phone = [each for each in self.recordings(seed) if each.set == PHONE_SET]
            return [replace(one, group="requests" if REQUEST.search(one.text) else "others") for one in phone]

        def transcribe(audio: Audio) -> str:
            return guard.transcribe(engine, audio, DEFAULT_OPTIONS).text

        return slots(SLOTS, recordings, transcribe, lambda word: not is_idle(word), SEED)

    def recordings(self, seed: int = SEED) -> Sequence[Recording]:
        """All recordings, set by set."""
        rng = random.Random(seed)
        found: list[Recording] = []
        chosen = clips(HumanRecordings(str(self.folder / "corpus")))
        for (collection, kind), name in COLLECTIONS.items():
            mine = [
                clip
                for clip in chosen
                if clip.split == "dev" and (Path(clip.path).parts[1], clip.kind) == (collection, kind)
            ]
            found += [
                Recording(clip.text, Audio.read(self.folder / "corpus" / clip.path), set=name)
                for clip in self._draw(rng, mine)
            ]
        paths = self._draw(rng, sorted((self.folder / "fsdd").rglob("*.wav")), self.digits)
        found += [Recording(DIGITS[int(path.name[0])], Audio.read(path), half(path), DIGITS_SET) for path in paths]
        return [*found, sets.long_sentence(self.folder, set=LONG_SET)]

    def _draw(self, rng: random.Random, items: Sequence[Any], most: int | None = None) -> Sequence[Any]:
        most = min(each for each in (most, self.most, len(items)) if each is not None)
        return items if most == len(items) else [items[at] for at in sorted(rng.sample(range(len(items)), most))]

    def _task(self, name: str, choice: EngineChoice) -> Task[Recording]:
        engine: Transcriber = registry.load(choice.name, ["transcriber"], choice.settings)["transcriber"]
        # the first call loads and compiles
        guard.transcribe(engine, sets.long_sentence(self.folder).audio, DEFAULT_OPTIONS)

        def transcribe(audio: Audio) -> str:
            return guard.transcribe(engine, audio, DEFAULT_OPTIONS).text

        return people(name, self.recordings, transcribe, SEED)


def half(path: Path) -> str:
    """The half of the digits a clip is in, by its number: on the even ones things may be tried, on the odd ones not."""
    return "odd numbers" if int(path.stem.rpartition("_")[2]) % 2 else "even numbers (tried on)"
