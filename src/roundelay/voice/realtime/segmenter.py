"""Speech segmentation of a conversation: where speech starts and ends in microphone audio, and what is echo (ours).

`voice.vad` scores the frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.vad import FRAME, Detector


@dataclass(frozen=True, slots=True)
class SpeechBoundary:
    """Speech started (`starts`) or stopped at `sample`; the bot's playback explains a share `echo` (0 to 1) of it."""

    starts: bool
    sample: int
    echo: float = 0.0


class SpeechSegmenter:
    """Segments microphone audio into speech by hysteresis on a detector's probabilities.

    Speech that proves to be echo after half a second is withdrawn by a boundary that stops it where it started. After
    an echo, new speech is presumed to be echo until half a second of it shows otherwise.
    """

    # Onset threshold as a fraction of `Thresholds.voice`: Silero needs about four frames to confirm a breathy onset.
    ONSET_RATIO = 0.5
    ONSET_MAX_FRAMES = 6  # 192 ms: a possible onset that lasts longer without confirmation is none

    def __init__(self, detector: Detector, echo: Echo | None = None) -> None:
        self._detector, self._echo = detector, echo or Echo()
        self._rest = np.zeros(0, np.float32)
        self._samples = 0  # scored
        self._run_ms = 0  # how long the frames have contradicted the state
        self._voiced = self._echoing = False
        self._onset_frames = 0  # consecutive frames above the onset threshold
        self._run_from = self._since = 0  # where the contradiction started; where the state started
        self._echoed = -Echo.MEMORY  # sample at which echo was last found

    def skip(self, samples: int) -> None:
        """Pass over `samples` without scoring them; the state becomes silence and sample positions stay right."""
        self._samples += len(self._rest) + samples
        self._rest = np.zeros(0, np.float32)
        self._run_ms = self._onset_frames = 0
        self._voiced = self._echoing = False

    @property
    def maybe_speech(self) -> bool:
        """Whether the newest frames may be the onset of speech; at most for as long as a weak consonant lasts."""
        return 0 < self._onset_frames <= self.ONSET_MAX_FRAMES

    def push(self, sound: np.ndarray, limits: Thresholds) -> Iterator[SpeechBoundary]:
        """Yield the boundaries found in this audio, float32 [n] at 16 kHz."""
        line = np.concatenate([self._rest, np.asarray(sound, np.float32)])
        whole = len(line) // FRAME * FRAME
        self._rest = line[whole:]
        for at in range(0, whole, FRAME):
            yield from self._frame(line[at : at + FRAME], limits)

    def _frame(self, frame: np.ndarray, limits: Thresholds) -> Iterator[SpeechBoundary]:
        level = self._detector.speech_probability(frame)
        self._echo.recorded(frame)
        start, self._samples = self._samples, self._samples + FRAME
        self._onset_frames = (
            self._onset_frames + 1 if level >= self.ONSET_RATIO * limits.voice and not self._voiced else 0
        )
        wall = limits.voice - (limits.voice_margin if self._voiced else 0)
        if (level >= wall) == self._voiced:
            self._run_ms = 0
            if self._voiced and (self._samples - self._since) % Echo.WINDOW == 0:
                yield from self._check_echo(limits)
            return
        if self._run_ms == 0:
            self._run_from = start
        self._run_ms += FRAME * 1000 // INPUT_RATE_HZ
        if self._run_ms < (limits.silence_min_ms if self._voiced else limits.voice_min_ms):
            return
        self._run_ms, self._voiced, self._since = 0, not self._voiced, self._run_from
        if self._voiced:
            lately = self._samples - self._echoed < Echo.MEMORY
            self._echoing = lately and self._echo.sounding
        if not self._echoing:
            yield SpeechBoundary(self._voiced, self._since)
        self._echoing = self._echoing and self._voiced

    def _check_echo(self, limits: Thresholds) -> Iterator[SpeechBoundary]:
        """Yield a boundary where the last half second changes the verdict on whether this speech is echo."""
        share = self._echo.share(Echo.WINDOW)
        if share >= limits.echo:
            self._echoed = self._samples
            if not self._echoing:
                yield SpeechBoundary(False, self._since, share)
            self._echoing = True
        elif self._echoing:
            self._echoing = False
            self._since = self._samples - Echo.WINDOW
            yield SpeechBoundary(True, self._since, share)


class Echo:
    """Detects the bot's playback of the last three seconds in the microphone signal (ours).

    The score is the best normalised cross-correlation over all delays, because the delay is unknown; over less than
    half a second a wrong delay fits nearly as well as the right one. Two voices of the same pitch also correlate: of
    360 pairs of a bot's answer and another speaker's question 1 % score over 0.55, while echo in a simulated room
    scores at least 0.50. With pre-emphasis those pairs score 0.23 and echo at least 0.22. So the score is the
    smaller of the plain one and `EMPHASIS_GAIN` times the pre-emphasised one.
    """

    MEMORY = 3 * INPUT_RATE_HZ
    WINDOW = 16 * FRAME  # 512 ms: the least that can be judged
    SILENCE_ENERGY = 1e-8
    PRE_EMPHASIS = 0.97
    EMPHASIS_GAIN = 2.0

    def __init__(self) -> None:
        self._played = np.zeros(0, np.float32)
        self._recorded = np.zeros(0, np.float32)
        self._quiet = 1 << 30  # microphone samples since the last playback

    def played(self, sound: np.ndarray) -> None:
        """Add audio that is played to the user, float32 [n] at 16 kHz."""
        self._played = np.concatenate([self._played, np.asarray(sound, np.float32)])[-self.MEMORY :]
        self._quiet = 0

    def recorded(self, sound: np.ndarray) -> None:
        """Add microphone audio, float32 [n] at 16 kHz."""
        self._recorded = np.concatenate([self._recorded, sound])[-self.MEMORY // 3 :]
        self._quiet += len(sound)

    @property
    def sounding(self) -> bool:
        """Whether anything was played so recently that its echo is possible."""
        return self._quiet < self.MEMORY

    def share(self, samples: int) -> float:
        """The share (0 to 1) of the last `samples` recorded that the playback explains."""
        mine, theirs = self._recorded[-samples:].astype(np.float64), self._played.astype(np.float64)
        if not self.sounding or len(theirs) < len(mine) or float(mine @ mine) < self.SILENCE_ENERGY:
            return 0.0
        emphasised = self.EMPHASIS_GAIN * self._correlation(self._emphasised(theirs), self._emphasised(mine))
        return float(np.clip(min(self._correlation(theirs, mine), emphasised), 0, 1))

    def _correlation(self, theirs: np.ndarray, mine: np.ndarray) -> float:
        """The best normalised correlation of all of `mine` with any part of `theirs`."""
        size = 1 << (len(theirs) + len(mine)).bit_length()
        cross = np.fft.irfft(np.fft.rfft(theirs, size) * np.conj(np.fft.rfft(mine, size)), size)
        cross = cross[: len(theirs) - len(mine) + 1]
        total = np.concatenate([[0.0], np.cumsum(theirs**2)])
        energy = total[len(mine) :] - total[: len(total) - len(mine)]
        return float(np.max(np.abs(cross) / np.sqrt(energy * (mine @ mine) + self.SILENCE_ENERGY)))

    def _emphasised(self, line: np.ndarray) -> np.ndarray:
        """The signal after pre-emphasis, which attenuates low frequencies."""
        return line - self.PRE_EMPHASIS * np.concatenate([line[:1], line[:-1]])
