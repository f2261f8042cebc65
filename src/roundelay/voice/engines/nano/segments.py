"""Sound in pieces of at most twelve seconds with speech in them, cut where it is quiet (ours).

A plain energy detector, for files; a conversation has `realtime.vad`.
"""

from __future__ import annotations

import numpy as np

from roundelay.voice.audio import Audio

FRAME_S = 0.02
LONGEST_S, SHORTEST_S = 12.0, 0.1  # the model learnt from utterances of up to twelve seconds
BELOW_DB = 38.0  # under the loudest frame, and
FAINTEST = 3e-4  # RMS under this is silence
MARGIN_S = 0.25  # of quiet kept around speech
AROUND = 2  # frames on either side that count where the quietest place is sought
PAUSE_S = 0.6  # quiet that ends a piece longer than a third of the longest


def segments(audio: Audio) -> list[tuple[float, Audio]]:
    """The segments in order, each with its start in seconds; none where nothing is loud enough to be speech."""
    size = round(FRAME_S * audio.rate)
    frames = audio.samples[: len(audio.samples) // size * size].reshape(-1, size).astype(np.float64)
    if not len(frames):
        return []
    rms = np.sqrt((frames**2).mean(1))
    loud = rms > max(FAINTEST, float(rms.max()) * 10 ** (-BELOW_DB / 20))
    if loud.sum() * FRAME_S < SHORTEST_S:
        return []
    margin = round(MARGIN_S / FRAME_S)
    found, start = [], max(0, int(np.argmax(loud)) - margin)
    last = min(len(loud), len(loud) - int(np.argmax(loud[::-1])) + margin)
    while start < last:
        stop = _stop(rms, loud, start, last)
        if loud[start:stop].sum() * FRAME_S >= SHORTEST_S:
            found.append((start * FRAME_S, Audio(audio.samples[start * size : stop * size], audio.rate)))
        quiet = int(np.argmax(loud[stop:last])) if loud[stop:last].any() else last - stop
        start = max(stop, stop + quiet - margin)
    return found


def _stop(rms: np.ndarray, loud: np.ndarray, start: int, last: int) -> int:
    """Where the piece from `start` ends: at a pause, at the quietest place before it is too long, or at the end."""
    most, pause = round(LONGEST_S / FRAME_S), round(PAUSE_S / FRAME_S)
    quiet = 0
    for at in range(start, min(last, start + most)):
        quiet = 0 if loud[at] else quiet + 1
        if quiet >= pause and at - start > most // 3:
            return at - pause + round(MARGIN_S / FRAME_S)
    if last - start <= most:
        return last
    half = start + most // 2
    around = np.pad(rms[half : start + most], AROUND, mode="edge")  # zeros would make the two ends the quietest
    return half + int(np.argmin(np.convolve(around, np.ones(2 * AROUND + 1), "valid")))
