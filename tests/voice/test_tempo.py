"""Speed without pitch: any cut of the input gives the same, as long as it should be, and the tone stays."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.voice.audio import Audio
from roundelay.voice.stream import FinishedStream
from roundelay.voice.tempo import Tempo, paced

pytest.importorskip("av", reason="the package av is not installed")
RATE_HZ = 24_000


def tone(seconds: float, hz: float = 220) -> np.ndarray:
    at = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hz * at) + 0.2 * np.sin(4 * np.pi * hz * at)).astype(np.float32)


@pytest.mark.parametrize("speed", [0.25, 0.4, 0.5, 0.9, 1.25, 2.0, 3.0, 4.0])
def test_length_and_pitch(speed: float) -> None:
    tempo = Tempo(RATE_HZ, speed)
    made = np.concatenate([tempo.push(tone(4.0)), tempo.finish()])
    assert len(made) / RATE_HZ == pytest.approx(4.0 / speed, abs=0.1 + 0.05 / speed)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))
    assert spectrum.argmax() * RATE_HZ / len(made) == pytest.approx(220, abs=3)
    assert np.abs(made).max() <= 1 and np.std(made) == pytest.approx(np.std(tone(4.0)), rel=0.1)


@pytest.mark.parametrize("speed", [0.3, 1.3, 3.7])
def test_the_output_does_not_depend_on_where_the_input_is_cut(speed: float) -> None:
    sound, rng = (
        tone(2.0) + np.asarray(0.1 * np.random.default_rng(0).standard_normal(2 * RATE_HZ), np.float32),
        np.random.default_rng(1),
    )
    whole, cut = Tempo(RATE_HZ, speed), Tempo(RATE_HZ, speed)
    expected, at, parts = np.concatenate([whole.push(sound), whole.finish()]), 0, []
    while at < len(sound):
        size = int(rng.integers(0, 3000))
        parts.append(cut.push(sound[at : at + size]))
        at += size
    parts.append(cut.finish())
    assert np.array_equal(np.concatenate(parts), expected)
    with pytest.raises(FinishedStream):
        cut.push(sound)


def test_it_streams_and_very_short_speech_is_kept() -> None:
    tempo = Tempo(RATE_HZ, 1.5)
    assert len(tempo.push(tone(0.1))) > 256
    for samples in (2, 100, 2000):
        blocks = list(paced([Audio(tone(1.0)[:samples], RATE_HZ)], 1.5))
        assert sum(len(block.samples) for block in blocks) >= samples / 1.5
    assert list(paced([], 2.0)) == []
