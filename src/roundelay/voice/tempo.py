"""The speed of speech changed without its pitch: FFmpeg's WSOLA filter, atempo, by the package av (Verhelst, Roelands
1993: waveform similarity overlap-add).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice.audio import Audio
from roundelay.voice.audio_file import MIN_SAMPLES
from roundelay.voice.stream import FinishedStream
from roundelay.voice.style import MAX_SPEED, MIN_SPEED

TAIL_S = 0.04  # half a window is 21 to 42 ms
FRAME_SAMPLES = 256  # given at a time: the filter gives its output in pieces as long as the first it was given
MAX_STEP = 2.0  # of one filter: a faster one would leave out what lies between its windows
assert 1 / MAX_STEP**2 <= MIN_SPEED and MAX_SPEED <= MAX_STEP**2, "two filters reach every speed"


class Tempo:
    """A `Stream` of float32 [n] at `rate_hz` to the same speech at `speed` times its speed, 0.25 to 4.

    The output begins once a few windows are there, 0.05 to 0.25 s of speech. Raises `MissingPackage` without
    the package av.
    """

    def __init__(self, rate_hz: int, speed: float) -> None:
        try:
            import av
        except ImportError:
            raise MissingPackage("av", "voice") from None
        self._av, self._rate_hz, self._given, self._finished = av, rate_hz, 0, False
        self._held = np.zeros(0, np.float32)
        self._graph = av.filter.Graph()
        last: Any = self._graph.add_abuffer(
            sample_rate=rate_hz, format="flt", layout="mono", time_base=Fraction(1, rate_hz)
        )
        for step in [speed] if 1 / MAX_STEP <= speed <= MAX_STEP else [speed**0.5] * 2:
            following = self._graph.add("atempo", f"{step:.6f}")
            last.link_to(following)
            last = following
        sink = self._graph.add("abuffersink")
        last.link_to(sink)
        self._graph.configure()

    def push(self, samples: np.ndarray) -> np.ndarray:
        """The speech that the input so far determines."""
        if self._finished:
            raise FinishedStream
        held = np.concatenate([self._held, np.asarray(samples, np.float32)])
        whole = len(held) // FRAME_SAMPLES * FRAME_SAMPLES
        self._held = held[whole:]
        for at in range(0, whole, FRAME_SAMPLES):
            self._feed(held[at : at + FRAME_SAMPLES])
        return self._pulled()

    def finish(self) -> np.ndarray:
        """The rest, with silence behind it, as the filter leaves out half a window at the end."""
        rest = self.push(np.zeros(round(TAIL_S * self._rate_hz), np.float32))
        self._finished = True
        if len(self._held):
            self._feed(self._held)
        self._graph.push(None)
        return np.concatenate([rest, self._pulled()])

    def _feed(self, samples: np.ndarray) -> None:
        frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._given, Fraction(1, self._rate_hz)
        self._given += len(samples)
        self._graph.push(frame)

    def _pulled(self) -> np.ndarray:
        parts = [np.zeros(0, np.float32)]
        while True:
            try:
                parts.append(self._graph.pull().to_ndarray()[0])
            except (BlockingIOError, EOFError):
                return np.clip(np.concatenate(parts), -1, 1)


def paced(blocks: Iterable[Audio], speed: float) -> Iterator[Audio]:
    """Yield the same speech at `speed` times its speed; all blocks must be at one rate."""
    tempo: Tempo | None = None
    rate, held = 0, np.zeros(0, np.float32)
    for block in blocks:
        tempo, rate = tempo or Tempo(block.rate, speed), block.rate
        held = np.concatenate([held, tempo.push(block.samples)])
        if len(held) >= MIN_SAMPLES:
            yield Audio(held, rate)
            held = held[:0]
    if tempo is not None:
        yield Audio.joined([held, tempo.finish()], rate)
