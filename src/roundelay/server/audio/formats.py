"""Sound on the wire: streaming encoders for every response format, G.711, and rate changes piece by piece."""

from __future__ import annotations

import io
import math
import struct
from functools import cache
from typing import Protocol

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.server.errors import wrong

OUT_RATE_HZ = 24_000  # OpenAI's PCM, and what its clients play without asking
MODEL_RATE_HZ = 16_000
UNKNOWN_BYTES = 0xFFFFFFFF  # a WAV that is still being made says this for its length
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
CODINGS = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
# Of the filter that changes rates: samples of the lower rate on each side, the Kaiser window's shape for -70 dB, and
# where it cuts, as a share of the lower rate's half: flat to 0.86 of that, silent from all of it.
HALF, BETA, CUTOFF = 32, 7.0, 0.93
BLOCK = 6_000  # samples changed at a time: the windows of more would fall out of the cache
WHOLE = ("flac",)  # its header holds the length, and readers built on libsndfile fail without it: sent when it is done


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples float32 in [-1, 1] as little-endian int16; overs are clipped."""
    return np.asarray(np.clip(np.rint(samples * 32767.0), -32768, 32767), "<i2")


def from_int16(data: bytes) -> np.ndarray:
    """Little-endian int16 bytes (an even count) as float32 in [-1, 1]."""
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768.0


class Resampler:
    """A rate change that is fed piece by piece: what it gave so far never changes. float32 in, float32 out.

    A windowed sinc by phases (ours). It looks 32 samples of the lower rate ahead, 2 ms at 16 kHz, and gives all the
    rest at once. soxr's stream, which stood here, gives blocks: up to 36 ms late, and of a reply's first 10 ms nothing.
    """

    def __init__(self, source_hz: int, target_hz: int) -> None:
        common = math.gcd(source_hz, target_hz)
        self._up, self._down = target_hz // common, source_hz // common
        self._taps, self._ahead = phases(self._up, self._down)
        self._line = np.zeros(self._ahead - 1, np.float32)  # silence before the first sample
        self._first = self._given = 0  # input sample whose window begins the line; samples given

    def push(self, samples: np.ndarray, *, last: bool = False) -> np.ndarray:
        """The samples that are now certain; with `last`, the rest."""
        if self._up == self._down:
            return samples
        if len(samples) > BLOCK:
            parts = [self.push(samples[at : at + BLOCK]) for at in range(0, len(samples), BLOCK)]
            return np.concatenate([*parts, self.push(samples[:0], last=last)])
        after = np.zeros(self._ahead if last else 0, np.float32)
        line = np.concatenate([self._line, np.asarray(samples, np.float32), after])
        width = self._taps.shape[1]
        end = self._first + max(0, len(line) - width + 1)
        total = -(-end * self._up // self._down)
        places = np.arange(self._given, total) * self._down
        out = np.empty(len(places), np.float32)
        for phase in range(self._up):
            mine = places % self._up == phase
            if mine.any():
                windows = np.lib.stride_tricks.sliding_window_view(line, width)
                out[mine] = windows[places[mine] // self._up - self._first] @ self._taps[phase]
        keep = total * self._down // self._up
        self._line, self._first, self._given = line[keep - self._first :], keep, total
        return out


@cache
def phases(up: int, down: int) -> tuple[np.ndarray, int]:
    """The filter's taps float32 [up, 2·ahead], one row for each place between two samples, and `ahead`."""
    ahead = math.ceil(HALF * max(1.0, down / up))
    cutoff = CUTOFF * min(1.0, up / down)
    place = np.arange(1 - ahead, 1 + ahead)[None] - np.arange(up)[:, None] / up
    window = np.i0(BETA * np.sqrt(np.clip(1 - (place / ahead) ** 2, 0, 1)))
    taps = np.sinc(cutoff * place) * window
    return np.asarray(taps / taps.sum(1, keepdims=True), np.float32), ahead


class Encoder(Protocol):
    """Samples at 24 kHz in, bytes of one format out."""

    def push(self, samples: np.ndarray) -> bytes:
        """The bytes that are now certain."""
        ...

    def finish(self) -> bytes:
        """The last bytes."""
        ...


class _Pcm:
    """Raw int16, with a WAV header before it if asked: no encoder to wait for, so the first byte is early."""

    def __init__(self, *, header: bool) -> None:
        self._head = wav_header(OUT_RATE_HZ) if header else b""

    def push(self, samples: np.ndarray) -> bytes:
        head, self._head = self._head, b""
        return head + to_int16(samples).tobytes()

    def finish(self) -> bytes:
        head, self._head = self._head, b""
        return head


def wav_header(rate_hz: int, data_bytes: int = UNKNOWN_BYTES) -> bytes:
    """The 44 bytes before mono int16 samples; a length that is not known yet is written as the largest."""
    riff = min(data_bytes + 36, UNKNOWN_BYTES)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", data_bytes)


class _Growing:
    """A file that is only ever read at its end: the encoder's later corrections of its header are dropped.

    MP3 goes back to write its length; players of a stream do without, and the place is already sent.
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


class _Whole(io.BytesIO):
    """A file that is taken once, when all corrections are in."""

    closing = False

    def take(self) -> bytes:
        return self.getvalue() if self.closing else b""


class _Coded:
    """MP3, Opus or FLAC by libsndfile, page by page."""

    def __init__(self, name: str) -> None:
        try:
            import soundfile
        except ImportError:
            raise MissingPackage("soundfile", "voice") from None
        container, coding = CODINGS[name]
        self._sink: _Whole | _Growing = _Whole() if name in WHOLE else _Growing()
        self._file = soundfile.SoundFile(self._sink, "w", OUT_RATE_HZ, 1, coding, format=container)

    def push(self, samples: np.ndarray) -> bytes:
        self._file.write(samples)
        return self._sink.take()

    def finish(self) -> bytes:
        self._file.close()
        self._sink.closing = True
        return self._sink.take()


def encoder(name: str) -> Encoder:
    """The encoder of a response format. Raises `ApiError` 400 for one that cannot be made, listing those that can."""
    if name in ("pcm", "pcm16"):
        return _Pcm(header=False)
    if name == "wav":
        return _Pcm(header=True)
    if name in CODINGS:
        return _Coded(name)
    raise wrong(
        "response_format", f"{name} cannot be made here: ask for {', '.join(MEDIA_TYPES)}", "unsupported_format"
    )


# G.711 (ITU-T): 8 kHz, eight bits, by segments; tables of 256 made once from the standard's formulas.
def _mu_law_table() -> np.ndarray:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = (((mantissa.astype(np.int32) << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _a_law_table() -> np.ndarray:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, size, -size).astype(np.int16)


TABLES = {"audio/pcmu": _mu_law_table(), "audio/pcma": _a_law_table()}


class G711:
    """G.711 bytes to samples and back, by nearest value; 8 kHz, float32 in [-1, 1]."""

    def __init__(self, kind: str) -> None:
        self._values = TABLES[kind].astype(np.float32) / 32768.0
        self._order = np.argsort(self._values, kind="stable").astype(np.uint8)
        self._borders = (self._values[self._order][1:] + self._values[self._order][:-1]) / 2

    def decode(self, data: bytes) -> np.ndarray:
        """Samples of these bytes."""
        return self._values[np.frombuffer(data, np.uint8)]

    def encode(self, samples: np.ndarray) -> bytes:
        """Bytes of these samples."""
        return self._order[np.searchsorted(self._borders, samples)].tobytes()
