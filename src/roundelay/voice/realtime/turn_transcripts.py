"""The transcripts of one conversation's turns: each made once, and only of what is not final yet (ours)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import MIN_SAMPLES
from roundelay.voice.interfaces import CallOptions, Cancelled, Transcript
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ

MAX_KEPT = 16  # transcripts of turns and parts of turns
# At a pause the turn is heard again from its start; once that is longer than the least window of a recogniser of whole
# utterances (below it the cost is the same), only from an earlier pause.
MAX_AGAIN = 12 * INPUT_RATE_HZ
# On either side of that pause, where there is one: neighbouring words help to recognise one another.
MIN_APART = 4 * INPUT_RATE_HZ


@dataclass(frozen=True, slots=True)
class Span:
    """Samples `start` to `end` of the input, in a turn."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """The transcript of a span; the words before the sample `base` were final already."""

    span: Span
    base: int
    transcript: Future[Transcript]
    final: str = ""  # the words before `base`

    @property
    def text(self) -> str | None:
        """The words of the span; None while they are not known, or where its recognition failed."""
        done = self.transcript.done() and self.transcript.exception() is None
        return self.transcript.result().text if done else None


@dataclass(slots=True)
class TurnTranscripts:
    """Transcripts by span, of the audio that `cut(start, end)` gives. Safe between threads."""

    transcribe: Callable[[Audio, CallOptions], Transcript]
    cut: Callable[[int, int], np.ndarray]
    cancelled: Cancelled
    _readings: OrderedDict[Span, _Reading] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, span: Span, partial: Callable[[str], object] | None = None) -> Transcript:
        """What was said in a span; the first thread that asks makes it, others wait for it.

        `partial` takes earlier, less certain words of the same span, from a transcriber that has them. Raises what
        `transcribe` raises.
        """
        with self._lock:
            reading = self._readings.get(span)
            mine = reading is None
            if reading is None:
                base, final = self._final_before(span)
                reading = self._readings[span] = _Reading(span, base, Future(), final)
                while len(self._readings) > MAX_KEPT:
                    self._readings.popitem(last=False)
        if mine:
            try:
                reading.transcript.set_result(self._make(reading, partial))
            except BaseException as error:
                reading.transcript.set_exception(error)
        return reading.transcript.result()

    def known(self, span: Span) -> Transcript | None:
        """The transcript of a span; None where it is not made yet, or failed."""
        with self._lock:
            reading = self._readings.get(span)
        return reading.transcript.result() if reading is not None and reading.text is not None else None

    def _final_before(self, span: Span) -> tuple[int, str]:
        """From which sample the span is to be heard, and the words before it."""
        known = [
            each
            for each in self._readings.values()
            if (each.span.turn, each.span.start) == (span.turn, span.start) and each.span.end < span.end and each.text
        ]
        if not known:
            return span.start, ""
        base, final = max((each.base, each.final) for each in known)
        if span.end - base <= MAX_AGAIN:
            return base, final
        pauses = [each for each in known if each.base == base]
        apart = [each for each in pauses if each.span.end - base >= MIN_APART and span.end - each.span.end >= MIN_APART]
        last = max(apart or pauses, key=lambda each: each.span.end)
        return last.span.end, last.text or ""

    def _make(self, reading: _Reading, partial: Callable[[str], object] | None) -> Transcript:
        samples = self.cut(reading.base, reading.span.end)
        if len(samples) < MIN_SAMPLES:
            return Transcript(reading.final)
        take = None if partial is None else lambda heard: partial(_joined(reading.final, heard.text))
        found = self.transcribe(Audio.from_array(samples, INPUT_RATE_HZ), CallOptions(self.cancelled, partial=take))
        if not reading.final:
            return found
        others = tuple(_joined(reading.final, each) for each in found.alternatives)
        return replace(found, text=_joined(reading.final, found.text), alternatives=others)


def _joined(before: str, after: str) -> str:
    return " ".join(part for part in (before.strip(), after.strip()) if part)
