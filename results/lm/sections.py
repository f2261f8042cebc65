"""The measurements, one function each; every one returns plain numbers for `numbers/NAME.json`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sets
from sets import HELD_OUT, KNOWN, Spoken

from roundelay.console import progress
from roundelay.voice.audio import Audio
from roundelay.voice.data.grammar import DIGITS
from roundelay.voice.engines.nano.recognizer import NanoTranscriber
from roundelay.voice.engines.nano.responder import written_call
from roundelay.voice.engines.nano.vocabulary import VOICES
from roundelay.voice.engines.nano.weights import NanoWeights
from roundelay.voice.eval.judges import Judge
from roundelay.voice.eval.metrics.error_rate import Errors, word_errors
from roundelay.voice.interfaces import Request
from roundelay.voice.pipeline import Pipeline
from roundelay.voice.text.normalise import normalise
from roundelay.voice.voices import Voice

Numbers = dict[str, Any]
SPEECH_OF_1961 = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country"
)
TEACHER = {VOICES[0]: ("flite", "rms"), VOICES[1]: ("festival", "cmu_us_slt_arctic_hts")}
LOST, RUNAWAY = 0.6, 1.7  # of the teacher's own duration: an end is lost, a voice has run away (ours)


@dataclass(frozen=True)
class Place:
    """The engine under test, where its sets are, and how many of each to take."""

    weights: NanoWeights
    pipeline: Pipeline
    people: Path
    recordings: Path
    count: int


def _heard(place: Place, chosen: list[Spoken], label: str, hear: Callable[[Audio], str] | None = None) -> Numbers:
    hear = hear or (lambda audio: place.pipeline.transcribe(audio).text)
    sums: dict[str, Errors] = defaultdict(lambda: Errors(0, 0))
    for one in progress(chosen, label, len(chosen)):
        found = word_errors(one.text, hear(one.audio))
        for group in (one.group, "all"):
            sums[group] = sums[group] + found
    return {name: {"wer": round(found.rate, 4), "words": found.total} for name, found in sums.items()}


def hear(place: Place) -> Numbers:
    """What the model writes down: domain and open sentences, known and held-out voices."""
    domain = [question.text for question in sets.asked(place.count)] + sets.everyday(place.count // 2)
    return {
        "domain, known voices": _heard(place, sets.spoken(domain, KNOWN), "domain, known voices"),
        "domain, held-out voices": _heard(place, sets.spoken(domain, HELD_OUT), "domain, held out"),
        "open sentences, known voices": _heard(place, sets.spoken(sets.written(), KNOWN), "open, known"),
        "open sentences, held-out voices": _heard(place, sets.spoken(sets.written(), HELD_OUT), "open, held out"),
    }


def alone(place: Place) -> Numbers:
    """What the language model writes down by itself."""
    domain = [question.text for question in sets.asked(place.count // 4)] + sets.everyday(place.count // 8)
    write_down = NanoTranscriber(place.weights).write_down
    return {
        "domain, known voices": _heard(place, sets.spoken(domain, KNOWN), "alone, known", write_down),
        "domain, held-out voices": _heard(place, sets.spoken(domain, HELD_OUT), "alone, held out", write_down),
    }


def people(place: Place) -> Numbers:
    """Real people: the dev split, digits over the telephone, the long sentence of 1961."""
    names = list(DIGITS)
    paths = sorted((place.recordings / "fsdd").rglob("*.wav"))[:: max(1, 1000 // place.count)]
    digits = [Spoken(names[int(path.name[0])], "digits", Audio.read(path)) for path in paths]
    speech = [Spoken(SPEECH_OF_1961, "speech", Audio.read(place.recordings / "jfk.flac"))]
    return {
        "dev split": _heard(place, sets.people(place.people, 3 * place.count), "people"),
        "digits": _heard(place, digits, "digits"),
        "the long sentence": _heard(place, speech, "speech")
        | {"heard": {"text": place.pipeline.transcribe(speech[0].audio).text}},
    }


def ask(place: Place) -> Numbers:
    """Spoken questions in held-out phrasings: right is the exact call."""
    asked = sets.asked(place.count)
    texts, calls = [one.text for one in asked], [str(one.call) for one in asked]
    numbers: Numbers = {}
    for name, voices in (("known voices", KNOWN), ("held-out voices", HELD_OUT)):
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        chosen = sets.spoken(texts, voices, calls)
        for one in progress(chosen, f"questions, {name}", len(chosen)):
            reply = place.pipeline.ask(one.audio)
            heard = reply.transcript.text
            second = written_call(place.weights.language_model, heard) if heard else None
            for group in (one.group, "all"):
                sums[group][0] += reply.response.skill == one.call
                sums[group][1] += str(second) == one.call
                sums[group][2] += 1
        numbers[name] = {
            group: {"right": round(a / n, 4), "right by the model": round(b / n, 4), "questions": n}
            for group, (a, b, n) in sums.items()
        }
    pairs = list(zip(texts, calls, strict=True))
    right = np.mean([place.pipeline.respond(Request(text)).skill == call for text, call in pairs])
    alone = np.mean([str(written_call(place.weights.language_model, normalise(text))) == call for text, call in pairs])
    numbers["written questions"] = {
        "all": {"right": round(float(right), 4), "right by the model": round(float(alone), 4), "questions": len(pairs)}
    }
    return numbers


def _said(place: Place, texts: list[str], judge: Judge, label: str) -> Numbers:
    numbers: Numbers = {}
    for voice, teacher in TEACHER.items():
        ours, theirs, lost, away = Errors(0, 0), Errors(0, 0), 0, 0
        originals = sets.speak(texts, teacher)
        for line, original in progress(zip(texts, originals, strict=True), f"{label}, {voice}", len(texts)):
            if original is None:
                continue
            made = place.pipeline.say(line, Voice(voice))
            ours = ours + word_errors(line, judge.hear(made.samples, made.rate))
            theirs = theirs + word_errors(line, judge.hear(original.samples, original.rate))
            ratio = made.duration_s / original.duration_s
            lost, away = lost + (ratio < LOST), away + (ratio > RUNAWAY)
        numbers[voice] = {
            "ours": round(ours.rate, 4),
            "teacher": round(theirs.rate, 4),
            "lost ends": lost,
            "run away": away,
            "texts": len(texts),
        }
    return numbers


def _words(texts: Iterable[str]) -> set[str]:
    return {word for line in texts for word in line.split()}


def say(place: Place) -> Numbers:
    """What the judge understands of what is said, beside the teacher of the voice."""
    domain = sets.answers(place.count) + sets.everyday(place.count // 2)
    return {
        "domain": _said(place, domain, Judge(_words(domain)), "say, domain"),
        "open sentences": _said(place, sets.written(), Judge(_words(sets.written())), "say, open"),
    }


SECTIONS = {"hear": hear, "alone": alone, "people": people, "ask": ask, "say": say}
