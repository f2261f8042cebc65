"""Removal of the silence before the first audible frame of a reply (ours)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from roundelay.voice.realtime.core.events import RATE_HZ

FRAME = RATE_HZ // 100  # samples, 10 ms
# RMS, -60 dB: the nano voice stays under -74 dB before its first sound, a breathed h is above -60 dB.
AUDIBLE_RMS = 0.001
PRE_ONSET_MS = 20  # kept before the first audible frame: the rise of a weak consonant
MIN_FIRST_BLOCK_MS = 60  # of the first block: the next one is synthesised while it plays
MAX_TRIMMED_MS = 500  # a longer silence is intended


def trim_leading_silence(sounds: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield blocks of audio, float32 [n] at 16 kHz, without the silence before the first audible frame.

    The nano voice starts with 150 to 190 ms of silence, as its training speech does. Audio without an audible frame is
    passed on unchanged.
    """
    held, sounds = np.zeros(0, np.float32), iter(sounds)
    for sound in sounds:
        held = np.concatenate([held, sound])
        start = _onset(held)
        if start is None and len(held) < MAX_TRIMMED_MS * RATE_HZ // 1000:
            continue
        first = held[start or 0 :]
        if start is None or len(first) >= MIN_FIRST_BLOCK_MS * RATE_HZ // 1000:
            yield first
            yield from sounds
            return
    if len(held):
        yield held[_onset(held) or 0 :]


def _onset(held: np.ndarray) -> int | None:
    """The sample at which the audio should start; None while all of it is silent."""
    frames = held[: len(held) // FRAME * FRAME].reshape(-1, FRAME)
    loud = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)) >= AUDIBLE_RMS
    if not loud.any():
        return None
    return max(0, int(np.argmax(loud)) * FRAME - PRE_ONSET_MS * RATE_HZ // 1000)
