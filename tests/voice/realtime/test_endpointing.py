"""Whether a turn is over, by its words and its prosody."""

from __future__ import annotations

import numpy as np
import pytest
from worker_case import LIMITS, RATE, FakeEngine, WorkerTest, buzz

from roundelay.voice.realtime import endpointing
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev


@pytest.mark.parametrize("text", ["what is the capital of france", "stop", "how are you", "add two and three", "yes"])
def test_complete_words_are_over(text: str) -> None:
    assert endpointing.end_of_turn_probability(np.zeros(0, np.float32), text) >= LIMITS.sure


@pytest.mark.parametrize("text", ["what is the", "twelve plus", "i would like to um", "and", "how many"])
def test_words_that_need_another_are_not(text: str) -> None:
    assert endpointing.end_of_turn_probability(np.zeros(0, np.float32), text) <= LIMITS.unsure


def test_words_that_nobody_can_answer_are_waited_for_and_whole_questions_are_not() -> None:
    sure = glide(140, 100, 0.3)
    assert endpointing.end_of_turn_probability(sure, "what is the capital of", 0.95) >= LIMITS.sure
    wait_ms = LIMITS.wait_ms(endpointing.end_of_turn_probability(sure, "what is twelve", 0.05))
    assert (
        wait_ms is not None
        and wait_ms > 1_000
        and endpointing.end_of_turn_probability(sure, "what is twelve") >= LIMITS.sure
    )
    assert endpointing.end_of_turn_probability(sure, "", 0.0) == endpointing.end_of_turn_probability(sure)
    judged = []
    for known in (True, False, None):
        engine = FakeEngine(heard="what is twelve")
        engine.probability = lambda text, domain_only, known=known: known  # type: ignore[method-assign,misc]
        bench = WorkerTest(engine)
        bench.worker.hear(buzz(1_000))
        bench.worker.do(do.Transcribe(1, 0, 16_000))
        judged.append(
            next(e.probability for e in bench.wait(ev.EndOfTurnPredicted) if isinstance(e, ev.EndOfTurnPredicted))
        )
    assert judged[1] < LIMITS.unsure < LIMITS.sure < judged[2] <= judged[0]


def glide(first_hz: float, last_hz: float, fade: float) -> np.ndarray:
    """A buzz of a second whose pitch and loudness change over its last fifth."""
    bend = np.clip((np.arange(RATE) / RATE - 0.8) / 0.1, 0, 1)
    hz = first_hz * (last_hz / first_hz) ** bend
    wave = 2 * (np.cumsum(hz) / RATE % 1) - 1
    return (0.2 * wave * fade**bend).astype(np.float32)


def test_a_fall_sounds_like_an_end_and_a_level_pitch_does_not() -> None:
    fall, level = endpointing.prosody_score(glide(140, 100, 0.4)), endpointing.prosody_score(glide(140, 140, 1.0))
    assert fall > 0.5 and level < -0.2 and endpointing.prosody_score(glide(140, 200, 0.6)) > 0.5
    assert endpointing.prosody_score(np.zeros(100, np.float32)) == 0.0
    assert (
        endpointing.end_of_turn_probability(glide(140, 140, 1.0))
        < 0.5
        < endpointing.end_of_turn_probability(glide(140, 100, 0.4))
    )
