"""The sets that engines are tested on: corpora, folders of recordings, held-out texts spoken anew by the teachers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.data import questions, text
from roundelay.voice.data.grammar import DIGITS
from roundelay.voice.data.manifest import Utterance, read_manifest, sound_of
from roundelay.voice.data.phones import plain
from roundelay.voice.data.sentences import TEST_SENTENCES
from roundelay.voice.data.speakers import held_out_speakers
from roundelay.voice.data.teacher import RATE_HZ, Line
from roundelay.voice.data.teachers import PROGRAMS, TEACHERS
from roundelay.voice.eval.tasks.task import Recording
from roundelay.voice.text.pronunciations import pronounce

SEED = 2_026
LONG_SENTENCE = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)
TeacherVoice = tuple[str, str]  # engine, voice
KNOWN: dict[str, TeacherVoice] = {
    "flite-rms": ("flite", "rms"),
    "flite-slt": ("flite", "slt"),
    "festival-slt": ("festival", "cmu_us_slt_arctic_hts"),
    "espeak-en-us": ("espeak", "en-us"),
}
HELD_OUT: dict[str, TeacherVoice] = {
    speaker.name: (speaker.engine, speaker.voice) for teacher in PROGRAMS for speaker in held_out_speakers(teacher.name)
}


def pick(corpus: Path, split: str, most: int | None = None) -> list[Utterance]:
    """The utterances of a split, every n-th one so that at most `most` remain."""
    rows = [row for row in read_manifest(corpus) if row.split == split]
    return rows[:: max(1, -(-len(rows) // most))] if most else rows


def engine_of(row: Utterance) -> str:
    """The synthesizer of an utterance, or "human"."""
    return row.engine


def origin_of(row: Utterance) -> str:
    """The synthesizer, or of people's recordings the collection and the kind of clip."""
    return row.engine if row.engine != "human" else f"{row.engine_version.split('/')[-1]}, {row.kind}"


def recordings(
    corpus: Path,
    rows: Sequence[Utterance],
    group: Callable[[Utterance], str] = engine_of,
    *,
    set: str = "",
    phones: bool = False,
) -> list[Recording]:
    """The utterances with their audio; `phones` adds those of the teacher, or else of the dictionary."""
    return [
        Recording(
            row.text,
            Audio(sound_of(corpus, row), row.rate_hz),
            group(row),
            set,
            row.speaker,
            _phones(row) if phones else (),
            row.call,
        )
        for row in rows
    ]


def _phones(row: Utterance) -> tuple[str, ...]:
    if row.phones:
        return tuple(phone for phone in (plain(symbol) for symbol, _, _ in row.phones) if phone)
    return tuple(pronounce(row.text) or ())


def digits(folder: Path, every: int, rate_hz: int | None = None, set: str = "digits") -> list[Recording]:
    """Every n-th clip of folder/fsdd, the digit first in its name."""
    paths = sorted((folder / "fsdd").rglob("*.wav"))[::every]
    names = [DIGITS[int(path.name[0])] for path in paths]
    return [
        Recording(name, _audio(path, rate_hz), "digits", set, phones=tuple(pronounce(name) or ()))
        for name, path in zip(names, paths, strict=True)
    ]


def long_sentence(folder: Path, rate_hz: int | None = None, set: str = "speech") -> Recording:
    """folder/jfk.flac, a long sentence of 1961."""
    phones = tuple(pronounce(LONG_SENTENCE) or ())
    return Recording(LONG_SENTENCE, _audio(folder / "jfk.flac", rate_hz), "speech", set, phones=phones)


def _audio(path: Path, rate_hz: int | None) -> Audio:
    return Audio.read(path, rate_hz) if rate_hz else Audio.read(path)


def draw_questions(seed: int, count: int) -> list[questions.Question]:
    """Questions in phrasings that never occur in training, no text twice."""
    rng, found = np.random.default_rng(seed), dict[str, questions.Question]()
    while len(found) < count:
        question = questions.draw(rng, "test")
        found.setdefault(question.text, question)
    return list(found.values())


def draw_everyday(seed: int, count: int) -> list[str]:
    """Held-out sentences of the grammar, no text twice."""
    rng, found = np.random.default_rng(seed + 1), dict[str, str]()
    while len(found) < count:
        line, kind = text.draw(rng, "test", 0.0)
        found.setdefault(line, kind)
    return list(found)


def draw_answers(seed: int, count: int) -> list[str]:
    """Held-out answers of the assistant, as words, no text twice."""
    rng, found = np.random.default_rng(seed + 2), dict[str, bool]()
    while len(found) < count:
        found.setdefault(questions.draw_answer_line(rng, "test"), True)
    return list(found)


def open_sentences(most: int | None = None) -> list[str]:
    """Sixty plain, balanced sentences written for this project, with words of no closed list; or the first `most`."""
    return sorted(TEST_SENTENCES)[:most]


def speak(texts: Sequence[str], voice: TeacherVoice) -> list[Audio | None]:
    """The texts by one teacher's voice; None where it failed."""
    engine, name = voice
    made = TEACHERS[engine].speak([Line(line, name) for line in texts])
    return [None if one is None else Audio(one.samples, RATE_HZ) for one in made]


def spoken(
    texts: Sequence[str], voices: Mapping[str, TeacherVoice], set: str, calls: Sequence[str] = ()
) -> list[Recording]:
    """Every text by every voice; the voice's name is the group."""
    found = []
    for group, voice in voices.items():
        for at, (line, audio) in enumerate(zip(texts, speak(texts, voice), strict=True)):
            if audio is not None:
                found.append(Recording(line, audio, group, set, call=calls[at] if calls else None))
    return found
