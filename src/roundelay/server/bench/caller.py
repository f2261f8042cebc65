"""A client that measures: it sends audio in real time and notes, to the millisecond, what comes back.

A chunk is sent when its last sample has been spoken, as a microphone does; silence is sent too.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roundelay.errors import RoundelayError
from roundelay.server.audio.pcm import WIRE_RATE_HZ, from_int16, to_int16

PIECE = WIRE_RATE_HZ // 50  # samples sent at a time: 20 ms, as a packet of WebRTC
PAUSE_S = 1.0  # inside a sentence, for false takeovers
MAX_WAIT_S = 12.0  # for any event; a reply without audio after 8 s has failed
BARGE_AFTER_S = 0.3  # of the answer, before the barge-in
REST_S = 0.15  # between the end of an answer and the next question
AUDIBLE = 0.003  # of full scale, -50 dB: a sample that can be responses


@dataclass(slots=True)
class PlayedResponse:
    """One response as a client plays it on arrival; times in s of `time.monotonic`."""

    first: float | None = None  # arrival of the first frame with audio
    last: float = 0.0
    audible: float | None = None  # playback of the first audible sample
    ends: float = 0.0  # playback of the last sample received
    gap_s: float = 0.0  # the longest interruption of playback
    status: str = ""

    def add(self, at: float, sound: np.ndarray) -> None:
        """Note the arrival of audio, float32 at 24 kHz."""
        if self.first is None:
            self.first = self.ends = at
        self.gap_s = max(self.gap_s, at - self.ends)
        begins, self.last = max(self.ends, at), at
        loud = np.abs(sound) > AUDIBLE
        if self.audible is None and loud.any():
            self.audible = begins + int(np.argmax(loud)) / WIRE_RATE_HZ
        self.ends = begins + len(sound) / WIRE_RATE_HZ


@dataclass(slots=True)
class Answer:
    """The latency of an answer in ms: to its first audio, to its first audible sample, and the worst playback gap."""

    first_ms: float
    audible_ms: float
    gap_ms: float


@dataclass(slots=True)
class Caller:
    """One conversation over a WebSocket. Raises `RoundelayError` for an error event."""

    link: Any
    port: int
    packet: int = PIECE  # samples sent at a time
    session: str = ""
    responses: dict[str, PlayedResponse] = field(default_factory=dict)  # by response
    newest: PlayedResponse = field(default_factory=PlayedResponse)
    _updated: bool = False
    _due: float = field(default_factory=time.monotonic)  # when the next chunk of the microphone is complete

    def begin(self) -> None:
        """Wait for the session and choose semantic turn detection."""
        self._until(lambda: bool(self.session))
        input_settings = {"turn_detection": {"type": "semantic_vad"}}
        self.send("session.update", session={"type": "realtime", "audio": {"input": input_settings}})
        self._until(lambda: self._updated)

    def send(self, kind: str, **fields: Any) -> None:
        """Send a client event."""
        self.link.send(json.dumps({"type": kind, **fields}))

    def _until(self, wanted: Callable[[], bool]) -> None:
        if not self.silence(wanted):
            raise RoundelayError(f"nothing came for {MAX_WAIT_S:.0f} s")

    def _take(self, wait_s: float) -> bool:
        """Take the next frame; whether one came in time."""
        try:
            frame = json.loads(self.link.recv(timeout=wait_s))
        except TimeoutError:
            return False
        at, kind = time.monotonic(), frame["type"]
        if kind == "error":
            raise RoundelayError(frame["error"]["message"])
        if kind == "session.created":
            self.session = frame["session"]["id"]
        elif kind == "session.updated":
            self._updated = True
        elif kind == "response.created":
            self.newest = self.responses[frame["response"]["id"]] = PlayedResponse()
        elif kind == "response.output_audio.delta":
            self._of(frame["response_id"]).add(at, from_int16(base64.b64decode(frame["delta"])))
        elif kind == "response.done":
            self._of(frame["response"]["id"]).status = frame["response"]["status"]
        return True

    def _of(self, response: str) -> PlayedResponse:
        return self.responses.setdefault(response, PlayedResponse())

    # -- the microphone

    def _piece(self, sound: np.ndarray) -> None:
        """Receive frames until the chunk has been spoken, then send it; one who is late receives what is there."""
        self._due += len(sound) / WIRE_RATE_HZ
        while self._take(wait_s := max(0.0, self._due - time.monotonic())) or wait_s > 0:
            pass
        self.send("input_audio_buffer.append", audio=base64.b64encode(to_int16(sound).tobytes()).decode())

    def say(self, sound: np.ndarray) -> float:
        """Send speech, float32 at 24 kHz; returns the time of its last sample."""
        for at in range(0, len(sound), self.packet):
            self._piece(sound[at : at + self.packet])
        return self._due

    def silence(self, until: Callable[[], bool], most_s: float = MAX_WAIT_S) -> bool:
        """Send silence until a condition holds; returns whether it did in time."""
        end = self._due + most_s
        while not until():
            if self._due >= end:
                return False
            self._piece(np.zeros(self.packet, np.float32))
        return True

    def settle(self) -> None:
        """Send silence until every answer is complete and played."""
        self.silence(lambda: all(each.status and self._due > each.ends + REST_S for each in self.responses.values()))
        self.responses = {}

    # -- measurements

    def turn(self, voice: np.ndarray) -> Answer | None:
        """The latency of the answer to a question, float32 at 24 kHz; None if no audio came."""
        before, ended = self.newest, self.say(voice)
        self.silence(lambda: self.newest is not before and bool(self.newest.audible or self.newest.status))
        reply = self.newest
        self.settle()
        if reply is before or reply.first is None:
            return None
        audible = reply.audible or reply.first
        return Answer((reply.first - ended) * 1000, (audible - ended) * 1000, reply.gap_s * 1000)

    def barge_in(self, prompt: str, over: np.ndarray) -> float | None:
        """Milliseconds from the first sample spoken over an answer to its last audio; None if it ended before."""
        before = self.newest
        content = [{"type": "input_text", "text": prompt}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")
        self.silence(lambda: self.newest is not before and bool(self.newest.first or self.newest.status))
        reply, until = self.newest, self._due + BARGE_AFTER_S
        self.silence(lambda: self._due >= until or bool(reply.status))
        began = self._due
        self.say(over)
        self.silence(lambda: bool(reply.status))
        self.silence(lambda: self.newest is not reply)
        self.settle()
        return max(0.0, reply.last - began) * 1000 if reply.status == "cancelled" else None

    def false_takeover(self, voice: np.ndarray) -> bool:
        """Whether a pause inside the sentence was taken for the end of the turn."""
        half, before = quietest(voice), self.newest
        until = self.say(voice[:half]) + PAUSE_S
        self.silence(lambda: self._due >= until)
        taken = self.newest is not before
        during = self.newest
        self.say(voice[half:])
        self.silence(lambda: self.newest is not during and bool(self.newest.first or self.newest.status))
        self.settle()
        return taken

    def trace(self) -> dict[str, Any]:
        """The server's latency trace of this conversation: its turns by stage, and its drafts."""
        return dict(ask(self.port, f"/v1/x/sessions/{self.session}"))


@contextmanager
def call(port: int, packet: int = PIECE) -> Iterator[Caller]:
    """A conversation with the server on that port of loopback, in packets of so many samples at 24 kHz."""
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}/v1/realtime", max_size=None, proxy=None, close_timeout=1) as link:
        caller = Caller(link, port, packet)
        caller.begin()
        yield caller


def ask(port: int, path: str, body: object = None) -> Any:
    """The JSON at a path of the server; with a body it is posted, and the response is bytes."""
    with _open(port, path, body) as answer:
        data = answer.read()
    return json.loads(data) if body is None else data


def first_byte(port: int, text: str) -> float:
    """Milliseconds from a speech request to the first byte of its audio."""
    began = time.monotonic()
    with _open(port, "/v1/audio/speech", {"input": text, "response_format": "pcm"}) as answer:
        answer.read(1)
        took = time.monotonic() - began
        answer.read()
    return took * 1000


def _open(port: int, path: str, body: object) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"content-type": "application/json"})
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10 * MAX_WAIT_S)


def quietest(voice: np.ndarray) -> int:
    """The index of the quietest sample in the middle third, float32 at 24 kHz: between two words."""
    size = WIRE_RATE_HZ // 50
    third = len(voice) // 3
    power = np.convolve(np.square(voice[third : 2 * third]), np.ones(size), "same")
    return third + int(np.argmin(power))
