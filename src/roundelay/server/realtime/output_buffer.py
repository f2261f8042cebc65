"""OpenAI's output audio buffer of a WebRTC call: audio that waits to be played on a track, and its events.

A WebSocket client gets audio in frames and plays it itself. In a call the server plays the track and knows what was
played: `output_audio_buffer.started`, `stopped` and `cleared` report it. This module does not use WebRTC.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from roundelay.server.realtime.frames import Frame, frame
from roundelay.voice.resample import Resampler

TRACK_RATE_HZ = 48_000  # Opus in WebRTC (RFC 7587)
LEAD_MS = 300  # audio queued at most while the track plays: outlasts a busy core, little is lost at a barge-in
MAX_BUFFERED_SAMPLES = 10 * TRACK_RATE_HZ  # where nothing takes them; the oldest are dropped


class OutputAudioBuffer:
    """Audio by response, in playback order."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._queue: deque[tuple[str, np.ndarray | None]] = deque()  # None: the end of a response
        self._resampler: Resampler | None = None  # of the response whose audio comes in
        self._waiting = 0
        self._sounding: str | None = None

    def play(self, response: str, samples: np.ndarray, rate_hz: int) -> None:
        """Add the next audio of a response, float32 [n]; all of it has one rate."""
        if self._resampler is None:
            self._resampler = Resampler(rate_hz, TRACK_RATE_HZ)
        self._put(response, self._resampler.push(samples))

    def end(self, response: str) -> None:
        """Mark the end of a response."""
        if self._resampler is not None:
            self._put(response, self._resampler.finish())
        self._queue.append((response, None))
        self._resampler = None

    def take(self, count: int) -> np.ndarray:
        """The next samples to play, float32 at 48 kHz, or silence; reports responses that begin or end."""
        out, filled = np.zeros(count, np.float32), 0
        while self._queue and filled < count:
            response, sound = self._queue.popleft()
            if sound is None:
                self._stopped(response)
                continue
            if self._sounding != response:
                self._sounding = response
                self._send(frame("output_audio_buffer.started", response_id=response))
            piece, rest = sound[: count - filled], sound[count - filled :]
            out[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._waiting -= len(piece)
            if len(rest):
                self._queue.appendleft((response, rest))
        if self._queue and self._queue[0][1] is None:  # the last sample is out
            self._stopped(self._queue.popleft()[0])
        return out

    def clear(self) -> None:
        """Drop the queued audio; report it if the response had begun."""
        self._queue.clear()
        self._waiting, self._resampler = 0, None
        if self._sounding is not None:
            self._send(frame("output_audio_buffer.cleared", response_id=self._sounding))
            self._sounding = None

    def _put(self, response: str, sound: np.ndarray) -> None:
        if not len(sound):
            return
        self._queue.append((response, sound))
        self._waiting += len(sound)
        while self._waiting > MAX_BUFFERED_SAMPLES and (old := self._queue.popleft()[1]) is not None:
            self._waiting -= len(old)

    def _stopped(self, response: str) -> None:
        if self._sounding == response:
            self._send(frame("output_audio_buffer.stopped", response_id=response))
            self._sounding = None
