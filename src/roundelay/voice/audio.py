"""Audio: mono samples and their rate, in memory. Every unusable file raises one clear `BadInput`.

A file that may be long is a `voice.audio_file.AudioFile`, which gives the same blocks as an `Audio`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.errors import BadInput
from roundelay.files import replacing
from roundelay.voice.audio_file import MIN_SAMPLES, AudioFile, InvalidAudio, check_rate, soxr
from roundelay.voice.media_writer import MediaWriter, Unwritable
from roundelay.voice.sndfile import libsndfile

LEEWAY = 1e-4  # a float file may exceed full scale by rounding
SNDFILE_KINDS = {  # by the end of a file's name: libsndfile's container and coding
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
MEDIA_KINDS = {".aac": ("adts", "aac"), ".m4a": ("ipod", "aac"), ".mp4": ("mp4", "aac")}  # FFmpeg's container and codec
BLOCK_S = 10  # `blocks` gives this much at a time


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Mono audio: `samples` float32 [T] within [-1, 1] at `rate` Hz (4,000 to 768,000).

    Silence and a constant level are valid audio. Raises `InvalidAudio` (a `BadInput`) for an empty or
    one-sample array, more than one dimension, NaN or infinity, values beyond full scale, and a rate out of range.
    """

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        check_rate(self.rate)
        samples = np.ascontiguousarray(self.samples, dtype=np.float32)
        if samples.ndim != 1:
            raise InvalidAudio("audio of shape", samples.shape, "must be mono, one dimension")
        if samples.size < MIN_SAMPLES:
            raise InvalidAudio("audio of", f"{samples.size} samples", f"is too short; give at least {MIN_SAMPLES}")
        # NaN makes both comparisons false.
        if not (samples.min() >= -1 - LEEWAY and samples.max() <= 1 + LEEWAY):
            bad = "NaN or infinity" if not np.isfinite(samples).all() else "values beyond full scale"
            raise InvalidAudio("audio with", bad, "must be finite and within [-1, 1]")
        if samples is self.samples:
            samples = samples.view()
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "rate", int(self.rate))

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return self.samples.size / self.rate

    def longer_than(self, seconds: float) -> bool:
        """Whether it lasts longer."""
        return self.duration_s > seconds

    @classmethod
    def from_array(cls, array_TC: np.ndarray, rate: int) -> Audio:
        """Audio from samples [T] or [T, channels]: channels are averaged, values beyond full scale clipped.

        Integer arrays are scaled by their type's range. Raises `BadInput` as `Audio` does.
        """
        array = np.asarray(array_TC)
        if np.issubdtype(array.dtype, np.integer):
            array = array.astype(np.float64) / -float(np.iinfo(array.dtype).min or -np.iinfo(array.dtype).max)
        if array.ndim == 2 and array.shape[1] > 0:
            array = array.mean(axis=1)
        if array.size and np.isfinite(array).all():
            array = np.clip(array, -1.0, 1.0)
        return cls(array.astype(np.float32), rate)

    @classmethod
    def read(cls, path: Path | str, rate: int | None = None) -> Audio:
        """The audio in a file, as mono, resampled to `rate` Hz if given.

        Reads what libsndfile can (WAV, FLAC, Ogg, Opus, MP3…), 4 to 768 kHz, any number of channels, as
        `AudioFile` does. Raises `BadInput` in one line for a missing, empty or renamed file.
        """
        file = AudioFile.open(path)
        return cls.joined(file.blocks(rate), rate or file.rate)

    @classmethod
    def joined(cls, blocks: Iterable[np.ndarray], rate: int) -> Audio:
        """Blocks of samples at `rate` Hz as one; a few at a high rate are less than one at a low rate, and silence is
        put behind them.
        """
        samples = np.concatenate(list(blocks))
        return cls(np.pad(samples, (0, max(0, MIN_SAMPLES - samples.size))), rate)

    def write(self, path: Path | str, *, force: bool = False) -> None:
        """Write a file, whole or not at all; its name decides its format: .wav .flac .ogg .opus .mp3 .aac .m4a .mp4."""
        with writing(path, self.rate, force=force) as write:
            write(self.samples)

    def resample(self, rate: int) -> Audio:
        """The audio at another rate (soxr, high quality); itself when the rate is the same."""
        if rate == self.rate:
            return self
        check_rate(rate)
        return Audio.joined([np.clip(soxr().resample(self.samples, self.rate, rate), -1, 1)], rate)

    def blocks(self, rate: int | None = None) -> Iterator[np.ndarray]:
        """Yield the samples float32 [n], at `rate` Hz if given, in blocks of ten seconds."""
        audio = self if rate is None else self.resample(rate)
        size = BLOCK_S * audio.rate
        for at in range(0, len(audio.samples), size):
            yield audio.samples[at : at + size]


@contextmanager
def writing(path: Path | str, rate: int, *, force: bool = False) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends samples [T] to a file; the file takes its name when the block ends without an
    error. Raises `BadInput` as `Audio.write` does.
    """
    path = Path(path)
    check_writable(path)
    with replacing(path, force=force) as temporary:
        with _one_line(path, rate):
            writer = _writer(temporary, rate)

        def write(samples_T: np.ndarray) -> None:
            with _one_line(path, rate):
                writer.write(samples_T)

        try:
            yield write
        except BaseException:
            writer.abandon()
            raise
        with _one_line(path, rate):
            writer.close()


def check_writable(path: Path) -> None:
    """Raise `BadInput` unless the end of a file's name is of a format that is written; call it before long work."""
    if path.suffix.lower() not in (*SNDFILE_KINDS, *MEDIA_KINDS):
        *most, last = (*SNDFILE_KINDS, *MEDIA_KINDS)
        raise BadInput("audio file", path, f"must end in {', '.join(most)} or {last}")


class _SndfileWriter:
    """A file of libsndfile's, on the disk as far as it was written."""

    def __init__(self, path: Path, container: str, coding: str, rate: int) -> None:
        self._file = libsndfile().SoundFile(path, "w", rate, 1, coding, format=container)

    def write(self, samples: np.ndarray) -> None:
        self._file.write(samples)
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    abandon = close


def _writer(path: Path, rate: int) -> _SndfileWriter | MediaWriter:
    suffix = path.suffix.lower()
    if suffix in MEDIA_KINDS:
        return MediaWriter(str(path), *MEDIA_KINDS[suffix], rate)
    return _SndfileWriter(path, *SNDFILE_KINDS[suffix], rate)


@contextmanager
def _one_line(path: Path, rate: int) -> Iterator[None]:
    try:
        yield
    except (Unwritable, RuntimeError) as error:  # libsndfile's is a RuntimeError
        reason = getattr(error, "error_string", None) or str(error)
        raise BadInput("audio file", path, f"cannot be written at {rate} Hz ({reason})") from None
