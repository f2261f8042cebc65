"""What phones, browsers and cameras record is read; what cannot be read is one line that says what can."""

from __future__ import annotations

import io
import os
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from roundelay.errors import BadInput
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import AudioFile

av = pytest.importorskip("av", reason="the package av is not installed")
RATE_HZ, SECONDS = 16_000, 1.5
KINDS = {  # container, codec, rate
    "webm": ("webm", "libopus", 48_000), "m4a": ("ipod", "aac", 44_100), "mp4": ("mp4", "aac", RATE_HZ),
    "aac": ("adts", "aac", RATE_HZ), "mka": ("matroska", "flac", RATE_HZ), "wma": ("asf", "wmav2", RATE_HZ),
    "mov": ("mov", "pcm_s16le", RATE_HZ), "alac": ("ipod", "alac", RATE_HZ), "3gp": ("3gp", "libopencore_amrnb", 8_000),
    "amr": ("amr", "libopencore_amrnb", 8_000), "caf": ("caf", "alac", RATE_HZ), "wv": ("wv", "wavpack", RATE_HZ),
    "tta": ("tta", "tta", RATE_HZ), "ac3": ("ac3", "ac3", 32_000), "ts": ("mpegts", "aac", RATE_HZ),
    "avi": ("avi", "libmp3lame", RATE_HZ), "flv": ("flv", "aac", 44_100), "mp2": ("mp2", "mp2", 32_000),
    "opus": ("ogg", "libopus", 48_000), "mp3": ("mp3", "libmp3lame", RATE_HZ), "ima": ("wav", "adpcm_ima_wav", 8_000),
    "yamaha": ("wav", "adpcm_yamaha", 8_000),
}  # fmt: skip


class Pipe(io.BytesIO):
    """What a program that writes to a pipe gives: nothing written before is changed."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise OSError("a pipe")


def tone(seconds: float = SECONDS, rate: int = RATE_HZ) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def made(
    form: str,
    codec: str,
    rate: int,
    seconds: float = SECONDS,
    *,
    picture: bool = False,
    sink: Any = None,
    **options: str,
) -> bytes:
    """A recording of a tone in a container; skips where this FFmpeg cannot write it."""
    file = Path(tempfile.mkstemp()[1])
    try:
        with av.open(str(file) if sink is None else sink, "w", format=form, options=options) as container:
            stream = None if codec == "none" else container.add_stream(codec, rate=rate, layout="mono")
            if codec == "wmav2":
                stream.bit_rate = 64_000
            video = container.add_stream("mpeg4", rate=10) if picture else None
            if video is not None:
                video.width = video.height = 64
                video.pix_fmt = "yuv420p"
                for _ in range(round(10 * seconds)):
                    container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
                container.mux(video.encode())
            if stream is not None:
                samples = np.asarray(np.rint(tone(seconds, rate) * 32767), np.int16)[None]
                frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
                frame.sample_rate, frame.pts = rate, 0
                container.mux(stream.encode(frame))
                container.mux(stream.encode())
    except (av.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg writes no {codec} in {form} ({error})")
    finally:
        data = file.read_bytes()
        file.unlink()
    return data if sink is None else bytes(sink.getvalue())


def put(folder: Path, data: bytes, name: str = "recording.bin") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def is_the_tone(path: Path, seconds: float = SECONDS) -> bool:
    """Whether the file sounds as long as it should, at 440 Hz and as loud."""
    sound = Audio.read(path, RATE_HZ).samples
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peak_hz = spectrum.argmax() * RATE_HZ / len(sound)
    return abs(len(sound) / RATE_HZ - seconds) < 0.2 and abs(peak_hz - 440) < 3 and 0.25 < np.std(sound) < 0.45


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_whatever_its_name(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path, made(*KINDS[kind]))
    assert is_the_tone(path)
    file = AudioFile.open(path, whole=True)
    assert file.longer_than(1.2) and not file.longer_than(1.8)
    measured = file.measured(1.8)
    assert file.measured(1.2) is None and measured is not None and measured.duration_s == file.duration_s


@pytest.mark.parametrize("form", ["mp4", "mov", "matroska", "avi"])
def test_of_a_video_the_sound_is_read_and_one_without_is_one_line(tmp_path: Path, form: str) -> None:
    assert is_the_tone(put(tmp_path, made(form, "aac" if form != "avi" else "libmp3lame", 44_100, picture=True)))
    with pytest.raises(BadInput, match="holds no sound, only pictures"):
        AudioFile.open(put(tmp_path, made(form, "none", 44_100, picture=True)))


@pytest.mark.parametrize(
    ("form", "codec"), [("webm", "libopus"), ("flac", "flac"), ("mp3", "libmp3lame"), ("wav", "pcm_s16le")]
)
def test_what_was_written_to_a_pipe_has_no_length_and_loses_nothing(tmp_path: Path, form: str, codec: str) -> None:
    data = made(form, codec, 48_000, sink=Pipe())
    file = AudioFile.open(put(tmp_path, data), whole=True)
    assert is_the_tone(file.path) and abs(file.duration_s - SECONDS) < 0.1


def test_the_length_of_an_mp3_is_never_guessed(tmp_path: Path) -> None:
    """The first second is quiet and cheap: by its bit rate the whole would last many times as long."""
    rate = 24_000
    sound = np.concatenate([np.zeros(rate, np.float32), tone(3.0, rate)])
    with av.open(str(tmp_path / "vbr.mp3"), "w", options={"write_xing": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono", options={"q": "5"})
        stream.codec_context.flags |= 2  # by quality, not by bit rate
        frame = av.AudioFrame.from_ndarray(np.asarray(sound * 32767, np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file = AudioFile.open(tmp_path / "vbr.mp3", whole=True)
    assert file.frames is None and abs(file.duration_s - 4.0) < 0.15


def test_files_one_behind_another_are_read_to_the_end(tmp_path: Path) -> None:
    for name, kind in {"a.ogg": ("ogg", "libopus", 48_000), "a.mp3": ("mp3", "libmp3lame", RATE_HZ)}.items():
        assert is_the_tone(put(tmp_path, 2 * made(*kind), name), 2 * SECONDS)


@pytest.mark.parametrize("kind", ["aac", "m4a", "webm", "mp3", "wv"])
def test_what_stands_behind_the_sound_is_not_heard(tmp_path: Path, kind: str) -> None:
    junk = np.random.default_rng(0).bytes(3000)
    path = put(tmp_path, made(*KINDS[kind]) + b"TAG" + bytes(125) + junk)
    assert AudioFile.open(path, whole=True).duration_s == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize("kind", ["m4a", "mp4", "mp3", "tta"])
def test_a_truncated_recording_is_one_line_where_it_must_be_whole(tmp_path: Path, kind: str) -> None:
    data = made(*KINDS[kind], 4.0, **({"movflags": "faststart"} if kind in ("m4a", "mp4") else {}))
    path = put(tmp_path, data[: len(data) // 2])
    with pytest.raises(BadInput, match=r"is truncated: [12]\.\d+ s of 4\.\d+ s are there") as caught:
        list(AudioFile.open(path, whole=True).blocks())
    assert "\n" not in str(caught.value)
    assert 1.0 < AudioFile.open(path).duration_s < 3.0


def test_an_mp4_that_was_not_finished_is_one_line(tmp_path: Path) -> None:
    data = made("mp4", "aac", 44_100)
    with pytest.raises(BadInput, match=r"an MP4 without its index \(moov\)"):
        AudioFile.open(put(tmp_path, data[: len(data) // 2]))


def test_what_cannot_be_read_is_answered_with_what_can(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    others = {
        "page.mp3": b"<html><body>404</body></html>" * 99,
        "noise.m4a": rng.bytes(50_000),
        "zeros.mp3": bytes(50_000),
        "archive.webm": b"PK\x03\x04" + rng.bytes(5_000),
        "picture.mp4": b"\x89PNG\r\n\x1a\n" + rng.bytes(5_000),
        "one.amr": b"#",
    }
    for name, data in others.items():
        with pytest.raises(BadInput, match=r"cannot be read; what can: WAV, .*M4A") as caught:
            AudioFile.open(put(tmp_path, data, name))
        assert "\n" not in str(caught.value)
    for name, head in {"head.amr": b"#!AMR\n", "head.webm": made(*KINDS["webm"])[:200]}.items():
        with pytest.raises(BadInput, match=r"cannot be read|holds no sound"):
            AudioFile.open(put(tmp_path, head, name))


def test_a_list_that_names_other_files_is_not_followed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", tone(), RATE_HZ)
    lists = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{tmp_path / 'other.wav'}\n#EXT-X-ENDLIST\n",
        "a.txt": f"ffconcat version 1.0\nfile {tmp_path / 'other.wav'}\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\nc=IN IP4 127.0.0.1\n",
    }
    for name, text in lists.items():
        with pytest.raises(BadInput, match="cannot be read; what can"):
            AudioFile.open(put(tmp_path, text.encode(), name))


def test_wideband_amr_is_read(tmp_path: Path) -> None:
    """Frames without data, as a phone sends in silence: one byte for 20 ms."""
    file = AudioFile.open(put(tmp_path, b"#!AMR-WB\n" + b"\x7c" * 100))
    assert file.rate == 16_000 and file.duration_s == pytest.approx(2.0, abs=0.05)


def test_hours_in_a_small_file_cost_no_more_than_is_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path, b"#!AMR\n" + b"\x7c" * 5_000_000)  # 28 hours in 5 MB
    tracemalloc.start()
    started = time.process_time()
    assert AudioFile.open(path, whole=True).longer_than(60)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20 and time.process_time() - started < 20
    tracemalloc.stop()


@pytest.mark.skipif(os.name != "posix", reason="sparse files")
def test_two_gigabytes_are_not_read_into_memory(tmp_path: Path) -> None:
    path = put(tmp_path, made(*KINDS["m4a"]), "a.m4a")
    os.truncate(path, 2 << 30)
    tracemalloc.start()
    assert AudioFile.open(path).duration_s == pytest.approx(SECONDS, abs=0.2)
    with path.open("r+b") as file:
        file.write(bytes(64))
    with pytest.raises(BadInput, match="cannot be read; what can"):
        AudioFile.open(path)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()
