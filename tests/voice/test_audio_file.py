"""Files: every kind of WAV is read whole, what is odd about one is said in a line, and blocks are the whole."""

from __future__ import annotations

import logging
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import AudioFile

RATE_HZ = 16_000
UNKNOWN = 0xFFFF_FFFF


def tone(seconds: float = 1.0, rate: int = RATE_HZ) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def wav(path: Path, sound: np.ndarray, *, form: str = "WAV", subtype: str = "PCM_16", endian: str = "FILE") -> bytes:
    soundfile.write(path, sound, RATE_HZ, subtype, endian, form)
    return path.read_bytes()


def declaring(data: bytes, size: int, riff: int | None = None) -> bytes:
    """The WAV with another size of its sound (and of the whole) in the header."""
    order = ">" if data[:4] == b"RIFX" else "<"
    at = data.index(b"data") + 4
    whole = struct.pack(order + "I", size + 36 if riff is None else riff)
    return data[:4] + whole + data[8:at] + struct.pack(order + "I", size) + data[at + 4 :]


def read(path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        samples = Audio.read(path).samples
    return samples, [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64", "W64"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_kind_of_wav_is_read_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: str, subtype: str, channels: int
) -> None:
    data = wav(tmp_path / "a.wav", np.stack([tone()] * channels, 1), form=form, subtype=subtype)
    samples, told = read(tmp_path / "a.wav", data, caplog)
    assert len(samples) == RATE_HZ and not told
    assert np.abs(samples - tone()).max() < (0.04 if subtype in ("PCM_U8", "ULAW", "ALAW") else 1e-4)


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(("size", "line"), [(0, True), (1_000, True), (UNKNOWN, False), (0x7FFF_FFFF, False)])
def test_a_wrong_size_of_the_sound_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, size: int, line: bool, subtype: str, endian: str
) -> None:
    whole = wav(tmp_path / "a.wav", np.stack([tone(), tone()], 1), subtype=subtype, endian=endian)
    samples, told = read(tmp_path / "a.wav", declaring(whole, size, riff=UNKNOWN if size > 1 << 30 else None), caplog)
    assert len(samples) == RATE_HZ and np.abs(samples - tone()).max() < 1e-4
    assert len(told) == line and all("holds 1.000 s, all of which" in each and "\n" not in each for each in told)


def test_the_64_bit_kinds_with_too_small_a_size_lose_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rf64 = bytearray(wav(tmp_path / "a.wav", tone(), form="RF64"))
    at = rf64.index(b"ds64") + 16
    rf64[at : at + 8] = struct.pack("<Q", 1_000)
    w64 = bytearray(wav(tmp_path / "a.wav", tone(), form="W64"))
    at = w64.index(b"data\xf3") + 16
    w64[at : at + 8] = struct.pack("<Q", 1_024)
    for data in (rf64, w64):
        caplog.clear()
        samples, told = read(tmp_path / "a.wav", bytes(data), caplog)
        assert len(samples) == RATE_HZ and np.abs(samples - tone()).max() < 1e-4
        assert len(told) == 1 and "declares 0.031 s of sound and holds 1.000 s" in told[0]


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64", "W64", "FLAC"])
def test_of_a_truncated_file_what_is_there_is_read_and_one_line_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: str
) -> None:
    data = wav(tmp_path / "a.wav", tone(3.0), form=form)
    samples, told = read(tmp_path / "a.wav", data[: len(data) // 2 | 1], caplog)
    assert 0.9 * RATE_HZ < len(samples) < 1.6 * RATE_HZ
    assert np.abs(samples - tone(3.0)[: len(samples)]).max() < 1e-4
    assert len(told) == 1 and "is truncated" in told[0] and "of 3.000 s are there" in told[0]
    with pytest.raises(BadInput, match="is truncated: "):
        list(AudioFile.open(tmp_path / "a.wav", whole=True).blocks())


@pytest.mark.parametrize(
    "tail",
    [b"x", b"xyz", b"TAG" + b"title" * 25, b"LIST\x04\0\0\0INFO", b"id3 \xfe\x7f\0\0" + b"ID3" * 10_922, b"\0" * 100],
)
def test_what_stands_behind_the_sound_is_not_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tail: bytes
) -> None:
    whole = wav(tmp_path / "a.wav", tone())
    samples, told = read(tmp_path / "a.wav", whole + tail, caplog)
    assert len(samples) == RATE_HZ and not told


def test_an_odd_size_with_and_without_its_padding_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = wav(tmp_path / "a.wav", tone()[:-1], subtype="PCM_U8")
    bare = declaring(whole[: whole.index(b"data") + 8 + RATE_HZ - 1], RATE_HZ - 1)
    for data in (whole, bare, bare + b"LIST\x04\0\0\0INFO", bare + b"\0LIST\x04\0\0\0INFO"):
        samples, told = read(tmp_path / "a.wav", data, caplog)
        assert len(samples) == RATE_HZ - 1 and not told


def test_a_header_that_declares_nothing_and_holds_nothing_is_one_line(tmp_path: Path) -> None:
    whole = wav(tmp_path / "a.wav", tone())
    for name, data in {"head": declaring(whole[:44], 0), "cut": whole[:44], "half": whole[:20]}.items():
        (tmp_path / f"{name}.wav").write_bytes(data)
        with pytest.raises(BadInput) as caught:
            AudioFile.open(tmp_path / f"{name}.wav")
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    wav(tmp_path / "a.wav", tone())
    (tmp_path / "a.wav").chmod(0)
    with pytest.raises(BadInput, match="cannot be read"):
        AudioFile.open(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [None, 8_000, 24_000, 44_100])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_blocks_are_what_is_read_whole(tmp_path: Path, rate: int | None, suffix: str) -> None:
    sound = (0.1 * np.random.default_rng(0).standard_normal(40 * RATE_HZ)).astype(np.float32)
    soundfile.write(tmp_path / f"a.{suffix}", sound, RATE_HZ)
    file = AudioFile.open(tmp_path / f"a.{suffix}")
    blocks, whole = list(file.blocks(rate)), Audio.read(tmp_path / f"a.{suffix}")
    assert len(blocks) > 2 and file.duration_s == 40 and file.longer_than(39) and not file.longer_than(40)
    resampled = whole if rate is None else whole.resample(rate)
    assert np.array_equal(np.concatenate(blocks), resampled.samples)
    assert np.array_equal(np.concatenate(list(whole.blocks(rate))), resampled.samples)


def test_blocks_need_no_more_memory_for_a_longer_file(tmp_path: Path) -> None:
    peaks = []
    for minutes in (2, 8):
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", 48_000, 2) as file:
            for _ in range(minutes):
                file.write(np.zeros((60 * 48_000, 2), np.float32))
        tracemalloc.start()
        assert sum(len(block) for block in AudioFile.open(path).blocks(16_000)) == minutes * 60 * 16_000
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 8 << 20 and peaks[1] < 1.1 * peaks[0]
