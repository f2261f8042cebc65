"""Recordings: sound in a file, read in blocks, so that hours need no more memory than seconds (ours).

Every unusable file raises one clear `BadInput`; what is odd but can be read is said in one line of the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from roundelay.errors import BadInput, MissingPackage
from roundelay.voice import media, riff, sndfile

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 768_000  # the slowest telephone to the fastest studio converter (ours)
MIN_SAMPLES = 2  # one sample has no pitch, bandwidth or duration (ours)
BLOCK_VALUES = 1 << 18  # samples of all channels in a block, 1 MB
FILE = "audio file"  # what a `BadInput` about a file is about
LOG = logging.getLogger(__name__)


class InvalidAudio(BadInput):
    """An array or a rate that is no audio: empty, not mono, NaN, beyond full scale, a rate out of range."""


def check_rate(rate: int) -> None:
    """Raise `InvalidAudio` for a sample rate in Hz out of range."""
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise InvalidAudio("sample rate", rate, f"must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")


def soxr() -> Any:
    """The package soxr. Raises `MissingPackage` without it."""
    try:
        import soxr
    except ImportError:
        raise MissingPackage("soxr", "voice") from None
    return soxr


@dataclass(frozen=True, slots=True)
class AudioFile:
    """The audio in the file `path`, at `rate` Hz; `frames` is how many samples a channel has, None where unknown.

    Where an `Audio` holds its samples, this reads them from the file, each time it is asked.
    """

    path: Path
    rate: int
    channels: int
    frames: int | None
    whole: bool = False

    @classmethod
    def open(cls, path: Path | str, *, whole: bool = False) -> AudioFile:
        """The audio in a file, 4 to 768 kHz, any channels: WAV, FLAC, Ogg and whatever else `voice.media` lists.

        The kind is told by the content, not by the name. A WAV whose header declares less sound than the file holds,
        or more, is read as far as it goes. Raises `BadInput` in one line for a missing or empty file, for one that
        cannot be read or holds no sound, and for a truncated one where it must be `whole`.
        """
        path = Path(path)
        if not path.is_file():
            raise BadInput(FILE, path, "does not exist" if not path.exists() else "is not a file")
        if not _size(path):
            raise BadInput(FILE, path, "is empty")
        finding = riff.examine(path)
        if finding.view is not None:
            finding.view.close()
        if finding.truncated and whole:
            raise BadInput(FILE, path, finding.remark)
        if finding.remark:
            _tell(path, finding.remark + (", and are used" if finding.truncated else ""))
        with _reading(path), _reader(path) as reader:
            check_rate(reader.rate)
            if reader.frames == 0:
                raise BadInput(FILE, path, "holds no samples")
            if reader.frames is not None and reader.frames < MIN_SAMPLES:
                raise BadInput(FILE, path, f"is too short: {reader.frames} samples; give at least {MIN_SAMPLES}")
            return cls(path, reader.rate, reader.channels, reader.frames, whole)

    @property
    def duration_s(self) -> float:
        """The length in seconds; of a file that does not tell it, by decoding the whole."""
        frames = self.frames if self.frames is not None else sum(len(block) for block in self.blocks())
        return frames / self.rate

    def longer_than(self, seconds: float) -> bool:
        """Whether it lasts longer; no more is decoded than is needed to know."""
        if self.frames is not None:
            return self.frames > seconds * self.rate
        left = seconds * self.rate
        return any((left := left - len(block)) < 0 for block in self.blocks())

    def measured(self, longest_s: float) -> AudioFile | None:
        """The same with its length known, None where it is longer; a file that does not tell is decoded so far."""
        limit, read = longest_s * self.rate, 0
        if self.frames is None:
            for block in self.blocks():
                read += len(block)
                if read > limit:
                    return None
        frames = read if self.frames is None else self.frames
        return replace(self, frames=frames) if frames <= limit else None

    def blocks(self, rate: int | None = None) -> Iterator[np.ndarray]:
        """Yield the samples float32 [n], mono, within [-1, 1], at `rate` Hz if given, in blocks of a few seconds.

        Channels are averaged, values beyond full scale clipped. A file that ends early, or is damaged further on, is
        read as far as it goes, and the log says so. Raises `BadInput` for NaN, and where nothing can be read.
        """
        if rate is None or rate == self.rate:
            yield from self._read()
            return
        check_rate(rate)
        stream = soxr().ResampleStream(self.rate, rate, 1, dtype="float32")
        for block in self._read():
            yield np.clip(stream.resample_chunk(block), -1, 1)
        yield np.clip(stream.resample_chunk(np.zeros(0, np.float32), last=True), -1, 1)

    def _read(self) -> Iterator[np.ndarray]:
        with _reading(self.path), _reader(self.path) as reader:
            read = 0
            for block in _blocks(reader.parts(), BLOCK_VALUES // reader.channels):
                read += len(block)
                yield _checked(block)
        if not read:
            raise BadInput(FILE, self.path, "holds no samples")
        stated, remark = reader.stated, ""
        if stated is not None and read < stated - reader.slack:
            remark = f"is truncated: {read / self.rate:.3f} s of {stated / self.rate:.3f} s are there"
        elif reader.broken:
            remark = f"is damaged: {read / self.rate:.3f} s of it are there"
        if remark:
            broken = f" ({reader.broken})" if reader.broken else ""
            if self.whole:
                raise BadInput(FILE, self.path, remark + broken)
            _tell(self.path, f"{remark}, and are used{broken}")


class _Reader(Protocol):
    """What opens one kind of file. `frames` may be trusted, `stated` only that so many samples should be there."""

    broken: str

    @property
    def rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def frames(self) -> int | None: ...
    @property
    def stated(self) -> int | None: ...
    @property
    def slack(self) -> int: ...
    def parts(self) -> Iterator[np.ndarray]: ...


@contextmanager
def _reader(path: Path) -> Iterator[_Reader]:
    """Yield the reader of a file's kind: libsndfile's for what it knows best, else FFmpeg's."""
    with ExitStack() as stack:
        if not media.preferred(path):
            with suppress(sndfile.NoSndfile):
                yield stack.enter_context(sndfile.opened(path))
                return
        yield stack.enter_context(media.opened(path))


def _blocks(parts: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield the parts joined to blocks of at least `size` samples."""
    held, count = list[np.ndarray](), 0
    for part in parts:
        held.append(part)
        count += len(part)
        if count >= size:
            yield np.concatenate(held)
            held, count = [], 0
    if count:
        yield np.concatenate(held)


def _checked(samples: np.ndarray) -> np.ndarray:
    """The samples within [-1, 1]. Raises `InvalidAudio` for NaN and infinity."""
    if not np.isfinite(samples).all():
        raise InvalidAudio("audio with", "NaN or infinity", "must be finite")
    return np.clip(samples, -1, 1)


def _size(path: Path) -> int:
    try:
        with path.open("rb"):
            return path.stat().st_size
    except OSError as error:
        raise BadInput(FILE, path, f"cannot be read ({error.strerror})") from None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Make what reading a file raises one line about it."""
    try:
        yield
    except InvalidAudio as error:
        raise BadInput(FILE, path, f"cannot be used: {error}") from None
    except media.NoMedia as error:
        raise BadInput(FILE, path, str(error)) from None
    except (RuntimeError, OSError) as error:
        raise BadInput(FILE, path, f"cannot be read ({sndfile.reason(error)})") from None


def _tell(path: Path, remark: str) -> None:
    """Say what is odd about a file; without a logger of the application's own, Python writes the line to stderr."""
    LOG.warning("%s", BadInput(FILE, path, remark))
