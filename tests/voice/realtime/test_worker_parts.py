"""What the worker is made of: input buffer, clauses, candidate budget, leading silence."""

from __future__ import annotations

import numpy as np
import pytest
from worker_case import RATE, buzz, noise

from roundelay.voice.audio import Audio
from roundelay.voice.realtime.budget import CandidateBudget
from roundelay.voice.realtime.clauses import clauses
from roundelay.voice.realtime.reply_request import result_sentence
from roundelay.voice.realtime.ring_buffer import RingBuffer
from roundelay.voice.realtime.trim_silence import PRE_ONSET_MS, trim_leading_silence


def test_the_microphone_keeps_a_minute_and_cuts_by_sample() -> None:
    mic = RingBuffer(keep=1_000)
    for at in range(0, 3_000, 300):
        mic.push(np.arange(at, at + 300, dtype=np.float32))
    assert mic.end == 3_000 and list(mic.cut(2_495, 2_500)) == [2_495, 2_496, 2_497, 2_498, 2_499]
    assert len(mic.cut(0, 3_000)) <= 1_300 and mic.cut(0, 3_000)[-1] == 2_999


def test_clauses_hold_every_word_and_the_first_is_short() -> None:
    text = "Well, that depends on what you mean, as always. It is four percent! " + "word " * 60
    made = clauses(text)
    assert " ".join(made).split() == text.split() and len(made[0]) <= 40 and max(map(len, made)) <= 90
    assert clauses("… !") == [] and result_sentence('get_time({"city": "x"}) = noon') == "get time: noon"


def test_candidates_follow_how_far_the_sound_is_ahead_and_how_long_one_took() -> None:
    now = [100.0]

    def after(candidate_s: float) -> list[int]:
        budget, asked = CandidateBudget(lambda: now[0]), []
        for _ in range(8):
            asked.append(budget.candidates())
            now[0] += candidate_s * asked[-1]
            budget.add(Audio(np.zeros(RATE // 2, np.float32), RATE))
        return asked

    assert after(0.05) == sorted(after(0.05)) and after(0.05)[0] == 1 and after(0.05)[-1] == 4
    assert after(0.6) == [1] * 8  # slower than the listener
    busy = after(0.22)
    assert sum(busy) < sum(after(0.05)) and busy[1] == 1


@pytest.mark.parametrize("size", [160, 1_000, 40_000])
def test_a_reply_begins_where_it_can_be_heard(size: int) -> None:
    sound = np.concatenate([noise(180, 1e-4), buzz(400), noise(300, 1e-4), buzz(50)])
    blocks = (Audio(sound[at : at + size], RATE) for at in range(0, len(sound), size))
    pieces = [block.samples for block in trim_leading_silence(blocks)]
    given = np.concatenate(pieces)
    assert np.array_equal(given, sound[len(sound) - len(given) :]), "only the beginning is left out"
    assert 400 + 350 < len(given) / 16 <= 400 + 350 + PRE_ONSET_MS + 10 and len(pieces[0]) >= 60 * 16


def test_silence_alone_comes_as_it_is() -> None:
    for ms in (100, 3_000):
        quiet = np.zeros(ms * 16, np.float32)
        blocks = (Audio(part, RATE) for part in np.split(quiet, 10))
        assert sum(len(block.samples) for block in trim_leading_silence(blocks)) == len(quiet)
    assert list(trim_leading_silence(iter([]))) == []
