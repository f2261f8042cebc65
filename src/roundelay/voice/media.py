"""The sound of what phones, browsers, messengers and cameras record, decoded by FFmpeg in the package av (ours).

Only containers and codecs of the lists below are opened: no playlist that names other files or addresses, no picture.
The kind is told by the content, never by the name. Nothing is believed that a file says of its length.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from roundelay.errors import MissingPackage
from roundelay.voice import mp3

# what is said to be readable, libsndfile's kinds among them
READABLE = (
    "WAV, FLAC, Ogg, Opus, MP3, M4A, MP4, MOV, 3GP, AAC, WebM, MKV, AMR, WMA, CAF, AIFF, AU, APE, WavPack, AC-3, AVI, "
    "FLV, MPEG-TS"
)
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,loas,amr,asf,wav,w64,aiff,caf,au,flac,ogg,ape,wv,tta,tak,mpc,mpc8,"
    "ac3,eac3,dts,avi,mpegts,mpeg,flv,rm,qcp,dsf,voc"
)
CODECS = (
    "aac aac_latm mp3 mp3float mp2 mp2float mp1 mp1float opus libopus vorbis flac alac amrnb amrwb libopencore_amrnb "
    "libopencore_amrwb wmav1 wmav2 wmapro wmalossless wmavoice ape wavpack tta tak mpc7 mpc8 ac3 eac3 dca speex "
    "libspeex gsm gsm_ms libgsm libgsm_ms truespeech nellymoser qcelp evrc cook sipr ilbc ra_144 ra_288 atrac3 atrac3p "
    "qdm2 qdmc mace3 mace6 g726 g726le g722 g723_1 g729 sbc als mlp truehd dsd_lsbf dsd_msbf dsd_lsbf_planar "
    "dsd_msbf_planar adpcm_ms adpcm_ima_wav adpcm_ima_qt adpcm_yamaha adpcm_swf adpcm_g726 adpcm_g722 "
    "pcm_u8 pcm_s8 pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be "
    "pcm_mulaw pcm_alaw pcm_bluray pcm_dvd pcm_u16le pcm_u16be pcm_s64le pcm_s64be"
)
COUNTED = ("flac", "ape", "wv", "tta", "tak")  # containers whose header counts samples
SLACK_S = 0.5  # an encoder's padding counts as sound or not
BUFFER_BYTES = 1 << 16
DAMAGED_PACKETS, DAMAGED_RATIO = 2, 0.05  # more than both that cannot be decoded are told: junk behind the sound is not
FIRST_PAGE, LATER_PAGE = b"OggS\0\2", b"OggS\0\0"  # how the pages of an Ogg stream begin (RFC 3533)
DAMAGED_IN_A_ROW = 1000  # after which no more is tried
MAX_RATIO = 8  # of the rates within a file: those that an encoder chooses from, 8 to 48 kHz, and some more
NOTHING = np.zeros(0, np.float32)


class NoMedia(Exception):
    """A file has no sound that can be decoded; the message says why."""


class MediaReader:
    """The sound of an open container: `rate` Hz, `channels`; `stated` is how many samples a channel has by the header.

    `stated` is None where it is not known for certain. `broken` says after the reading what was wrong, "" for nothing.
    """

    frames = None  # what a header says is no measure of what will come

    def __init__(self, container: Any, path: Path) -> None:
        self._container, self._stream, self.broken = container, _sound(container), ""
        self._decoder = _decoder(self._stream)
        self._packets = self._damaged = 0
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            raise NoMedia("holds no sound that can be decoded" + (f" ({self.broken})" if self.broken else ""))
        self.rate = int(self._first.sample_rate)
        self.channels = len(self._first.layout.channels)
        self.stated = self._stated(path)

    @property
    def slack(self) -> int:
        """By how many samples the sound may be shorter than stated."""
        return round(SLACK_S * self.rate)

    def parts(self) -> Iterator[np.ndarray]:
        """Yield the samples float32 [n], channels averaged, at `rate`, also where the rate changes on the way."""
        frame, rate, converter = self._first, self.rate, None
        while frame is not None:
            if frame.sample_rate != rate:
                rate = int(frame.sample_rate)
                if not self.rate / MAX_RATIO <= rate <= self.rate * MAX_RATIO:
                    self.broken = f"its rate changes from {self.rate} to {rate} Hz"
                    return
                if converter is not None:
                    yield converter.resample_chunk(NOTHING, last=True)
                converter = None if rate == self.rate else _converter(rate, self.rate)
            yield mono(frame) if converter is None else converter.resample_chunk(mono(frame))
            frame = next(self._frames, None)
        if converter is not None:
            yield converter.resample_chunk(NOTHING, last=True)

    def _stated(self, path: Path) -> int | None:
        kind, duration = self._container.format.name, self._stream.duration
        if kind == "mp3":
            return mp3.stated_samples(path)
        if duration is None or not (kind in COUNTED or (kind.startswith("mov") and _cut(self._stream, path))):
            return None
        return int(duration * self._stream.time_base * self.rate)

    def _decoded(self) -> Iterator[Any]:
        """Yield the frames. A packet that cannot be decoded, as junk behind the sound is, is left out."""
        from av import FFmpegError

        packets, in_a_row = self._container.demux(self._stream), 0
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError) as error:
                if self._packets == 0:
                    self.broken = reason(error)
                break
            if packet is None:
                break
            self._packets += 1
            try:
                frames = self._decoder.decode(packet)
            except (FFmpegError, ValueError):
                self._damaged, in_a_row = self._damaged + 1, in_a_row + 1
                if in_a_row == DAMAGED_IN_A_ROW:
                    break
                continue
            in_a_row = 0
            yield from (frame for frame in frames if frame.samples)
        if self._damaged > min(max(DAMAGED_PACKETS, DAMAGED_RATIO * self._packets), self._packets / 2):
            self.broken = f"{self._damaged} of {self._packets} packets cannot be decoded"


@contextmanager
def opened(path: Path) -> Iterator[MediaReader]:
    """Yield the reader of a file. Raises `NoMedia`, and `MissingPackage` without the package av."""
    try:
        import av
    except ImportError:
        raise MissingPackage("av", "voice") from None
    options = {"format_whitelist": CONTAINERS, "codec_whitelist": CODECS.replace(" ", ",")}
    with path.open("rb") as file:
        try:
            container = av.open(
                _Nameless(file), "r", metadata_errors="ignore", options=options, buffer_size=BUFFER_BYTES
            )
        except (av.FFmpegError, ValueError):
            raise NoMedia(_unknown(path)) from None
        with container:
            yield MediaReader(container, path)


def preferred(path: Path) -> bool:
    """Whether libsndfile should not be asked: for MP3, and for Ogg files put one behind another, as a radio sends."""
    with path.open("rb") as file:
        head = file.read(4)
        if head == b"OggS":
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return data.find(FIRST_PAGE, max(0, data.find(LATER_PAGE))) > 0
    return head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")


def mono(frame: Any) -> np.ndarray:
    """The samples of a decoded frame float32 [n], channels averaged."""
    array, channels = frame.to_ndarray(), len(frame.layout.channels)
    if not frame.format.is_planar:
        array = array.reshape(-1, channels).T
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / 128 - 1
    elif np.issubdtype(array.dtype, np.integer):
        array = array.astype(np.float32) / -float(np.iinfo(array.dtype).min)
    return np.asarray(array.mean(axis=0), np.float32) if channels > 1 else np.asarray(array[0], np.float32)


def _converter(rate: int, to_hz: int) -> Any:
    try:
        import soxr
    except ImportError:
        raise MissingPackage("soxr", "voice") from None
    return soxr.ResampleStream(rate, to_hz, 1, dtype="float32")


def reason(error: Exception) -> str:
    """What an exception says, in few words."""
    return str(getattr(error, "strerror", None) or error).strip(" .")


def _sound(container: Any) -> Any:
    """The first stream of sound that can be decoded. Raises `NoMedia`."""
    others = []
    for stream in container.streams.audio:
        name = stream.codec_context.name if stream.codec_context is not None else "an unknown codec"
        if name in CODECS.split():
            stream.codec_context.thread_count = 1
            return stream
        others.append(name)
    if others:
        raise NoMedia(f"holds sound in {', '.join(others)}, which is not decoded here")
    raise NoMedia("holds no sound" + (", only pictures" if container.streams.video else ""))


def _decoder(stream: Any) -> Any:
    """The decoder of a stream. FFmpeg's own for AMR knows no pauses (comfort noise), OpenCORE's does."""
    if stream.codec_context.name != "amrnb":
        return stream.codec_context
    import av

    try:
        decoder: Any = av.CodecContext.create("libopencore_amrnb", "r")
    except (av.FFmpegError, ValueError):
        return stream.codec_context
    decoder.sample_rate, decoder.layout = stream.codec_context.sample_rate, "mono"
    return decoder


def _cut(stream: Any, path: Path) -> bool:
    """Whether an MP4's index points behind the end of the file."""
    entries: Any = getattr(stream, "index_entries", ())  # since av 15
    return bool(entries) and entries[-1].pos + entries[-1].size > path.stat().st_size


def _unknown(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "cannot be read: an MP4 without its index (moov), as a recording that was not finished or not sent whole"
    return f"cannot be read; what can: {READABLE}"


class _Nameless:
    """A file without its name, by whose ending FFmpeg would guess what the content does not tell."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.read, self.tell, self.seekable = file, file.read, file.tell, file.seekable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The place moved to; negative, which FFmpeg takes for an error, where a damaged file names none."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -errno.EINVAL
