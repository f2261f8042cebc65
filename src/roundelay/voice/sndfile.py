"""The sound of WAV, AIFF, CAF, AU, FLAC, Ogg and older kinds, read by libsndfile in the package soundfile (ours)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice import riff

READ_FRAMES = 4096  # decoded at a time: where a file is damaged, so much before the place is lost
MAX_FRAMES = 1 << 60  # libsndfile gives more where a file does not tell its length


class NoSndfile(Exception):
    """A file that is better read by something else."""


def libsndfile() -> Any:
    """The package soundfile. Raises `MissingPackage` without it."""
    try:
        import soundfile
    except ImportError:
        raise MissingPackage("soundfile", "voice") from None
    return soundfile


class SndfileReader:
    """The sound of an open file: `rate` Hz, `channels`, `frames` samples a channel.

    `broken` says after the reading why it ended early, "" where it did not.
    """

    slack = 0  # by how many samples the sound may be shorter than stated

    def __init__(self, file: Any) -> None:
        self._file, self.broken = file, ""
        self.rate: int = file.samplerate
        self.channels: int = file.channels
        self.frames: int | None = file.frames

    @property
    def stated(self) -> int | None:
        """How many samples a channel should have."""
        return self.frames

    def parts(self) -> Iterator[np.ndarray]:
        """Yield the samples float32 [n], channels averaged. Raises libsndfile's error where nothing can be read."""
        read = 0
        while True:
            try:
                part = self._file.read(READ_FRAMES, dtype="float32", always_2d=True)
            except RuntimeError as error:  # LibsndfileError is one
                if not read:
                    raise
                self.broken = reason(error)
                return
            if not len(part):
                return
            read += len(part)
            yield part.mean(axis=1, dtype=np.float32)


@contextmanager
def opened(path: Path) -> Iterator[SndfileReader]:
    """Yield the reader of a file; one with a wrong header is opened as it should be. Raises `NoSndfile`."""
    soundfile, view = libsndfile(), riff.examine(path).view
    with view or nullcontext():
        try:
            file = soundfile.SoundFile(view or path)
        except RuntimeError as error:
            raise NoSndfile(reason(error)) from None
        with file:
            if file.subtype.startswith("MPEG"):
                raise NoSndfile("the length of an MP3 would be guessed")
            if file.frames >= MAX_FRAMES:
                raise NoSndfile("the last block of a FLAC without a length would be lost")
            yield SndfileReader(file)


def reason(error: Exception) -> str:
    """What an exception says, in few words."""
    return str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error).strip(" .")
