"""A conversation without a socket: the same frames, passed within the process. For `roundelay talk`."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from roundelay.errors import BadInput, RoundelayError
from roundelay.server.audio.pcm import WIRE_RATE_HZ, from_int16, to_int16
from roundelay.server.realtime.connection import Connection, Gone
from roundelay.server.realtime.settings import Settings
from roundelay.server.service import Service
from roundelay.voice.audio import Audio

PIECE_S = 0.04  # audio is sent in chunks of this length, as by the page
TRAILING_SILENCE_S = 3.0  # after a recording: longer than any wait for the end of a turn
MAX_WAIT_S = 120.0  # beyond the recording's own length


class Pipe:
    """An in-process transport of a conversation, with the client's end."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()

    def put(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        self._lines.put_nowait(json.dumps({"type": kind, **fields}))

    def hang_up(self) -> None:
        """Disconnect the client."""
        self._lines.put_nowait(None)

    async def receive(self) -> str:
        """The next client event for the connection. Raises `Gone`."""
        line = await self._lines.get()
        if line is None:
            raise Gone
        return line

    async def send(self, line: str) -> None:
        """Take a server event of the connection."""
        self.frames.put_nowait(json.loads(line))

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Take the end of the connection."""
        self.frames.put_nowait(None)


async def ready(service: Service) -> None:
    """Wait for the model. Raises `RoundelayError` if there is none."""
    service.engines.start()
    while service.engines.state == "loading":
        await asyncio.sleep(0.02)
    if service.engines.state == "missing":
        raise RoundelayError(service.engines.reason)


async def talk(service: Service, sound: Audio, voice: str | None, caption: Callable[[str, str], None]) -> Audio:
    """The answers to a recording, which is sent in real time; `caption(who, words)` gets the transcripts.

    Raises `BadInput` if the recording has no speech, `RoundelayError` if an answer failed.
    """
    await ready(service)
    pipe = Pipe()
    connection = Connection(pipe, service, Settings())
    connection.enter()
    running = asyncio.create_task(connection.run())
    playing = asyncio.create_task(_play(pipe, sound))
    listening: dict[str, Any] = {
        "transcription": {"model": "roundelay"},
        "turn_detection": {"type": "semantic_vad"},
    }
    output = {"voice": voice} if voice else {}
    pipe.put("session.update", session={"type": "realtime", "audio": {"input": listening, "output": output}})
    try:
        async with asyncio.timeout(sound.duration_s + MAX_WAIT_S):
            return await _listen(pipe, playing, caption)
    except TimeoutError:
        raise RoundelayError("no answer came in time") from None
    finally:
        playing.cancel()
        pipe.hang_up()
        await asyncio.gather(running, playing, return_exceptions=True)


async def _play(pipe: Pipe, sound: Audio) -> None:
    """Send the recording in real time, and silence after it."""
    samples = np.concatenate(
        [sound.resample(WIRE_RATE_HZ).samples, np.zeros(int(TRAILING_SILENCE_S * WIRE_RATE_HZ), np.float32)]
    )
    step, began = int(PIECE_S * WIRE_RATE_HZ), time.monotonic()
    for at in range(0, len(samples), step):
        data = base64.b64encode(to_int16(samples[at : at + step]).tobytes()).decode()
        pipe.put("input_audio_buffer.append", audio=data)
        await asyncio.sleep(max(0.0, began + (at + step) / WIRE_RATE_HZ - time.monotonic()))


async def _listen(pipe: Pipe, playing: asyncio.Task[None], caption: Callable[[str, str], None]) -> Audio:
    """The audio of all answers, until the recording has ended and every turn is answered."""
    heard: list[np.ndarray] = []
    open_turns = 0
    while True:
        try:
            frame = await asyncio.wait_for(pipe.frames.get(), 0.1)
        except TimeoutError:
            if playing.done() and open_turns <= 0:
                break
            continue
        if frame is None:
            raise RoundelayError("the conversation ended early")
        kind = frame["type"]
        if kind == "error":
            raise RoundelayError(frame["error"]["message"])
        if kind == "input_audio_buffer.committed":
            open_turns += 1
        elif kind.endswith("input_audio_transcription.completed"):
            caption("you", frame["transcript"])
        elif kind == "response.output_audio.delta":
            heard.append(from_int16(base64.b64decode(frame["delta"])))
        elif kind == "response.output_audio_transcript.done":
            caption("bot", frame["transcript"])
        elif kind == "response.done":
            open_turns -= 1
            if frame["response"]["status"] == "failed":
                raise RoundelayError(frame["response"]["status_details"]["error"]["message"])
    if not heard:
        raise BadInput("--file", "", "holds no voice that could be answered")
    return Audio.from_array(np.concatenate(heard), WIRE_RATE_HZ)
