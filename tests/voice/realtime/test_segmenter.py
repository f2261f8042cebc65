"""Voice activity detection: where speech begins and ends, and the bot's own echo."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from worker_case import JFK, LIMITS, RATE, buzz, noise

from roundelay.voice import vad
from roundelay.voice.audio import Audio
from roundelay.voice.realtime import segmenter


def edges(judge: vad.Detector, sound: np.ndarray, piece: int = 320) -> list[segmenter.SpeechBoundary]:
    ear = segmenter.SpeechSegmenter(judge)
    return [edge for at in range(0, len(sound), piece) for edge in ear.push(sound[at : at + piece], LIMITS)]


def test_the_plain_detector_finds_a_voice_in_a_quiet_and_in_a_noisy_room() -> None:
    for level in (0.0005, 0.01):
        voiced = buzz(800) + noise(800, level, 1)
        sound = np.concatenate([noise(1_600, level), voiced, noise(800, level, 2)])
        start, stop = edges(vad.EnergyDetector(), sound)
        assert start.starts and abs(start.sample - 1_600 * 16) <= 1_024
        assert not stop.starts and abs(stop.sample - 2_400 * 16) <= 2_048


def test_the_plain_detector_takes_neither_silence_nor_hiss_nor_a_click_for_a_voice() -> None:
    click = np.zeros(16_000, np.float32)
    click[8_000:8_100] = 0.9
    for sound in (np.zeros(32_000, np.float32), noise(2_000, 0.05), click):
        assert edges(vad.EnergyDetector(), sound) == []


def test_a_frame_that_may_begin_a_voice_is_doubtful_for_a_while_only() -> None:
    begins, mumbles = [0.1, 0.3, 0.1, 0.4, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1], [0.3] * 20 + [0.1, 0.3]

    class Scripted:
        def __init__(self, said: list[float]) -> None:
            self.said = iter(said)

        def speech_probability(self, frame: np.ndarray) -> float:
            return next(self.said)

    def doubted(said: list[float]) -> tuple[list[int], list[bool]]:
        ear, maybe_speech, found = segmenter.SpeechSegmenter(Scripted(said)), [], []
        for at in range(len(said)):
            found += [edge.starts for edge in ear.push(np.zeros(vad.FRAME, np.float32), LIMITS)]
            maybe_speech += [at] * ear.maybe_speech
        return maybe_speech, found

    assert doubted(begins) == ([1, 3, 4, 5], [True, False])  # with the frame of the edge: nothing slips through there
    assert doubted(mumbles) == ([0, 1, 2, 3, 4, 5, 21], [])


def test_sound_that_nobody_judged_keeps_its_place() -> None:
    ear = segmenter.SpeechSegmenter(vad.EnergyDetector())
    assert [edge.starts for edge in ear.push(np.concatenate([noise(500), buzz(500)]), LIMITS)] == [True]
    ear.skip(10 * RATE)
    assert not ear.maybe_speech
    start, stop = ear.push(np.concatenate([noise(600), buzz(500), noise(500)]), LIMITS)
    assert start.starts and abs(start.sample - 11_600 * 16) <= 1_024 and not stop.starts


def test_edges_do_not_depend_on_how_the_sound_is_cut() -> None:
    sound = np.concatenate([noise(500), buzz(700), noise(600, seed=3), buzz(300), noise(500, seed=4)])
    whole = edges(vad.EnergyDetector(), sound, len(sound))
    assert len(whole) == 4 and [edge.starts for edge in whole] == [True, False, True, False]
    assert all(edges(vad.EnergyDetector(), sound, piece) == whole for piece in (1, 511, 4_096))


def test_sileros_file_is_found_without_importing_torch() -> None:
    code = (
        "import sys; from roundelay.voice import vad; from roundelay.voice.realtime import worker; "
        "path = vad.silero_path(); vad.default_detector(); "
        "assert 'torch' not in sys.modules and 'silero_vad' not in sys.modules; print(path)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(vad.silero_path() is None, reason="Silero's file is not installed")
@pytest.mark.skipif(not JFK.exists(), reason="no shared recordings beside this checkout")
def test_silero_and_the_plain_detector_agree_on_a_recording() -> None:
    path = vad.silero_path()
    assert path is not None
    sound = np.concatenate([np.zeros(8_000, np.float32), Audio.read(JFK, RATE).samples, np.zeros(16_000, np.float32)])
    masks = []
    for judge in (vad.Silero(path), vad.EnergyDetector()):
        mask = np.zeros(len(sound), bool)
        found = edges(judge, sound)
        assert found and found[0].starts and not found[-1].starts
        for start, stop in zip(found[::2], found[1::2], strict=True):
            mask[start.sample : stop.sample] = True
        masks.append(mask)
    assert (masks[0] == masks[1]).mean() > 0.8
    assert not masks[0][:7_000].any() and not masks[0][-8_000:].any()


def babble(seed: int, ms: int = 2_400) -> np.ndarray:
    """Buzzes whose pitch wanders, so that no two moments are alike."""
    draw = np.random.default_rng(seed)
    hz = np.repeat(draw.uniform(90, 220, ms // 60), 60 * 16)
    return (0.2 * (2 * (np.cumsum(hz) / RATE % 1) - 1)).astype(np.float32)


def through(played: np.ndarray, heard: np.ndarray) -> list[segmenter.SpeechBoundary]:
    ear = segmenter.SpeechSegmenter(vad.EnergyDetector(), echo := segmenter.Echo())
    echo.played(played)
    return list(ear.push(np.concatenate([noise(500, 0.002, 5), heard, noise(500, 0.002, 6)]), LIMITS))


def test_an_echo_is_taken_back_and_a_user_over_it_is_not() -> None:
    played = babble(1)
    echo = 0.3 * np.concatenate([np.zeros(4_800, np.float32), played[:24_000]]) + noise(1_800, 0.002)
    start, back = through(played, echo)
    assert start.starts and not back.starts and back.sample == start.sample and back.echo >= LIMITS.echo
    start, stop = through(played, babble(2, 900))
    assert start.starts and not stop.starts and stop.sample - start.sample > 12_000 and start.echo == stop.echo == 0
    interrupting = echo.copy()
    interrupting[16_000:] += babble(3, 900)[: len(interrupting) - 16_000]
    start, back, user, stop = through(played, interrupting)
    assert back.sample == start.sample and user.starts and user.sample > 12_000 and stop.sample > user.sample
