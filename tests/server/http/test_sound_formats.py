"""Speech in every format and at every speed, and recordings of browsers and phones as uploads."""

from __future__ import annotations

import base64
import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_case import Tones, peak_hz
from server_case import Running, running
from test_http import ask, is_error

from roundelay.server.names import Names
from roundelay.voice.audio import Audio

av = pytest.importorskip("av", reason="the package av is not installed")

FORMATS = {
    "mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav",
    "pcm": "audio/pcm",
}  # fmt: skip
TEXT = "one two three four five six seven eight nine ten"
SECONDS = 10 * 0.08  # as the test's engine speaks


def speech(server: Running, **fields: Any) -> tuple[int, Any, bytes]:
    return ask(server, "/v1/audio/speech", {"input": TEXT, "voice": "alloy", **fields})  # type: ignore[no-any-return]


def read(folder: Path, data: bytes) -> Audio:
    (folder / "sound").write_bytes(data)
    return Audio.read(folder / "sound", 24_000)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pcm"])
def test_every_format_is_read_again_with_its_length(server: Running, tmp_path: Path, name: str, stream: bool) -> None:
    status, headers, data = speech(server, response_format=name, stream=stream)
    assert status == 200 and headers["content-type"] == FORMATS[name]
    assert stream or int(headers["content-length"]) == len(data)
    assert read(tmp_path, data).duration_s == pytest.approx(SECONDS, abs=0.1)


def test_a_wav_that_is_sent_whole_tells_its_true_length(server: Running) -> None:
    """Python's own reader believes the header, as many players do."""
    data = speech(server, response_format="wav", stream=False)[2]
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(SECONDS, abs=0.01)
    body = {
        "messages": [{"role": "user", "content": "what is the time"}], "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
    }  # fmt: skip
    answer = json.loads(ask(server, "/v1/chat/completions", body)[2])
    sound = base64.b64decode(answer["choices"][0]["message"]["audio"]["data"])
    with wave.open(io.BytesIO(sound)) as file:
        assert 44 + 2 * file.getnframes() == len(sound)


def test_speed_changes_the_length_and_not_the_pitch(tmp_path: Path) -> None:
    with running(Tones(24_000)) as server:  # ten words of 0.1 s at 440 Hz
        for speed in (0.25, 0.5, 0.8, 1.2, 1.5, 2, 4):
            status, headers, data = speech(server, response_format="wav", speed=speed)
            paced = read(tmp_path, data)
            assert status == 200 and "x-roundelay-ignored" not in headers
            assert paced.duration_s == pytest.approx(1.0 / speed, abs=0.08 + 0.03 / speed)
            assert peak_hz(paced.samples, 24_000) == pytest.approx(440, abs=5)


def test_instructions_that_the_engine_cannot_follow_are_named(server: Running) -> None:
    status, headers, data = speech(server, response_format="pcm", instructions="Speak cheerfully.")
    assert status == 200 and len(data) > 1000 and headers["x-roundelay-ignored"] == "instructions"
    with running(names=Names(strict=True)) as strict:
        is_error(speech(strict, instructions="Speak cheerfully."), 400, "unsupported_parameter", "instructions")


def recorded(form: str, codec: str, rate: int, *, sound: bool = True) -> bytes:
    out = io.BytesIO()
    try:
        with av.open(out, "w", format=form) as container:
            stream = container.add_stream(codec, rate=rate, layout="mono") if sound else None
            video = None if sound else container.add_stream("mpeg4", rate=10)
            if video is not None:
                video.width = video.height = 64
                video.pix_fmt = "yuv420p"
                container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
                container.mux(video.encode())
            if stream is not None:
                samples = np.asarray(9000 * np.sin(np.arange(rate) / 9), np.int16)[None]
                frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
                frame.sample_rate = rate
                container.mux(stream.encode(frame))
                container.mux(stream.encode())
    except (av.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg writes no {codec} in {form} ({error})")
    return out.getvalue()


def upload(server: Running, data: bytes, name: str) -> tuple[int, Any, bytes]:
    mark = "----part"
    head = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + f"\r\n--{mark}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={mark}"}
    return ask(server, "/v1/audio/transcriptions", body, headers)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("form", "codec", "rate"), [
    ("webm", "libopus", 48_000), ("mp4", "aac", 44_100), ("adts", "aac", 44_100), ("amr", "libopencore_amrnb", 8_000),
    ("mp3", "libmp3lame", 44_100), ("mov", "aac", 48_000),
])  # fmt: skip
@pytest.mark.parametrize("name", ["recording", "blob", "a.wav"])
def test_a_recording_of_a_browser_or_a_phone_is_heard(
    server: Running, form: str, codec: str, rate: int, name: str
) -> None:
    status, _, data = upload(server, recorded(form, codec, rate), name)
    assert status == 200 and json.loads(data)["usage"]["seconds"] == pytest.approx(1.0, abs=0.15)


def test_what_cannot_be_heard_is_one_typed_line(server: Running) -> None:
    phone = recorded("mp4", "aac", 44_100)
    wrong = {
        b"<html>" * 100: "what can: WAV, ", phone[: len(phone) // 2]: "without its index", b"": "is empty",
        recorded("mp4", "", 1, sound=False): "holds no sound, only pictures",
    }  # fmt: skip
    for data, words in wrong.items():
        answer = upload(server, data, "a.m4a")
        is_error(answer, 400, "invalid_audio", "file")
        assert words in json.loads(answer[2])["error"]["message"]
    is_error(upload(server, b"#!AMR\n" + b"\x7c" * 100_000, "hours.amr"), 413, "audio_too_long", "file")
