"""Audio: every good file gives mono samples, every bad one gives one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.errors import BadInput, WouldOverwrite
from roundelay.voice.audio import Audio, writing


def tone(rate: int, seconds: float = 0.5, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_written_and_read_again(tmp_path: Path, suffix: str) -> None:
    audio = Audio(tone(16_000), 16_000)
    audio.write(tmp_path / f"a{suffix}")
    again = Audio.read(tmp_path / f"a{suffix}")
    assert again.rate == 16_000
    assert again.samples.size == audio.samples.size
    assert np.abs(again.samples - audio.samples).max() < (0.1 if suffix == ".ogg" else 1e-4)


@pytest.mark.parametrize("rate", [4_000, 8_000, 22_050, 96_000, 192_000, 767_999, 768_000])
def test_every_rate_and_channel_count_becomes_16_khz_mono(tmp_path: Path, rate: int) -> None:
    stereo = np.stack([tone(rate), tone(rate)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, rate)
    audio = Audio.read(tmp_path / "a.wav", 16_000)
    assert audio.rate == 16_000
    assert audio.duration_s == pytest.approx(0.5, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(audio.samples))
    assert np.argmax(spectrum) * 16_000 / audio.samples.size == pytest.approx(440, abs=3)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([8_000, 11_025, 16_000, 44_100, 48_000]), st.integers(2, 4_000))
def test_resampling_keeps_the_duration(rate: int, count: int) -> None:
    audio = Audio(np.zeros(count, np.float32), rate).resample(16_000)
    assert abs(audio.duration_s - count / rate) <= 2 / 16_000


def test_channels_are_averaged_and_integers_scaled() -> None:
    audio = Audio.from_array(np.array([[16384, 0], [-32768, -32768]], np.int16), 16_000)
    assert audio.samples.tolist() == [0.25, -1.0]


def test_silence_and_a_constant_level_are_sound() -> None:
    for level in (0.0, 0.3, 1.0):
        audio = Audio(np.full(1600, level, np.float32), 16_000)
        assert audio.resample(8_000).samples.size == 800


def test_samples_cannot_be_changed() -> None:
    mine = tone(16_000)
    audio = Audio(mine, 16_000)
    with pytest.raises(ValueError, match="read-only"):
        audio.samples[0] = 1
    mine[0] = 0.25  # the caller's own array stays his


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros(0), 16_000, "0 samples"),
        (np.zeros(1), 16_000, "1 samples"),
        (np.array([0.0, np.nan, 0.0]), 16_000, "NaN"),
        (np.array([0.0, np.inf]), 16_000, "NaN or infinity"),
        (np.array([0.0, 1.5]), 16_000, "full scale"),
        (np.zeros((2, 2)), 16_000, "mono"),
        (np.zeros(9), 3_999, "4000 to 768000"),
        (np.zeros(9), 768_001, "4000 to 768000"),
    ],
)
def test_bad_samples_are_one_line(samples: np.ndarray, rate: int, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        Audio(samples, rate)
    assert "\n" not in str(caught.value)


def bad_files(folder: Path) -> dict[str, Path]:
    whole = folder / "whole.wav"
    soundfile.write(whole, tone(16_000), 16_000)
    made = {
        "empty": b"",
        "header only": whole.read_bytes()[:44],
        "not sound": b"a recipe for pancakes " * 100,
    }
    for name, content in made.items():
        (folder / f"{name}.wav").write_bytes(content)
    soundfile.write(folder / "one.wav", np.zeros(1), 16_000)
    soundfile.write(folder / "nan.wav", np.full(100, np.nan, np.float32), 16_000, subtype="FLOAT")
    soundfile.write(folder / "slow.wav", np.zeros(100), 3_000)
    soundfile.write(folder / "x.ogg", tone(16_000, 3.0), 16_000)
    ogg = (folder / "x.ogg").read_bytes()
    (folder / "cut.ogg").write_bytes(ogg[: len(ogg) // 2])  # libsndfile wants an Ogg's last page
    return {path.name: path for path in folder.iterdir()} | {"missing": folder / "no.wav", "folder": folder}


BAD_WAVS = ["empty", "header only", "not sound", "one", "nan", "slow"]


@pytest.mark.parametrize("name", [*(f"{name}.wav" for name in BAD_WAVS), "cut.ogg", "missing", "folder"])
def test_bad_files_are_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        Audio.read(bad_files(tmp_path)[name])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_renamed_file_is_read_for_what_it_is(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(16_000), 16_000)
    (tmp_path / "a.flac").rename(tmp_path / "a.mp3")
    assert Audio.read(tmp_path / "a.mp3").rate == 16_000


def test_a_clipped_float_file_is_held_within_full_scale(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", 4 * tone(16_000), 16_000, subtype="FLOAT")
    assert np.abs(Audio.read(tmp_path / "loud.wav").samples).max() == 1.0


@pytest.mark.parametrize("suffix", [".mp3", ".aac", ".m4a", ".mp4"])
def test_what_phones_play_is_written_and_read_again(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("av", reason="the package av is not installed")
    audio = Audio(tone(16_000, 2.0), 16_000)
    with writing(tmp_path / f"a{suffix}", 16_000) as write:
        for at in range(0, len(audio.samples), 1000):
            write(audio.samples[at : at + 1000])
    again = Audio.read(tmp_path / f"a{suffix}", 16_000)
    assert abs(again.duration_s - 2.0) < 0.15 and 0.9 < np.std(again.samples) / np.std(audio.samples) < 1.1
    with pytest.raises(ZeroDivisionError), writing(tmp_path / f"b{suffix}", 16_000) as write:
        write(audio.samples)
        raise ZeroDivisionError
    with pytest.raises(BadInput, match="cannot be written at 5123 Hz"):
        Audio(audio.samples, 5_123).write(tmp_path / f"c{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_writing_leaves_nothing_behind_and_asks_before_replacing(tmp_path: Path) -> None:
    audio = Audio(tone(16_000), 16_000)
    with pytest.raises(BadInput, match="must end in"):
        audio.write(tmp_path / "a.txt")
    audio.write(tmp_path / "a.wav")
    with pytest.raises(WouldOverwrite):
        audio.write(tmp_path / "a.wav")
    with pytest.raises(BadInput, match="cannot be written at"):
        Audio(np.zeros(99, np.float32), 11_025).write(tmp_path / "b.opus")  # Opus knows five rates
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
