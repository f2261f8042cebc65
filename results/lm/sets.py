"""The sets the language model is tested on, spoken anew by the teachers: texts and phrasings held out from training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.data import questions, text
from roundelay.voice.data.manifest import read_manifest, sound_of
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.data.speakers import held_out_speaker
from roundelay.voice.data.teachers import RATE_HZ, TEACHERS, Line

KNOWN = {
    "flite-rms": ("flite", "rms"),
    "flite-slt": ("flite", "slt"),
    "festival-slt": ("festival", "cmu_us_slt_arctic_hts"),
    "espeak-en-us": ("espeak", "en-us"),
}
HELD_OUT = {
    f"{engine}-{held_out_speaker(engine).voice}": (engine, held_out_speaker(engine).voice) for engine in TEACHERS
}
SEED = 2_026


@dataclass(frozen=True)
class Spoken:
    """A line as spoken by a voice; `group` names its row in a table, `call` what a question means."""

    text: str
    group: str
    audio: Audio
    call: str | None = None


def asked(count: int) -> list[questions.Question]:
    """Questions in phrasings that never occur in training, no text twice."""
    rng, found = np.random.default_rng(SEED), {}
    while len(found) < count:
        question = questions.draw(rng, "test")
        found.setdefault(question.text, question)
    return list(found.values())


def everyday(count: int) -> list[str]:
    """Held-out sentences of the grammar, no text twice."""
    rng, found = np.random.default_rng(SEED + 1), {}
    while len(found) < count:
        line, kind = text.draw(rng, "test", 0.0)
        found.setdefault(line, kind)
    return list(found)


def answers(count: int) -> list[str]:
    """Held-out answers of the assistant, as words, no text twice."""
    rng, found = np.random.default_rng(SEED + 2), {}
    while len(found) < count:
        found.setdefault(questions.draw_answer_line(rng, "test"), True)
    return list(found)


def written() -> list[str]:
    """Sixty plain, balanced sentences written for this project, with words of no closed list."""
    return sorted(TEST_SENTENCES)


def speak(texts: Sequence[str], voice: tuple[str, str]) -> list[Audio | None]:
    """The texts by one teacher's voice."""
    engine, name = voice
    made = TEACHERS[engine].speak([Line(line, name) for line in texts])
    return [None if one is None else Audio(one.samples, RATE_HZ) for one in made]


def spoken(texts: Sequence[str], voices: dict[str, tuple[str, str]], calls: Sequence[str] = ()) -> list[Spoken]:
    """Every text by every voice."""
    found = []
    for group, voice in voices.items():
        for at, (line, audio) in enumerate(zip(texts, speak(texts, voice), strict=True)):
            if audio is not None:
                found.append(Spoken(line, group, audio, calls[at] if calls else None))
    return found


def people(corpus: Path, most: int) -> list[Spoken]:
    """The dev split of the people's corpus, every n-th clip, by collection and kind."""
    rows = [row for row in read_manifest(corpus) if row.split == "dev"]
    rows = rows[:: max(1, len(rows) // most)]
    return [
        Spoken(row.text, f"{row.engine_version.split('/')[-1]}, {row.kind}", Audio(sound_of(corpus, row), row.rate_hz))
        for row in rows
    ]


def save(path: Path, numbers: object) -> None:
    """Write numbers as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(numbers, indent=1) + "\n")
