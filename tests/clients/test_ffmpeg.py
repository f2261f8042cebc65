"""ffmpeg as a client: it asks for speech itself and decodes it as it comes, and makes the recordings to transcribe."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
import uuid
from pathlib import Path

import pytest
from clients_case import LONG_S, Server

QUESTION = "What is the capital of France?"
RECORDED = {
    "wav": ("-c:a", "pcm_s16le"), "flac": ("-c:a", "flac"), "ogg": ("-c:a", "libopus"), "mp3": ("-b:a", "64k"),
    "webm": ("-c:a", "libopus"), "m4a": ("-c:a", "aac"), "mp4": ("-c:a", "aac"), "aac": ("-c:a", "aac"),
}  # fmt: skip


def ffmpeg(*words: object, data: bytes = b"") -> bytes:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("there is no ffmpeg here")
    command = [program, "-v", "error", "-y", *map(str, words)]
    done = subprocess.run(command, input=data, capture_output=True, timeout=LONG_S)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def said(server: Server, form: str) -> bytes:
    """PCM of a question at 16 kHz, as ffmpeg fetched and decoded it."""
    body = json.dumps({"input": QUESTION, "response_format": form, "voice": "alloy"}).encode()
    raw = ("-f", "s16le", "-ar", 24_000, "-ac", 1) if form == "pcm" else ()
    return ffmpeg("-method", "POST", "-headers", "content-type: application/json\r\n", "-post_data", body.hex(), *raw,
                  "-i", f"{server.http}/audio/speech", "-f", "s16le", "-ar", 16_000, "-ac", 1, "-")  # fmt: skip


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_it_decodes_what_is_said_as_it_comes(packaged: Server, form: str) -> None:
    seconds = len(said(packaged, form)) / 32_000
    assert 0.8 < seconds < 6


@pytest.mark.parametrize("kind", RECORDED)
def test_what_it_records_is_understood(packaged: Server, kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"said.{kind}"
    ffmpeg("-f", "s16le", "-ar", 16_000, "-ac", 1, "-i", "-", *RECORDED[kind], file, data=said(packaged, "wav"))
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'.encode()
    request = urllib.request.Request(
        f"{packaged.http}/audio/transcriptions", head + file.read_bytes() + f"\r\n--{mark}--\r\n".encode(),
        {"content-type": f"multipart/form-data; boundary={mark}"},
    )  # fmt: skip
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=LONG_S) as answer:
        assert "capital" in json.load(answer)["text"].lower()
