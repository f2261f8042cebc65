"""The suite of a pipeline: what it hears, answers and says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.engines.nano.recognizer import NanoTranscriber
from roundelay.voice.engines.nano.responder import written_call
from roundelay.voice.engines.nano.vocabulary import VOICES
from roundelay.voice.eval.judges import Panel
from roundelay.voice.eval.tasks.hearing import hearing
from roundelay.voice.eval.tasks.questions import WRITTEN, questions
from roundelay.voice.eval.tasks.speaking import Line, speaking
from roundelay.voice.eval.tasks.task import Recording, Task
from roundelay.voice.interfaces import Request, Transcriber
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.suites import sets
from roundelay.voice.text.normalise import normalise
from roundelay.voice.voices import Voice

TEACHERS_OF = {VOICES[0]: ("flite", "rms"), VOICES[1]: ("festival", "cmu_us_slt_arctic_hts")}
SILENCE = Audio(np.zeros(160, np.float32), 16_000)  # of a written question


@dataclass(frozen=True, slots=True)
class SpeechSuite:
    """The tasks of a pipeline. `count` bounds questions and answers of each set, `open_count` the open sentences."""

    pipeline: Pipeline
    judges: Sequence[Transcriber]
    people: Path
    recordings: Path
    count: int = 100
    open_count: int | None = None

    def tasks(self) -> dict[str, Callable[[], Task[Any]]]:
        """Each task by name, made when it is called for."""
        alone = {"alone": self.alone} if isinstance(self.pipeline.transcriber, NanoTranscriber) else {}
        return {"hear": self.hear, **alone, "people": self.real_people, "ask": self.ask, "say": self.say}

    def hear(self) -> Task[Recording]:
        """Hearing domain and open sentences, by known and held-out voices."""

        def drawn(seed: int) -> Sequence[Recording]:
            domain, written = self._domain(seed, self.count, self.count // 2), sets.open_sentences(self.open_count)
            return [
                *sets.spoken(domain, sets.KNOWN, "domain, known voices"),
                *sets.spoken(domain, sets.HELD_OUT, "domain, held-out voices"),
                *sets.spoken(written, sets.KNOWN, "open sentences, known voices"),
                *sets.spoken(written, sets.HELD_OUT, "open sentences, held-out voices"),
            ]

        return hearing("hear", drawn, self._transcribe, seed=sets.SEED)

    def alone(self) -> Task[Recording]:
        """Hearing by the nano engine's language model alone, without search and lexicon."""
        transcriber = self.pipeline.transcriber
        assert isinstance(transcriber, NanoTranscriber), "no other engine has one"

        def drawn(seed: int) -> Sequence[Recording]:
            domain = self._domain(seed, self.count // 4, self.count // 8)
            return [
                *sets.spoken(domain, sets.KNOWN, "domain, known voices"),
                *sets.spoken(domain, sets.HELD_OUT, "domain, held-out voices"),
            ]

        return hearing("alone", drawn, transcriber.write_down, seed=sets.SEED)

    def real_people(self) -> Task[Recording]:
        """Hearing real people: the dev split, digits over the telephone, the long sentence of 1961."""

        def drawn(seed: int) -> Sequence[Recording]:
            rows = sets.pick(self.people, "dev")
            rows = rows[:: max(1, len(rows) // (3 * self.count))]
            return [
                *sets.recordings(self.people, rows, _collection, set="dev split"),
                *sets.digits(self.recordings, max(1, 1000 // self.count)),
                sets.long_sentence(self.recordings, set="the long sentence"),
            ]

        return hearing("people", drawn, self._transcribe, quoted=("the long sentence",))

    def ask(self) -> Task[Recording]:
        """Questions in held-out phrasings, by known and held-out voices and in writing."""

        def drawn(seed: int) -> Sequence[Recording]:
            asked = sets.draw_questions(seed, self.count)
            texts, calls = [one.text for one in asked], [str(one.call) for one in asked]
            return [
                *sets.spoken(texts, sets.KNOWN, "known voices", calls),
                *sets.spoken(texts, sets.HELD_OUT, "held-out voices", calls),
                *(Recording(text, SILENCE, set=WRITTEN, call=call) for text, call in zip(texts, calls, strict=True)),
            ]

        transcriber = self.pipeline.transcriber
        language_model = transcriber.weights.language_model if isinstance(transcriber, NanoTranscriber) else None

        def by_model(words: str) -> str | None:
            return str(written_call(language_model, normalise(words))) if language_model else None

        def understand(words: str) -> str | None:
            return self.pipeline.respond(Request(words)).skill

        return questions(drawn, self._transcribe, understand, by_model, sets.SEED)

    def say(self) -> Task[Line]:
        """Answers, everyday and open sentences said in the voices, beside the teachers of those voices."""
        written = sets.open_sentences(self.open_count)

        def domain(seed: int) -> list[str]:
            return sets.draw_answers(seed, self.count) + sets.draw_everyday(seed, self.count // 2)

        def drawn(seed: int) -> Sequence[Line]:
            return [*_lines("domain", domain(seed)), *_lines("open sentences", written)]

        panels = {
            "domain": Panel.of_texts(self.judges, domain(sets.SEED)),
            "open sentences": Panel.of_texts(self.judges, written),
        }
        return speaking(drawn, lambda text, voice: self.pipeline.say(text, Voice(voice)), panels, sets.SEED)

    def _transcribe(self, audio: Audio) -> str:
        return self.pipeline.transcribe(audio).text

    @staticmethod
    def _domain(seed: int, asked: int, everyday: int) -> list[str]:
        return [question.text for question in sets.draw_questions(seed, asked)] + sets.draw_everyday(seed, everyday)


def _collection(row: sets.Utterance) -> str:
    return f"{row.engine_version.split('/')[-1]}, {row.kind}"


def _lines(name: str, texts: list[str]) -> list[Line]:
    return [
        Line(name, voice, text, original)
        for voice, teacher in TEACHERS_OF.items()
        for text, original in zip(texts, sets.speak(texts, teacher), strict=True)
    ]
