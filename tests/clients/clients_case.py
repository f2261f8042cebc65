"""What all clients' tests need: a server to reach by URL alone, and something like a voice."""

from __future__ import annotations

import array
import asyncio
import io
import math
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RATE_HZ = 24_000
PIECE_S = 0.1
LONG_S = 120.0  # how long anything may take, on a machine that has other things to do; nothing is timed
WORD_BYTES = 1280 * 3 // 2 * 2  # the fake model's 80 ms for a word, as PCM at 24 kHz
STORY_BYTES = (2 + 4 * 60) * WORD_BYTES  # of the answer to the long story, told to its end: 19 s


@dataclass(frozen=True)
class Server:
    """A server's port, and its addresses as clients want them."""

    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def realtime(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/realtime"


@dataclass(frozen=True)
class Reached:
    """A server by https below a prefix, its Wyoming port, and the certificate to trust."""

    port: int
    wyoming: int
    cert: Path

    @property
    def http(self) -> str:
        return f"https://localhost:{self.port}/voice/v1"


def pcm(seconds: float, level: float = 0.4) -> bytes:
    """A tone at 24 kHz, or with level 0 silence."""
    tone = (int(level * 32767 * math.sin(at * 0.1)) for at in range(int(seconds * RATE_HZ)))
    return array.array("h", tone).tobytes()


def wav(data: bytes) -> bytes:
    """The same as a file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(data)
    return out.getvalue()


async def speak(send: Callable[[bytes], Awaitable[Any] | None], data: bytes) -> None:
    """Send sound piece by piece, as fast as it lasts."""
    step = int(PIECE_S * RATE_HZ) * 2
    for at in range(0, len(data), step):
        sent = send(data[at : at + step])
        if sent is not None:
            await sent
        await asyncio.sleep(PIECE_S)


async def until(true: Callable[[], Any], what: str) -> None:
    """Wait for something to become true."""
    for _ in range(int(LONG_S / 0.02)):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"never: {what}")
