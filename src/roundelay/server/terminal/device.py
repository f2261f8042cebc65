"""`roundelay talk` with a microphone and a loudspeaker, by the package sounddevice."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

from roundelay.errors import BadInput, MissingPackage, RoundelayError
from roundelay.server.audio.pcm import WIRE_RATE_HZ
from roundelay.server.realtime.connection import Connection
from roundelay.server.realtime.settings import Settings
from roundelay.server.service import Service
from roundelay.server.terminal.terminal import PIECE_S, Pipe, ready


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise MissingPackage("sounddevice", "talk") from None
    except OSError as error:  # the package is installed, PortAudio is not
        raise RoundelayError(f"no sound here ({error}): give --file, or `roundelay serve` and a browser") from None
    return sounddevice


async def converse(service: Service, voice: str | None, caption: Callable[[str, str], None]) -> None:
    """Talk until Ctrl-C. Wear headphones: echo is detected, but not cancelled.

    Raises `BadInput` without a microphone, `MissingPackage` without sounddevice.
    """
    sound, loop, pipe = _sounddevice(), asyncio.get_running_loop(), Pipe()
    waiting = bytearray()

    def hear(data: Any, frames: int, when: Any, status: Any) -> None:
        line = base64.b64encode(bytes(data)).decode()
        loop.call_soon_threadsafe(lambda: pipe.put("input_audio_buffer.append", audio=line))

    def say(data: Any, frames: int, when: Any, status: Any) -> None:
        size = min(len(waiting), len(data))
        data[:size], data[size:] = bytes(waiting[:size]), bytes(len(data) - size)
        del waiting[:size]

    await ready(service)
    step = int(PIECE_S * WIRE_RATE_HZ)
    try:
        loudspeaker = sound.RawOutputStream(WIRE_RATE_HZ, step, channels=1, dtype="int16", callback=say)
        microphone = sound.RawInputStream(WIRE_RATE_HZ, step, channels=1, dtype="int16", callback=hear)
    except sound.PortAudioError as error:
        raise BadInput("microphone", "", f"cannot be opened ({error}); give --file, or use `roundelay serve`") from None
    listening: dict[str, Any] = {
        "transcription": {"model": "roundelay"},
        "turn_detection": {"type": "semantic_vad"},
    }
    output = {"voice": voice} if voice else {}
    pipe.put("session.update", session={"type": "realtime", "audio": {"input": listening, "output": output}})
    connection = Connection(pipe, service, Settings())
    connection.enter()
    running = asyncio.create_task(connection.run())
    caption("bot", "(listening; Ctrl-C ends)")
    with loudspeaker, microphone:
        try:
            await _follow(pipe, waiting, caption)
        finally:
            pipe.hang_up()
            await asyncio.gather(running, return_exceptions=True)


async def _follow(pipe: Pipe, waiting: bytearray, caption: Callable[[str, str], None]) -> None:
    while (frame := await pipe.frames.get()) is not None:
        kind = frame["type"]
        if kind == "input_audio_buffer.speech_started":
            waiting.clear()
        elif kind == "response.output_audio.delta":
            waiting += base64.b64decode(frame["delta"])
        elif kind.endswith("input_audio_transcription.completed"):
            caption("you", frame["transcript"])
        elif kind == "response.output_audio_transcript.done":
            caption("bot", frame["transcript"])
        elif kind == "error":
            caption("error", frame["error"]["message"])
