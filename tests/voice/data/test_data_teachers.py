"""The teachers: each says a line the same way twice, with phones that cover it; skipped where absent."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from roundelay.errors import RoundelayError
from roundelay.voice.data import phones, speakers
from roundelay.voice.data.teacher import RATE_HZ, Line
from roundelay.voice.data.teachers import TEACHERS

PROGRAMS = {"flite": "flite", "festival": "festival", "espeak": "espeak-ng"}


@pytest.mark.parametrize("engine", list(TEACHERS))
def test_a_teacher_says_the_same_twice_with_its_phones(engine: str) -> None:
    if engine in PROGRAMS and shutil.which(PROGRAMS[engine]) is None:
        pytest.skip(f"{PROGRAMS[engine]} is not installed (make setup-train)")
    teacher, voice = TEACHERS[engine], speakers.training_speakers(engine, 0, 1)[0].voice
    try:
        teacher.version()
    except RoundelayError as error:
        pytest.skip(str(error))
    lines = [Line("don't bring nine old keys", voice), Line("stop", speakers.held_out_speakers(engine)[0].voice)]
    first, again = teacher.speak(lines), teacher.speak(lines)
    assert teacher.version()[0].isdigit()
    for a, b in zip(first, again, strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.samples, b.samples)
        assert a.phones == b.phones
        assert {symbol for symbol, _, _ in a.phones} <= set(phones.SYMBOLS)
        assert a.phones[-1][2] == pytest.approx(a.samples.size / RATE_HZ, abs=0.3)
        assert np.abs(a.samples).max() > 0.05
    heard = [symbol for symbol, _, _ in first[1].phones if symbol != "pau"]  # type: ignore[union-attr]
    assert heard in (["s", "t", "aa", "p"], ["s", "t", "ao", "p"])
