"""Audio: mono samples and their rate. Every unusable file raises one clear `BadInput`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import BadInput, MissingPackage
from roundelay.files import replacing

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 96_000  # telephone to studio (ours)
MIN_SAMPLES = 2  # one sample has no pitch, bandwidth or duration (ours)
OGG_PAGE_BYTES = 65_307  # the longest page of an Ogg file (RFC 3533)
LEEWAY = 1e-4  # a float file may exceed full scale by rounding
BLOCK_FRAMES = 1 << 20  # a long multi-channel file is mixed to mono in blocks of this many frames


class InvalidAudio(BadInput):
    """An array or a rate that is no audio: empty, not mono, NaN, beyond full scale, a rate out of range."""


def check_rate(rate: int) -> None:
    """Raise `InvalidAudio` for a sample rate in Hz out of range."""
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise InvalidAudio("sample rate", rate, f"must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError:
        raise MissingPackage("soundfile", "voice") from None
    return soundfile


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Mono audio: `samples` float32 [T] within [-1, 1] at `rate` Hz (8,000 to 96,000).

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

        Reads what libsndfile can (WAV, FLAC, Ogg, Opus, MP3…), 8 to 96 kHz, any number of channels. Raises
        `BadInput` in one line for a missing, empty, truncated or renamed file.
        """
        soundfile = _soundfile()
        path = Path(path)
        if not path.is_file():
            raise BadInput("audio file", path, "does not exist" if not path.exists() else "is not a file")
        if path.stat().st_size == 0:
            raise BadInput("audio file", path, "is empty")
        pieces = []
        try:
            with soundfile.SoundFile(path) as file:
                file_rate, promised = file.samplerate, file.frames
                check_rate(file_rate)  # before decoding: an extreme rate makes a small file large
                while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    pieces.append(block.mean(axis=1, dtype=np.float32))
        except BadInput as error:
            raise BadInput("audio file", path, f"cannot be used: {error}") from None
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            reason = getattr(error, "error_string", None) or str(error)
            raise BadInput("audio file", path, f"cannot be read ({reason.strip(' .')})") from None
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        if not samples.size:
            raise BadInput("audio file", path, "holds no samples")
        if 0 < promised < 1 << 60 and samples.size < promised:
            raise BadInput("audio file", path, f"is truncated: {samples.size} of {promised} samples")
        _check_whole(path)
        try:
            audio = cls.from_array(samples, file_rate)
        except BadInput as error:
            raise BadInput("audio file", path, f"cannot be used: {error}") from None
        return audio if rate is None else audio.resample(rate)

    def write(self, path: Path | str, *, force: bool = False) -> None:
        """Write a file, whole or not at all; the name (.wav .flac .ogg .opus) decides its format."""
        with writing(path, self.rate, force=force) as write:
            write(self.samples)

    def resample(self, rate: int) -> Audio:
        """The audio at another rate (soxr, high quality); itself when the rate is the same."""
        if rate == self.rate:
            return self
        check_rate(rate)
        try:
            import soxr
        except ImportError:
            raise MissingPackage("soxr", "voice") from None
        made = soxr.resample(self.samples, self.rate, rate)
        if made.size < MIN_SAMPLES:  # a few samples at a high rate are less than one at a low rate
            made = np.pad(made, (0, MIN_SAMPLES - made.size))
        return Audio.from_array(made, rate)


@contextmanager
def writing(path: Path | str, rate: int, *, force: bool = False) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends samples [T] to a file; the file takes its name when the block ends without an
    error. Raises `BadInput` as `Audio.write` does.
    """
    soundfile = _soundfile()
    path = Path(path)
    if path.suffix.lower() not in {".wav", ".flac", ".ogg", ".opus"}:
        raise BadInput("audio file", path, "must end in .wav, .flac, .ogg or .opus")
    kind = {".opus": ("OGG", "OPUS"), ".ogg": ("OGG", "VORBIS")}.get(path.suffix.lower())
    container, coding = kind or (path.suffix[1:].upper(), "PCM_16")

    def write_error(error: Exception) -> BadInput:
        reason = getattr(error, "error_string", None) or str(error)
        return BadInput("audio file", path, f"cannot be written at {rate} Hz ({reason})")

    with replacing(path, force=force) as temporary:
        try:
            file = soundfile.SoundFile(temporary, "w", rate, 1, coding, format=container)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise write_error(error) from None

        def write(samples_T: np.ndarray) -> None:
            try:
                file.write(samples_T)
                file.flush()
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise write_error(error) from None

        with file:
            yield write


def _check_whole(path: Path) -> None:
    """Raise `BadInput` if a WAV or Ogg declares more bytes than the file has; libsndfile raises no error."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(max(0, size - OGG_PAGE_BYTES))
        tail = file.read()
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        promised = int.from_bytes(head[4:8], "little") + 8
        if size < promised < 0xFFFFFF00:  # streamed WAVs write 0xFFFFFFFF: length unknown
            raise BadInput("audio file", path, f"is truncated: {size:,} of {promised:,} bytes")
    if head[:4] == b"OggS":
        page = tail[tail.rfind(b"OggS") :]
        segments = page[26] if len(page) > 26 else 255
        if len(page) < 27 + segments + sum(page[27 : 27 + segments]):
            raise BadInput("audio file", path, "is truncated: its last page is not whole")
