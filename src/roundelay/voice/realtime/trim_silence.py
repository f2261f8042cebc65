"""Removal of the silence before the first audible frame of a reply (ours)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from roundelay.voice.audio import Audio

FRAME_MS = 10
# RMS, -60 dB: the nano voice stays under -74 dB before its first sound, a breathed h is above -60 dB.
AUDIBLE_RMS = 0.001
PRE_ONSET_MS = 20  # kept before the first audible frame: the rise of a weak consonant
MIN_FIRST_BLOCK_MS = 60  # of the first block: the next one is synthesised while it plays
MAX_TRIMMED_MS = 500  # a longer silence is intended


def trim_leading_silence(blocks: Iterator[Audio]) -> Iterator[Audio]:
    """Yield blocks of audio, all of one rate, without the silence before the first audible frame.

    The nano voice starts with 150 to 190 ms of silence, as its training speech does. Audio without an audible frame is
    passed on unchanged.
    """
    held, blocks, rate = np.zeros(0, np.float32), iter(blocks), 0
    for block in blocks:
        held, rate = np.concatenate([held, block.samples]), block.rate
        start = _onset(held, rate)
        if start is None and len(held) < MAX_TRIMMED_MS * rate // 1000:
            continue
        first = held[start or 0 :]
        if start is None or len(first) >= MIN_FIRST_BLOCK_MS * rate // 1000:
            yield Audio(first, rate)
            yield from blocks
            return
    if len(held):
        yield Audio(held[_onset(held, rate) or 0 :], rate)


def _onset(held: np.ndarray, rate_hz: int) -> int | None:
    """The sample at which the audio should start; None while all of it is silent."""
    size = FRAME_MS * rate_hz // 1000
    frames = held[: len(held) // size * size].reshape(-1, size)
    loud = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)) >= AUDIBLE_RMS
    if not loud.any():
        return None
    return max(0, int(np.argmax(loud)) * size - PRE_ONSET_MS * rate_hz // 1000)
