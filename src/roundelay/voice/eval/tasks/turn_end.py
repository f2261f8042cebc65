"""Is the turn over? Pauses inside sentences told from their ends: by sound and words, and by words of questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.voice.eval.tasks.task import Numbers, Recording, Row, Task, fixed
from roundelay.voice.interfaces import EndOfTurn
from roundelay.voice.realtime import endpointing
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.segmenter import SpeechSegmenter
from roundelay.voice.vad import Detector

LIMITS = Thresholds()
PAUSE_MS = 1_000  # how long a pause is taken to last: to wait less is to take over
PADDING = np.zeros(INPUT_RATE_HZ, np.float32)  # around each sentence: the network forgets the one before
FEWEST_WORDS = 3
Scores = Mapping[str, Callable[[str], float]]  # how complete words look, -1 to 1, by each of several judges


def scores(predictor: EndOfTurn, domain: Callable[[str], bool]) -> dict[str, Callable[[str], float]]:
    """Text scores by rules alone, by whether the words are a known question, by the predictor, and by both."""
    return {
        "rules": endpointing.text_score,
        "a known question": lambda text: 1.0 if domain(text) else -1.0,
        "the n-gram": lambda text: endpointing.text_score(text, predictor.probability(text, domain_only=False)),
        "both": lambda text: endpointing.text_score(text, predictor.probability(text, domain_only=True)),
        # as if the recogniser wrote the mark of a sentence's end behind each part
        "both, all marked": lambda text: endpointing.text_score(text, predictor.probability(f"{text}.", True)),
    }


def speech(detector: Detector, samples_T: np.ndarray) -> list[tuple[int, int]]:
    """The stretches of speech in float32 [T] at 16 kHz, as the session would be told of them: (start, stop) samples."""
    found = list(SpeechSegmenter(detector).push(np.concatenate([PADDING, samples_T, PADDING]), LIMITS))
    pad = len(PADDING)
    return [(max(0, a.sample - pad), b.sample - pad) for a, b in zip(found[::2], found[1::2], strict=False)]


@dataclass(frozen=True, slots=True)
class Heard:
    """Judges by the words that a recogniser hears in a part: `transcribe` takes float32 [T] at 16 kHz."""

    transcribe: Callable[[np.ndarray], str]
    judges: Scores

    def scores(self, samples_T: np.ndarray) -> dict[str, float]:
        """What each judge finds."""
        text = self.transcribe(samples_T)
        return {name: score(text) for name, score in self.judges.items()}


def sentences(
    recordings: Sequence[Recording],
    detector: Detector,
    by_words: Mapping[str, Callable[[str], float] | None],
    heard: Heard | None = None,
) -> Task[Recording]:
    """The task: pauses inside sentences that people read, told from their ends by prosody and, each with it, by words.

    The words of a part are the transcript's first ones, as many as its share of the speech. None is prosody alone.
    `heard` adds judges by the words that a recogniser hears.
    """
    names = (*by_words, *(heard.judges if heard else ()))

    def run(recording: Recording) -> Row | None:
        samples, words = recording.audio.samples, recording.text.split()
        stretches = speech(detector, samples)
        if not stretches or len(words) < FEWEST_WORDS:
            return None
        spoken = np.cumsum([stop - start for start, stop in stretches])
        row: dict[str, dict[str, list[float]]] = {name: {"inner": [], "end": []} for name in names}
        first = max(0, stretches[0][0] - LIMITS.prefix_ms * INPUT_RATE_HZ // 1000)
        for at, (_, stop) in enumerate(stretches):
            kind = "end" if at == len(stretches) - 1 else "inner"
            said = " ".join(words[: max(1, round(len(words) * spoken[at] / spoken[-1]))])
            prosody = endpointing.prosody_score(samples[stretches[0][0] : stop])
            by_text = {name: score(said) if score else 0.0 for name, score in by_words.items()}
            by_text |= heard.scores(samples[first:stop]) if heard else {}
            for name, found in by_text.items():
                row[name][kind].append(endpointing.combined_probability(prosody, found))
        return row

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {"sentences": len(rows)}
        for name in names:
            ends = [chance for row in rows for chance in row[name]["end"]]
            inner = [chance for row in rows for chance in row[name]["inner"]]
            waits = waits_ms(ends)
            numbers[name] = {
                "pauses": len(inner),
                "ends": len(ends),
                "area": round(area(ends, inner), 3),
                "takeover_1s": takeovers(inner),
                "at_once": round(float((waits <= LIMITS.commit_sure_ms).mean()), 3),
                "wait_at_end_mean_ms": int(np.mean(waits)),
                "wait_at_end_median_ms": int(np.median(waits)),
                "wait_at_end_p95_ms": int(np.percentile(waits, 95)),
            }
        return numbers

    return Task("sentences", fixed(recordings), run, score)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first words of a question: `kinds` are "end", or "inner" and, in the middle third, "middle"."""

    text: str
    kinds: tuple[str, ...]


def prefixes(text: str) -> list[Prefix]:
    """A question broken off after every word but the first."""
    words, found = text.split(), []
    for count in range(2, len(words) + 1):
        share = count / len(words)
        kinds = ("end",) if count == len(words) else ("inner", "middle") if 1 / 3 <= share <= 2 / 3 else ("inner",)
        found.append(Prefix(" ".join(words[:count]), kinds))
    return found


def broken_questions(questions: Callable[[int], Sequence[str]], by_words: Scores, seed: int = 0) -> Task[str]:
    """The task: takeovers inside questions broken off after every word, by words alone, and waits at their ends."""

    def run(text: str) -> Row:
        row: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in by_words}
        for prefix in prefixes(text):
            for name, score in by_words.items():
                chance = endpointing.combined_probability(0.0, score(prefix.text))
                for kind in prefix.kinds:
                    row[name][kind].append(chance)
        return row

    def score(rows: Sequence[Row]) -> Numbers:
        numbers: Numbers = {}
        for name in by_words:
            found = {kind: [x for row in rows for x in row[name].get(kind, ())] for kind in ("end", "inner", "middle")}
            waits = waits_ms(found["end"])
            numbers[name] = {
                "takeover_1s": takeovers(found["inner"]),
                "takeover_1s_middle": takeovers(found["middle"]),
                "at_once": round(float((waits <= LIMITS.commit_sure_ms).mean()), 3),
                "wait_at_end_p95_ms": int(np.percentile(waits, 95)),
            }
        return numbers

    return Task("questions", questions, run, score, seed)


def waits_ms(chances: Sequence[float]) -> np.ndarray:
    """How long the session waits at each probability that the turn is over."""
    return np.array([LIMITS.wait_ms(chance) for chance in chances])


def takeovers(inner: Sequence[float]) -> float:
    """The share of one-second pauses at which the session would take the turn."""
    return round(float((waits_ms(inner) < PAUSE_MS).mean()), 3) if len(inner) else float("nan")


def area(ends: Sequence[float], inner: Sequence[float]) -> float:
    """The probability that an end is judged higher than a pause: the area under the ROC curve."""
    return float(np.mean([(end > pause) + 0.5 * (end == pause) for end in ends for pause in inner]))
