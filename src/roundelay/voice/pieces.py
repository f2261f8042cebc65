"""Long audio in pieces: where someone speaks, cut at pauses, so that an engine hears half a minute at a time (ours).

What is no speech for a voice activity detector is left out: silence costs no recogniser any time, and noise gives it no
words to invent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from roundelay.voice.audio import Audio
from roundelay.voice.stream import FinishedStream
from roundelay.voice.vad import FRAME, RATE_HZ, Detector, default_detector

MAX_PIECE_S = 30.0  # Whisper's window, and the longest that other recognisers are at ease with
MIN_CUT_S = 12.0  # a piece of this length ends at its next pause
PAUSE_S = 0.5  # quiet that may end a piece
LONG_PAUSE_S = 2.0  # quiet that ends a piece of any length
MARGIN_S = 0.4  # kept before and behind speech: weak consonants, and what a recogniser expects around words
SPEECH, STILL_SPEECH = 0.5, 0.35  # probability with which speech begins (Silero's own operating point), and goes on
MIN_SPEECH_FRAMES = 2  # 64 ms: a single frame is a click as often as speech
SILENCE_RMS = 3e-4  # a quieter frame is silence; after half a second of it none is scored
HEARD_SILENCE_S = 0.5  # so much of it a detector hears first, or it misses a word that begins the audio
SMOOTHING_FRAMES = 2  # on either side, in the search for the quietest place


def frames_in(seconds: float) -> int:
    """How many frames last so long."""
    return round(seconds * RATE_HZ / FRAME)


def has_speech(samples_T: np.ndarray, detector: Detector | None = None) -> bool:
    """Whether there is speech in samples float32 [T] at 16 kHz: two frames of it at the least."""
    pieces = SpeechPieces(detector, len(samples_T) / RATE_HZ + 1)
    return bool(pieces.push(samples_T) or pieces.finish())


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of longer audio in which someone speaks, at 16 kHz, and where it starts."""

    start_s: float
    audio: Audio


@dataclass(slots=True)
class Line:
    """Frames in a row: sound [n, 512], level and probability of speech [n]; `first` is the first one's number."""

    first: int = 0
    sound: list[np.ndarray] = field(default_factory=list)
    rms: list[float] = field(default_factory=list)
    speech: list[float] = field(default_factory=list)

    def drop(self, count: int) -> None:
        """Forget the first `count` frames."""
        del self.sound[:count], self.rms[:count], self.speech[:count]
        self.first += count

    def quietest(self) -> int:
        """The quietest place in the second half."""
        half = len(self.rms) // 2
        # zeros at the edges would make the two ends the quietest
        around = np.pad(np.asarray(self.rms[half:]), SMOOTHING_FRAMES, mode="edge")
        return half + int(np.argmin(np.convolve(around, np.ones(2 * SMOOTHING_FRAMES + 1), "valid")))


class SpeechPieces:
    """Pieces of speech as audio at 16 kHz arrives: a `Stream` of float32 [n] to a list of `Piece`.

    A piece lasts at most `longest_s`, and longer than twelve seconds only where no one pauses.
    """

    def __init__(self, detector: Detector | None = None, longest_s: float = MAX_PIECE_S) -> None:
        self._detector = detector or default_detector()
        self._longest = max(1, frames_in(longest_s))
        self._long_enough = min(frames_in(MIN_CUT_S), self._longest // 2)
        self._rest = np.zeros(0, np.float32)
        self._line = Line()
        self._speaking = self._finished = False
        self._quiet = 0  # frames since the last one of speech
        self._silent = frames_in(HEARD_SILENCE_S)  # frames of silence in a row
        for _ in range(self._silent):
            self._detector.speech_probability(np.zeros(FRAME, np.float32))

    def push(self, samples: np.ndarray) -> list[Piece]:
        """The pieces that these samples complete."""
        if self._finished:
            raise FinishedStream
        line = np.concatenate([self._rest, np.asarray(samples, np.float32)])
        whole = len(line) // FRAME
        self._rest = line[whole * FRAME :].copy()
        found: list[Piece] = []
        for frame in line[: whole * FRAME].reshape(whole, FRAME):
            found += self._frame(frame)
        return found

    def finish(self) -> list[Piece]:
        """The last piece, if someone was still speaking."""
        found = self.push(np.zeros(-len(self._rest) % FRAME, np.float32))
        self._finished = True
        return [*found, *self._cut(self._end())] if self._speaking else found

    def _frame(self, frame: np.ndarray) -> list[Piece]:
        line = self._line
        rms = float(np.sqrt(np.mean(np.square(frame, dtype=np.float64))))
        self._silent = 0 if rms >= SILENCE_RMS else self._silent + 1
        probability = 0.0
        if self._silent <= frames_in(HEARD_SILENCE_S):
            probability = self._detector.speech_probability(frame)
        line.sound.append(frame)
        line.rms.append(rms)
        line.speech.append(probability)
        if not self._speaking:
            self._speaking, self._quiet = probability >= SPEECH, 0
            if not self._speaking:
                line.drop(max(0, len(line.sound) - frames_in(MARGIN_S)))
            return []
        self._quiet = 0 if probability >= STILL_SPEECH else self._quiet + 1
        size = len(line.sound)
        if self._quiet >= frames_in(LONG_PAUSE_S) or (self._quiet >= frames_in(PAUSE_S) and size >= self._long_enough):
            return self._cut(self._end())
        return self._cut(line.quietest()) if size >= self._longest else []

    def _end(self) -> int:
        """Where the piece ends when its speech has: a margin behind it, or the middle of the quiet."""
        kept = frames_in(MARGIN_S) if self._finished else min(frames_in(MARGIN_S), -(-self._quiet // 2))
        return len(self._line.sound) - self._quiet + min(self._quiet, kept)

    def _cut(self, at: int) -> list[Piece]:
        """The piece up to frame `at` of the line; what stands behind it may begin the next one."""
        line = self._line
        spoken = sum(probability >= SPEECH for probability in line.speech[:at])
        found = []
        if spoken >= MIN_SPEECH_FRAMES:
            found = [Piece(line.first * FRAME / RATE_HZ, Audio(np.concatenate(line.sound[:at]), RATE_HZ))]
        line.drop(at)
        self._speaking = any(probability >= SPEECH for probability in line.speech)
        if not self._speaking:
            self._quiet = 0
            line.drop(max(0, len(line.sound) - frames_in(MARGIN_S)))
        return found
