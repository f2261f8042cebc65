"""Streaming encoders, one for each response format."""

from __future__ import annotations

import io
import struct

import numpy as np

from roundelay.server.audio.pcm import WIRE_RATE_HZ, to_int16
from roundelay.server.errors import wrong
from roundelay.voice.media_writer import MediaWriter
from roundelay.voice.sndfile import libsndfile
from roundelay.voice.stream import Stream

UNKNOWN_LENGTH = 0xFFFFFFFF  # the length in the header of a WAV file that is still being written
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
CODINGS = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
UNSTREAMABLE = ("flac",)  # libsndfile's readers need the length in its header, so the file is sent once it is complete


Encoder = Stream[np.ndarray, bytes]  # samples float32 at 24 kHz in, bytes of one format out


class _Pcm:
    """Raw int16."""

    def push(self, samples: np.ndarray) -> bytes:
        return to_int16(samples).tobytes()

    def finish(self) -> bytes:
        return b""


class _Wav:
    """Int16 behind a WAV header, which goes first, or with all samples once their number is known."""

    def __init__(self, *, whole: bool) -> None:
        self._held = bytearray() if whole else None
        self._head = b"" if whole else wav_header(WIRE_RATE_HZ)

    def push(self, samples: np.ndarray) -> bytes:
        data = to_int16(samples).tobytes()
        if self._held is not None:
            self._held += data
            return b""
        head, self._head = self._head, b""
        return head + data

    def finish(self) -> bytes:
        if self._held is not None:
            return wav_header(WIRE_RATE_HZ, len(self._held)) + bytes(self._held)
        head, self._head = self._head, b""
        return head


def wav_header(rate_hz: int, data_bytes: int = UNKNOWN_LENGTH) -> bytes:
    """The 44-byte header of mono int16 samples; an unknown length is written as the largest."""
    riff = min(data_bytes + 36, UNKNOWN_LENGTH)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", data_bytes)


class _AppendOnlyFile:
    """A file object that keeps appended bytes only: what an encoder writes over earlier bytes is dropped.

    MP3 writes its length into the header at the end; that header is already sent, and players of a stream ignore it.
    """

    def __init__(self) -> None:
        self._at = self._end = 0
        self.closing = False
        self._tail = bytearray()

    def write(self, data: bytes) -> int:
        fresh = self._at + len(data) - self._end
        if fresh > 0:
            self._tail += bytes(data)[len(data) - fresh :]
            self._end += fresh
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        return b""

    def take(self) -> bytes:
        out = bytes(self._tail)
        self._tail.clear()
        return out


class _WholeFile(io.BytesIO):
    """A file object that is read once, when it is complete."""

    closing = False

    def take(self) -> bytes:
        return self.getvalue() if self.closing else b""


class _FileEncoder:
    """MP3, Opus or FLAC by libsndfile."""

    def __init__(self, name: str, *, whole: bool) -> None:
        container, coding = CODINGS[name]
        whole = whole or name in UNSTREAMABLE
        self._sink: _WholeFile | _AppendOnlyFile = _WholeFile() if whole else _AppendOnlyFile()
        self._file = libsndfile().SoundFile(self._sink, "w", WIRE_RATE_HZ, 1, coding, format=container)

    def push(self, samples: np.ndarray) -> bytes:
        self._file.write(samples)
        return self._sink.take()

    def finish(self) -> bytes:
        self._file.close()
        self._sink.closing = True
        return self._sink.take()


class _Aac:
    """AAC in ADTS frames, each of which tells its own length, so that the file has none to hold."""

    def __init__(self) -> None:
        self._sink = _AppendOnlyFile()
        self._writer = MediaWriter(self._sink, "adts", "aac", WIRE_RATE_HZ)

    def push(self, samples: np.ndarray) -> bytes:
        self._writer.write(samples)
        return self._sink.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._sink.take()


def encoder(name: str, *, whole: bool = False) -> Encoder:
    """The encoder of a response format; what is wanted `whole` comes at the end, with its length in its header.

    Raises `ApiError` 400 for another format, listing those supported, and `MissingPackage`.
    """
    if name in ("pcm", "pcm16"):
        return _Pcm()
    if name == "wav":
        return _Wav(whole=whole)
    if name == "aac":
        return _Aac()
    if name in CODINGS:
        return _FileEncoder(name, whole=whole)
    raise wrong(
        "response_format", f"{name} cannot be made here: ask for {', '.join(MEDIA_TYPES)}", "unsupported_format"
    )
