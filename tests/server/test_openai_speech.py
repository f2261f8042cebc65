"""The engine `openai` against our own server, and against servers that are dead, slow in the head, or none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from server_case import FakeEngine, running

from roundelay.errors import BadInput, EngineError
from roundelay.voice.audio import Audio
from roundelay.voice.engines.choice import parse
from roundelay.voice.engines.openai_speech import pcm, transcript, wav
from roundelay.voice.pipeline import Pipeline

SOUND = Audio(np.full(16_000, 0.1, np.float32), 16_000)


def pipeline(url: str) -> Pipeline:
    choice = parse(f"openai+{url},wait_s=5")
    return Pipeline.of({"transcriber": choice, "synthesizer": choice})


@contextmanager
def answering(status: int, kind: str, body: bytes) -> Iterator[str]:
    """The address of a server that answers every request the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def test_our_own_server_hears_and_speaks() -> None:
    with running(FakeEngine()) as server:
        there = pipeline(f"http://127.0.0.1:{server.port}/v1")
        assert there.transcribe(SOUND).text == "what is the time"
        made = there.say("three short words")
        assert made.rate == 24_000 and made.duration_s > 0.1


@pytest.mark.parametrize(("status", "kind", "body", "why"), [
    (500, "text/plain", b"", "answered 500"),
    (401, "application/json", b"{}", "answered 401"),
    (200, "application/json", b'{"other": 1}', "gave no transcript"),
    (200, "text/html", b"<html>", "gave no transcript"),
])  # fmt: skip
def test_a_wrong_server_is_one_line(status: int, kind: str, body: bytes, why: str) -> None:
    with answering(status, kind, body) as url:
        with pytest.raises(EngineError, match=why) as error:
            pipeline(url).transcribe(SOUND)
        assert "\n" not in str(error.value)
        with pytest.raises(EngineError, match=why.replace("transcript", "speech")):
            pipeline(url).say("hello")


def test_a_dead_address_is_one_line() -> None:
    there = pipeline("http://127.0.0.1:9/v1")
    for call in (lambda: there.transcribe(SOUND), lambda: there.say("hello")):
        with pytest.raises(EngineError, match=r"at http://127.0.0.1:9/v1 cannot be reached"):
            call()
    with pytest.raises(BadInput, match="give http://host:port/v1"):
        pipeline("ftp://here")


def test_sound_as_wav_or_of_another_rate_comes_at_24_khz() -> None:
    data = (SOUND.samples * 32767).astype("<i2").tobytes()
    for kind, body in (("audio/wav", wav(SOUND)), ("audio/pcm;rate=16000", data)):
        with answering(200, kind, body) as url:
            made = pipeline(url).say("hello")
            assert made.rate == 24_000 and abs(made.duration_s - 1) < 0.01
    assert pcm(b"\x00\x40\x00\xc0\x00", 8_000).samples.tolist() == [0.5, -0.5]


def test_words_are_put_into_their_segments() -> None:
    words = [{"word": w, "start": at, "end": at + 0.5} for at, w in enumerate(("one", "two", "three"))]
    segments = [{"text": " one two", "start": 0, "end": 1.9}, {"text": "three", "start": 1.9, "end": 2.2}]
    heard = transcript({"text": " one two three", "language": "en", "segments": segments, "words": words})
    assert [[word.text for word in segment.words] for segment in heard.segments] == [["one", "two"], ["three"]]
    assert heard.text == "one two three" and transcript({"text": "a b", "words": words}).segments[0].end_s == 2.5
