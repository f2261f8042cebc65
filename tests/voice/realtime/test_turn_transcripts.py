"""The transcripts of turns: each made once, long turns by parts, partial words with what was final before them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from roundelay.errors import RoundelayError
from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import CallOptions, Transcript
from roundelay.voice.realtime.turn_transcripts import MAX_AGAIN, MIN_APART, Span, TurnTranscripts

RATE = 16_000


class Recorded:
    """A transcriber of input whose samples are the second they are in: its words are those seconds."""

    def __init__(self) -> None:
        self.lengths: list[float] = []
        self.fails = False
        self.transcripts = TurnTranscripts(self.transcribe, self.cut, lambda: False)

    def cut(self, start: int, end: int) -> np.ndarray:
        return np.arange(start, end, dtype=np.float32) / RATE / 1000

    def transcribe(self, audio: Audio, options: CallOptions) -> Transcript:
        self.lengths.append(audio.duration_s)
        if self.fails:
            raise RoundelayError("broken")
        seconds = sorted({int(each) for each in audio.samples[:: RATE // 8] * 1000 + 1e-3})
        text = " ".join(map(str, seconds))
        if options.partial is not None:
            options.partial(Transcript(f"about {text}", final=False))
        return Transcript(text)

    def read(self, until_s: float) -> str:
        return self.transcripts.read(Span(1, 0, round(until_s * RATE))).text


def test_a_span_is_transcribed_once_however_many_ask() -> None:
    made = Recorded()
    gate = threading.Barrier(4)

    def ask() -> str:
        gate.wait(5)
        return made.read(2)

    with ThreadPoolExecutor(4) as pool:
        assert {each.result() for each in [pool.submit(ask) for _ in range(4)]} == {"0 1"}
    assert made.lengths == [2.0]


def test_a_short_turn_is_heard_whole_at_each_pause() -> None:
    made = Recorded()
    assert [made.read(each) for each in (3, 6, 12)] == ["0 1 2", "0 1 2 3 4 5", " ".join(map(str, range(12)))]
    assert made.lengths == [3, 6, 12]


def test_of_a_long_turn_only_what_was_said_since_is_heard_again() -> None:
    made = Recorded()
    for pause in range(3, 58, 3):
        assert made.read(pause) == " ".join(map(str, range(pause))), "no word is lost or twice"
    assert max(made.lengths) * RATE <= MAX_AGAIN
    assert min(made.lengths[4:]) * RATE >= MIN_APART


def test_a_long_turn_without_pauses_is_heard_whole() -> None:
    made = Recorded()
    assert made.read(30) == " ".join(map(str, range(30)))
    assert made.read(40) == " ".join(map(str, range(40))) and made.lengths == [30, 10]


def test_partial_words_follow_those_that_are_final() -> None:
    made, told = Recorded(), list[str]()
    made.read(9)
    made.transcripts.read(Span(1, 0, 13 * RATE), told.append)
    assert told == ["0 1 2 3 4 5 6 7 8 about 9 10 11 12"]


def test_a_failure_is_every_askers_and_the_next_span_starts_where_the_last_good_one_did() -> None:
    made = Recorded()
    made.read(10)
    made.fails = True
    for _ in range(2):
        with pytest.raises(RoundelayError, match="broken"):
            made.read(12)
    made.fails = False
    assert made.read(11.5) == " ".join(map(str, range(12)))
    assert made.lengths == [10, 12, 11.5]
