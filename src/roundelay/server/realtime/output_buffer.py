"""The output buffer of a call: sound that waits to be played on a track, and what the client is told of it.

A WebSocket's client gets sound in frames and plays it itself. A call's client hears a track, so the server plays, and
knows what was played: `output_audio_buffer.started`, `stopped` and `cleared` say so. No WebRTC here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from roundelay.server.audio.resample import Resampler
from roundelay.server.realtime.frames import Frame, frame
from roundelay.voice.realtime.core.events import RATE_HZ as MODEL_RATE_HZ

TRACK_RATE_HZ = 48_000  # Opus in WebRTC (RFC 7587)
LEAD_MS = 300  # sound that waits here at most as long as the track plays: outlasts a busy core, and is soon over
MAX_BUFFERED_SAMPLES = 10 * TRACK_RATE_HZ  # samples kept where nobody plays them; the oldest go


class OutputAudioBuffer:
    """Sound by response, in the order it is to be played."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._queue: deque[tuple[str, np.ndarray | None]] = deque()  # None: all of this response was there
        self._rate = Resampler(MODEL_RATE_HZ, TRACK_RATE_HZ)
        self._waiting = 0
        self._sounding: str | None = None

    def play(self, response: str, sound: np.ndarray) -> None:
        """Put a response's next sound at the end, float32 at 16 kHz."""
        self._put(response, self._rate.push(sound))

    def end(self, response: str) -> None:
        """No more of this response will come."""
        self._put(response, self._rate.push(np.zeros(0, np.float32), last=True))
        self._queue.append((response, None))
        self._rate = Resampler(MODEL_RATE_HZ, TRACK_RATE_HZ)

    def take(self, count: int) -> np.ndarray:
        """The next samples to play, float32 at 48 kHz, silence where there are none; tells the client what begins."""
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
        """Drop what waits; a client that heard the response begin is told."""
        self._queue.clear()
        self._waiting, self._rate = 0, Resampler(MODEL_RATE_HZ, TRACK_RATE_HZ)
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
