"""A client of the Realtime interface that checks every frame, and a bridge without a line, a clock or a model."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from server_case import Running

from roundelay.server.errors import ApiError
from roundelay.server.realtime.bridge import Bridge
from roundelay.server.realtime.client_events import ClientEventHandler
from roundelay.server.realtime.settings import Settings
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.events import INPUT_RATE_HZ
from roundelay.voice.realtime.core.settings import Thresholds

pytest.importorskip("openai", reason="the official client is not installed (extra dev)")
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as raw_connect

UNION = TypeAdapter(RealtimeServerEvent)
NEVER = {"turn_detection": None}


def pcm(seconds: float, level: float = 0.4, rate: int = 24_000) -> bytes:
    return (level * 32767 * np.sin(np.arange(int(seconds * rate)) * 0.1)).astype("<i2").tobytes()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Talk:
    """A client that keeps every frame and checks it."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.frames = socket, []  # type: Any, list[dict[str, Any]]
        self.wait("session.created")

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def next(self, timeout: float = 10.0) -> dict[str, Any]:
        try:
            line = self.socket.recv(timeout=timeout)
        except TimeoutError:
            raise AssertionError(f"silence after {self.kinds()}") from None
        frame = json.loads(line)
        UNION.validate_python(frame)
        assert "response.audio" not in frame["type"], "a name of the beta"
        self.frames.append(frame)
        return frame

    def type(self, words: str, **more: Any) -> None:
        content = [{"type": "input_text", "text": words}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content, **more})

    def wait(self, kind: str, seconds: float = 10.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.next(max(0.01, end - time.monotonic()))
            if frame["type"] == kind:
                return frame
            assert frame["type"] != "error" or kind == "error", frame
        raise AssertionError(f"no {kind}: {self.kinds()}")

    def error(self) -> dict[str, Any]:
        return self.wait("error")["error"]

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    def audio(self) -> bytes:
        deltas = [frame for frame in self.frames if frame["type"] == "response.output_audio.delta"]
        return b"".join(base64.b64decode(frame["delta"]) for frame in deltas)

    def speak(self, data: bytes, piece: int = 4800) -> None:
        for at in range(0, len(data), piece):
            self.send("input_audio_buffer.append", audio=b64(data[at : at + piece]))
            time.sleep(0.1)

    def configure(self, **session: Any) -> dict[str, Any]:
        self.send("session.update", session={"type": "realtime", **session})
        return self.wait("session.updated")["session"]


@contextmanager
def talking(server: Running, path: str = "/v1/realtime?model=gpt-realtime", **more: Any) -> Iterator[Talk]:
    with raw_connect(
        f"ws://127.0.0.1:{server.port}{path}", max_size=None, proxy=None, close_timeout=1, **more
    ) as socket:
        yield Talk(socket)


def refused(server: Running, path: str = "/v1/realtime", **more: Any) -> tuple[int, str]:
    """(status, code) of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as error, talking(server, path, **more):
        pass
    return error.value.response.status_code, json.loads(error.value.response.body)["error"]["code"]


def voice(seconds: float) -> bytes:
    """Something with the pitch and harmonics of a voice nearby."""
    at = np.arange(int(seconds * 24_000)) / 24_000
    sound = sum(np.sin(2 * np.pi * 130 * k * at) / k for k in range(1, 12)) * (0.7 + 0.3 * np.sin(2 * np.pi * 4 * at))
    return (sound / np.abs(sound).max() * 0.5 * 32767).astype("<i2").tobytes()


class Room:
    """A client's side with a worker that only notes what it is to do."""

    maybe_speech = False

    def __init__(self, **session: Any) -> None:
        self.frames: list[dict[str, Any]] = []
        self.asked: list[do.Action] = []
        self.bridge = Bridge(self.frames.append, self, Settings().with_update(session), "sess_1", Thresholds())
        self.client = ClientEventHandler(self.bridge, 600)
        self.now_ms = 0

    def hear(self, sound: np.ndarray) -> None: ...
    def note_playback(self, samples: np.ndarray, rate_hz: int) -> None: ...
    def configure(self, settings: Any) -> None: ...
    def close(self) -> None: ...

    def do(self, action: do.Action) -> None:
        self.asked.append(action)

    def send(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """What comes back at once."""
        before = len(self.frames)
        self.client.do({"type": kind, **fields}, self.now_ms)
        for frame in self.frames:
            UNION.validate_python(frame)
        return self.frames[before:]

    def item(self, kind: str, **fields: Any) -> str:
        """The id of an item created."""
        made: str = self.send("conversation.item.create", item={"type": kind, **fields})[0]["item"]["id"]
        return made

    def code(self, kind: str, **fields: Any) -> str:
        """The code of the error that a frame is."""
        with pytest.raises(ApiError) as error:
            self.send(kind, **fields)
        return error.value.code

    def say(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)
        self.bridge.hear(np.zeros(int(seconds * INPUT_RATE_HZ), np.float32), self.now_ms)

    def news(self, *events: ev.Event) -> None:
        for event in events:
            self.bridge.news(replace(event, at_ms=self.now_ms))

    def calling(self, *calls: str) -> None:
        """Let a reply sound that has called functions."""
        self.item("message", role="user", content=[{"type": "input_text", "text": "the weather"}])
        self.send("response.create")
        number = self.bridge.session.memory.replies
        self.news(
            ev.ReplyText(0, number, "Let me see."),
            ev.ReplyAudio(0, number, np.zeros(2 * INPUT_RATE_HZ, np.float32), INPUT_RATE_HZ),
        )
        self.news(*(ev.ToolCalled(0, number, call, "look", "{}") for call in calls))

    def heard_out(self) -> None:
        """Let time pass until the reply was made and heard."""
        self.news(ev.ReplyDone(0, self.bridge.session.memory.replies))
        for _ in range(40):
            self.now_ms += 100
            self.client.tick(self.now_ms)
            self.bridge.tick(self.now_ms)

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(message.role, message.text) for message in self.bridge.session.history]
