"""Splits audio into speech segments of at most twelve seconds, cut where it is quiet (ours).

A plain energy detector, for files; conversations use `realtime.segmenter`.
"""

from __future__ import annotations

import numpy as np

from roundelay.voice.audio import Audio

FRAME_S = 0.02
MAX_SEGMENT_S, MIN_SPEECH_S = 12.0, 0.1  # the model was trained on utterances of up to twelve seconds
SPEECH_BELOW_PEAK_DB = 38.0  # a frame further below the loudest is quiet
SILENCE_RMS = 3e-4  # a quieter frame is silence
MARGIN_S = 0.25  # of quiet kept on either side of speech
SMOOTHING_FRAMES = 2  # on either side, in the search for the quietest place
MIN_PAUSE_S = 0.6  # quiet that ends a segment longer than a third of the maximum


def segments(audio: Audio) -> list[tuple[float, Audio]]:
    """The segments in order, each with its start in seconds; none where nothing is loud enough to be speech."""
    size = round(FRAME_S * audio.rate)
    frames = audio.samples[: len(audio.samples) // size * size].reshape(-1, size).astype(np.float64)
    if not len(frames):
        return []
    rms = np.sqrt((frames**2).mean(1))
    loud = rms > max(SILENCE_RMS, float(rms.max()) * 10 ** (-SPEECH_BELOW_PEAK_DB / 20))
    if loud.sum() * FRAME_S < MIN_SPEECH_S:
        return []
    margin = round(MARGIN_S / FRAME_S)
    found, start = [], max(0, int(np.argmax(loud)) - margin)
    last = min(len(loud), len(loud) - int(np.argmax(loud[::-1])) + margin)
    while start < last:
        stop = _stop(rms, loud, start, last)
        if loud[start:stop].sum() * FRAME_S >= MIN_SPEECH_S:
            found.append((start * FRAME_S, Audio(audio.samples[start * size : stop * size], audio.rate)))
        quiet = int(np.argmax(loud[stop:last])) if loud[stop:last].any() else last - stop
        start = max(stop, stop + quiet - margin)
    return found


def _stop(rms: np.ndarray, loud: np.ndarray, start: int, last: int) -> int:
    """The end of the segment from `start`: a pause, the quietest place before it is too long, or the end of speech."""
    limit, pause = round(MAX_SEGMENT_S / FRAME_S), round(MIN_PAUSE_S / FRAME_S)
    quiet = 0
    for at in range(start, min(last, start + limit)):
        quiet = 0 if loud[at] else quiet + 1
        if quiet >= pause and at - start > limit // 3:
            return at - pause + round(MARGIN_S / FRAME_S)
    if last - start <= limit:
        return last
    half = start + limit // 2
    # zeros at the edges would make the two ends the quietest
    around = np.pad(rms[half : start + limit], SMOOTHING_FRAMES, mode="edge")
    return half + int(np.argmin(np.convolve(around, np.ones(2 * SMOOTHING_FRAMES + 1), "valid")))
