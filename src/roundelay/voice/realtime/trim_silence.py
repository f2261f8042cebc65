"""A reply's sound from where it can be heard: the silence that a voice begins with is not waited for (ours)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from roundelay.voice.realtime.core.events import RATE_HZ

FRAME = RATE_HZ // 100  # samples, 10 ms
# -60 dB; before its first sound the embedded voice stays under -74 dB, a breathed h is over -60
AUDIBLE_RMS = 0.001
PRE_ONSET_MS = 20  # before the first audible frame: what a weak consonant grows from
MIN_FIRST_BLOCK_MS = 60  # of the first piece: the next one is made while it plays
MAX_TRIMMED_MS = 500  # of silence; whoever is silent for longer means it


def trim_leading_silence(sounds: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the pieces of sound, float32 [n] at 16 kHz, without the silence before the first audible frame.

    The embedded voice's first 150 to 190 ms are silent, because its teachers' are. Sound without an audible frame
    comes as it is.
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
    """Where the sound is to begin; None while all of it is silent."""
    frames = held[: len(held) // FRAME * FRAME].reshape(-1, FRAME)
    loud = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)) >= AUDIBLE_RMS
    if not loud.any():
        return None
    return max(0, int(np.argmax(loud)) * FRAME - PRE_ONSET_MS * RATE_HZ // 1000)
