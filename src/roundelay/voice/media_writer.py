"""Sound encoded and put into a container by FFmpeg in the package av: AAC, M4A, MP4 (ours)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np

from roundelay.errors import MissingPackage

BITS_PER_S = 64_000  # at which one voice in AAC cannot be told from the original
FRAME_SAMPLES = 1024  # of AAC


class Unwritable(Exception):
    """A container, a codec or a rate that cannot be written; the message says why."""


class MediaWriter:
    """Mono sound into `sink`, a path or a file object. Raises `Unwritable`, and `MissingPackage` without av."""

    def __init__(self, sink: Any, container: str, codec: str, rate_hz: int) -> None:
        try:
            import av
        except ImportError:
            raise MissingPackage("av", "voice") from None
        self._av, self._rate_hz, self._given, self._held = av, rate_hz, 0, np.zeros(0, np.float32)
        self._container: Any = None

        def opened() -> None:
            self._container = av.open(sink, "w", format=container)
            self._stream = self._container.add_stream(codec, rate=rate_hz, layout="mono", bit_rate=BITS_PER_S)
            self._stream.codec_context.open()

        try:
            self._checked(opened)
        except Unwritable:
            self.abandon()
            raise

    def write(self, samples: np.ndarray) -> None:
        """Take the next samples float32 [n] within [-1, 1]."""
        held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        whole = len(held) // FRAME_SAMPLES * FRAME_SAMPLES
        self._held = held[whole:]
        self._encode(held[:whole])

    def close(self) -> None:
        """Write the rest and the container's end."""
        self._encode(self._held)
        self._checked(lambda: self._container.mux(self._stream.encode()))
        self._checked(self._container.close)

    def abandon(self) -> None:
        """Close what is not finished; the sink holds no recording then."""
        if self._container is not None:
            with suppress(self._av.FFmpegError, OSError, ValueError):
                self._container.close()

    def _encode(self, samples: np.ndarray) -> None:
        if not len(samples):
            return
        frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._given, Fraction(1, self._rate_hz)
        self._given += len(samples)
        self._checked(lambda: self._container.mux(self._stream.encode(frame)))

    def _checked(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise Unwritable(str(getattr(error, "strerror", None) or error).strip(" .")) from None
