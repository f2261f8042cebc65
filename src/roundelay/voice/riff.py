"""The sound of a WAV file where its header is wrong: RIFF, RIFX, RF64 and Sony Wave64 (ours).

A recorder that is stopped, or that writes to a pipe, leaves the size of the sound too small, 0 or "unknown" in the
header, and libsndfile reads no further than that size says. Here the chunks are walked, the true size is taken from the
file, and the sound is shown to libsndfile behind a header that is right.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

UNKNOWN_BYTES = 0x7FFF_F000  # a declared size from here on means "not known yet" (sox and ffmpeg into a pipe)
MAX_RIFF_BYTES = 0xFFFF_FF00  # more sound needs the 64-bit sizes of RF64 (EBU Tech 3306)
MAX_CHUNKS = 1000
TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICS")  # of music players, put behind the last chunk
JUNK_S = 0.1  # shorter bytes behind the sound are junk, longer ones sound
WAVE64_GUID = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"  # of a whole file
WAVE64_CHUNK = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"  # behind the four letters of a chunk's name


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says: the format, where the sound begins, how many bytes it declares and how many there are.

    `declared` is None where the length was unknown when the header was written.
    """

    big_endian: bool
    format: bytes  # of the chunk "fmt "
    start: int
    declared: int | None
    actual: int

    @property
    def order(self) -> str:
        """The order of bytes, as `struct` writes it."""
        return ">" if self.big_endian else "<"

    @property
    def bytes_per_s(self) -> int:
        """Bytes of sound in a second, by the format; at least 1."""
        return max(1, struct.unpack_from(self.order + "I", self.format, 8)[0])

    def seconds(self, size: int) -> float:
        """How long `size` bytes of sound last."""
        return size / self.bytes_per_s


@dataclass(frozen=True, slots=True)
class Finding:
    """How a WAV file is to be read: `view` instead of the file itself where the header is wrong; `remark` says why."""

    view: BinaryIO | None = None
    remark: str = ""
    truncated: bool = False


def examine(path: Path) -> Finding:
    """What is wrong in the header of a WAV file, and a file that is right; an empty finding for all other files."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = _header(file, size)
        if header is None or header.declared == header.actual:
            return Finding()
        held = header.seconds(header.actual)
        if header.declared is not None and header.declared > header.actual:
            promised = header.seconds(header.declared)
            return Finding(None, f"is truncated: {held:.3f} s of {promised:.3f} s are there", True)
        if header.declared is None:
            return Finding(_view(path, header))
        rest = header.actual - header.declared
        file.seek(header.start + header.declared)
        if header.declared and _is_no_sound(file.read(16), rest, header):
            return Finding()
    return Finding(
        _view(path, header),
        f"declares {header.seconds(header.declared):.3f} s of sound and holds {held:.3f} s, all of which are used",
    )


def _header(file: BinaryIO, size: int) -> Header | None:
    """The header of an open WAV file of `size` bytes; None for another kind of file, and without format or sound."""
    start = file.read(40)
    wave64 = start[:16] == WAVE64_GUID and start[24:28] == b"wave"
    if not wave64 and not (start[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and start[8:12] == b"WAVE"):
        return None
    order = ">" if start[:4] == b"RIFX" else "<"
    at, format_, long_size = 40 if wave64 else 12, b"", 0
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(24 if wave64 else 8)
        if len(head) < (24 if wave64 else 8):
            return None
        name, body = head[:4], at + len(head)
        length = struct.unpack("<Q", head[16:])[0] - 24 if wave64 else struct.unpack(order + "I", head[4:])[0]
        if name == b"ds64":
            long_size = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        elif name == b"fmt ":
            format_ = file.read(min(length, 4096))
        elif name == b"data":
            if len(format_) < 16:
                return None
            if start[:4] in (b"RF64", b"BW64") and length == 0xFFFF_FFFF:
                length = long_size
            unknown = length < 0 or length >= UNKNOWN_BYTES > size - body
            return Header(order == ">", format_, body, None if unknown else length, size - body)
        if length < 0:
            return None
        at = body + length + (-length % 8 if wave64 else length % 2)
    return None


def _is_no_sound(rest: bytes, count: int, header: Header) -> bool:
    """Whether the `count` bytes behind the declared sound, which begin with `rest`, are chunks, tags or junk."""
    if count < JUNK_S * header.bytes_per_s or rest.startswith(TAGS):
        return True
    for pad in (0, 1):  # a size that is odd is followed by a byte of padding, which some writers forget
        name, length = rest[pad : pad + 4], rest[pad + 4 : pad + 8]
        printable = len(length) == 4 and all(32 <= byte < 127 for byte in name)
        if printable and struct.unpack(header.order + "I", length)[0] + 8 + pad <= count:
            return True
    return rest[4:16] == WAVE64_CHUNK


def _view(path: Path, header: Header) -> BinaryIO:
    """The file's sound, all of it, behind a right header."""
    order, form = header.order, header.format + b"\0" * (len(header.format) % 2)
    chunks = b"fmt " + struct.pack(order + "I", len(header.format)) + form
    if header.actual < MAX_RIFF_BYTES:
        name, total, long = (b"RIFX" if header.big_endian else b"RIFF"), 4 + len(chunks) + 8 + header.actual, b""
        declared = header.actual
    else:
        name, total, declared = b"RF64", 0xFFFF_FFFF, 0xFFFF_FFFF
        whole = 4 + 36 + len(chunks) + 8 + header.actual
        long = b"ds64" + struct.pack("<IQQQI", 28, whole, header.actual, 0, 0)
    head = name + struct.pack(order + "I", total) + b"WAVE" + long + chunks + b"data"
    return io.BufferedReader(_Spliced(head + struct.pack(order + "I", declared), path, header.start))


class _Spliced(io.RawIOBase):
    """`head`, then what a file holds from `start` on."""

    def __init__(self, head: bytes, path: Path, start: int) -> None:
        self._head, self._start, self._at = head, start, 0
        self._file = path.open("rb", buffering=0)
        self._size = len(head) + max(0, os.fstat(self._file.fileno()).st_size - start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at < len(self._head):
            piece = self._head[self._at : self._at + len(buffer)]
        else:
            self._file.seek(self._start + self._at - len(self._head))
            piece = self._file.read(len(buffer)) or b""
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()
