"""A recording that comes in chunks of any PCM: mono int16, and no more than may be heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from roundelay.server.audio.pcm import from_int16, to_int16
from roundelay.server.errors import ApiError, wrong
from roundelay.voice.audio import Audio

RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
WIDTHS = (1, 2, 4)  # bytes a sample: unsigned, then signed little-endian
MAX_CHANNELS = 8


class Recording:
    """What is heard between audio-start and audio-stop. Raises `ApiError` 400 for another format, 413 for too much."""

    def __init__(self, longest_s: float, most_bytes: int) -> None:
        self._longest_s, self._most = longest_s, most_bytes
        self._form: tuple[int, int, int] | None = None
        self._data = bytearray()

    def start(self, data: Mapping[str, Any]) -> None:
        """Begin anew in the format of an audio-start, or of the first chunk."""
        rate, width, channels = (data.get(name) for name in ("rate", "width", "channels"))
        if rate not in RATES_HZ:
            raise wrong("rate", f"rate {str(rate)[:20]} is not taken; send {', '.join(map(str, RATES_HZ))} Hz")
        if width not in WIDTHS or isinstance(width, bool):
            raise wrong("width", f"width {str(width)[:20]} is not taken; send 1, 2 or 4 bytes a sample")
        if not isinstance(channels, int) or isinstance(channels, bool) or not 1 <= channels <= MAX_CHANNELS:
            raise wrong("channels", f"channels {str(channels)[:20]} is not taken; send 1 to {MAX_CHANNELS}")
        self._form, self._data = (int(rate), int(width), channels), bytearray()

    def push(self, data: Mapping[str, Any], chunk: bytes) -> None:
        """Add a chunk; each says its own format, which may not change."""
        if self._form is None:
            self.start(data)
        form = self._form
        assert form is not None
        if any(name in data and data[name] != form[at] for at, name in enumerate(("rate", "width", "channels"))):
            raise wrong("rate", "an audio chunk has another format than audio-start")
        rate, width, channels = form
        if len(chunk) % (width * channels):
            raise wrong("payload", f"an audio chunk of {len(chunk)} bytes is no whole number of samples")
        self._data += _mono(chunk, width, channels)
        if len(self._data) > min(self._longest_s * rate * 2, self._most):
            raise ApiError(413, "audio_too_long", f"the recording lasts longer than the {self._longest_s:.0f} s taken")

    def audio(self) -> Audio | None:
        """All of it; None where there is none."""
        if self._form is None or len(self._data) < 4:
            return None
        return Audio(from_int16(bytes(self._data)), self._form[0])


def _mono(chunk: bytes, width: int, channels: int) -> bytes:
    """The chunk as mono int16: channels averaged."""
    if (width, channels) == (2, 1):
        return chunk
    samples: np.ndarray = np.frombuffer(chunk, "u1" if width == 1 else f"<i{width}").astype(np.float32)
    samples = (samples - 128 * (width == 1)) / 2.0 ** (8 * width - 1)
    return to_int16(samples.reshape(-1, channels).mean(axis=1)).tobytes()
