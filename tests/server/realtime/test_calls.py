"""Conversations by WebRTC: a real peer on loopback, the official client for the offer, and offers that are none."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from server_case import FakeEngine, Running, running
from test_http import ask, is_error
from test_middleware import until

from roundelay.server.limits import Limits
from roundelay.server.names import Names
from roundelay.server.realtime.frames import Frame
from roundelay.server.realtime.output_buffer import MAX_BUFFERED_SAMPLES, OutputAudioBuffer

RATE_HZ = 48_000
SDP = {"content-type": "application/sdp"}
CALLS = "/v1/realtime/calls"


# -- the output buffer, without WebRTC


def test_the_output_buffer_plays_in_order_and_says_what_begins_and_ends() -> None:
    told: list[Frame] = []
    buffer = OutputAudioBuffer(told.append)
    assert not buffer.take(960).any() and not told
    tone = np.full(1600, 0.5, np.float32)
    buffer.play("a", tone, 16_000)
    buffer.end("a")
    buffer.play("b", -tone, 16_000)
    heard = np.concatenate([buffer.take(960) for _ in range(5)])  # 100 of 200 ms
    assert heard[600:4200].min() > 0.4
    assert [each["type"].rpartition(".")[2] for each in told] == ["started", "stopped"]
    heard = np.concatenate([buffer.take(960) for _ in range(3)])
    assert heard[600:].max() < -0.4 and told[-1]["response_id"] == "b"
    buffer.clear()
    assert not buffer.take(960).any()
    assert [each["type"].rpartition(".")[2] for each in told[2:]] == ["started", "cleared"]
    buffer.clear()
    assert len(told) == 4, "nothing sounded: nothing to tell"


def test_the_output_buffer_stays_bounded_where_nobody_plays() -> None:
    buffer = OutputAudioBuffer(lambda frame: None)
    for _ in range(30):
        buffer.play("a", np.zeros(16_000, np.float32), 16_000)
    assert sum(len(sound) for _, sound in buffer._queue if sound is not None) <= MAX_BUFFERED_SAMPLES


# -- a key with settings


def test_a_client_secret_carries_the_settings_of_its_sessions() -> None:
    with running(keys=("first",)) as server:
        wish = {"type": "realtime", "instructions": "be a sailor", "audio": {"output": {"voice": "marin"}}}
        made = server.client(api_key="first").realtime.client_secrets.create(
            session=wish, expires_after={"anchor": "created_at", "seconds": 60}
        )
        assert made.session.instructions == "be a sailor" and 50 < made.expires_at - time.time() <= 60
        with server.client(api_key=made.value).realtime.connect(model="gpt-realtime") as link:
            session = link.recv().session
            assert session.instructions == "be a sailor" and session.audio.output.voice == "marin"
        header = {"authorization": "Bearer first"}
        path = "/v1/realtime/client_secrets"
        bad = {"session": {"type": "song"}}, {"expires_after": {"seconds": 1}}, {"expires_after": {"anchor": "now"}}
        for body in (*bad, {"session": 4}):
            assert ask(server, path, body, header)[0] == 400
        assert ask(server, path, b"", header)[0] == 200


def test_without_the_package_the_answer_says_what_to_install(server: Running, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "aiortc", None)
    monkeypatch.delitem(sys.modules, "roundelay.server.realtime.webrtc", raising=False)
    monkeypatch.delattr(sys.modules["roundelay.server.realtime"], "webrtc", raising=False)
    answer = ask(server, CALLS, b"v=0", SDP)
    is_error(answer, 501, "package_missing")
    assert b"pip install 'roundelay[webrtc]'" in answer[2]


def test_a_second_line_into_a_call_is_refused(server: Running) -> None:
    from realtime_case import refused

    assert refused(server, "/v1/realtime?call_id=rtc_1") == (400, "unsupported_parameter")


# -- calls

aiortc = pytest.importorskip("aiortc", reason="aiortc is not installed (extra webrtc)")
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack  # noqa: E402
from av import AudioFrame  # noqa: E402


class Voice(MediaStreamTrack):
    """A microphone: silence, and what was put into it."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.at, self.began = np.zeros(0, np.float32), 0, time.monotonic()

    def put(self, seconds: float) -> None:
        self.waiting = np.concatenate([self.waiting, 0.4 * np.sin(np.arange(int(seconds * RATE_HZ)) * 0.05)])

    async def recv(self) -> Any:
        await asyncio.sleep(max(0.0, self.began + self.at / RATE_HZ - time.monotonic()))
        piece, self.waiting = self.waiting[:960], self.waiting[960:]
        samples = np.zeros(960, np.int16)
        samples[: len(piece)] = piece * 32767
        frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self.at, Fraction(1, RATE_HZ)
        self.at += 960
        return frame


class Phone:
    """A client: its offer, its events, the sound it hears."""

    def __init__(self) -> None:
        self.peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        self.voice, self.frames = Voice(), []  # type: Any, list[dict[str, Any]]
        self.loud = 0  # samples above silence
        self.channel = self.peer.createDataChannel("oai-events")
        self.channel.on("message", lambda line: self.frames.append(json.loads(line)))
        self.closed = asyncio.Event()
        self.channel.on("close", self.closed.set)
        self.peer.addTrack(self.voice)
        self.peer.on("track", lambda track: self.ears.append(asyncio.ensure_future(self.listen(track))))
        self.ears: list[Any] = []

    async def listen(self, track: Any) -> None:
        try:
            while True:
                sound = (await track.recv()).to_ndarray()
                self.loud += int((np.abs(sound) > 1000).sum()) // 2
        except MediaStreamError:
            pass

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def ring(self, server: Running, edit: Any = lambda sdp: sdp, **session: Any) -> Any:
        sdp = edit(await self.offer())
        client = server.client().realtime.calls
        more = {"session": {"type": "realtime", **session}} if session else {}
        answer = await asyncio.to_thread(lambda: client.with_raw_response.create(sdp=sdp, **more))
        await self.peer.setRemoteDescription(aiortc.RTCSessionDescription(answer.text, "answer"))
        return answer

    def send(self, kind: str, **fields: Any) -> None:
        self.channel.send(json.dumps({"type": kind, **fields}))

    def type(self, words: str) -> None:
        content = [{"type": "input_text", "text": words}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.send("response.create")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]

    async def wait(self, kind: str, count: int = 1, seconds: float = 60.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(found := self.of(kind)) >= count:
                return found[count - 1]
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {kind}: {[frame['type'] for frame in self.frames]}")


@asynccontextmanager
async def calling(server: Running, edit: Any = lambda sdp: sdp, **session: Any) -> AsyncIterator[Phone]:
    phone = Phone()
    try:
        phone.answer = await phone.ring(server, edit, **session)
        await phone.wait("session.created")
        yield phone
    finally:
        await phone.peer.close()
    assert until(lambda: not server.service.sessions), "the call left its session behind"


def strict(frames: list[dict[str, Any]]) -> None:
    """Hold the frames against the SDK's own unions."""
    from openai.types.realtime import RealtimeServerEvent
    from pydantic import TypeAdapter

    union = TypeAdapter(RealtimeServerEvent)
    for frame in frames:
        union.validate_python(frame)


def test_a_call_hears_answers_and_ends(server: Running) -> None:
    async def run() -> None:
        ears = {"input": {"transcription": {"model": "x"}}}
        async with calling(server, instructions="be brief", audio=ears) as phone:
            assert phone.answer.http_response.status_code == 201
            assert phone.answer.headers["content-type"].startswith("application/sdp")
            assert re.fullmatch(CALLS + r"/rtc_\w+", phone.answer.headers["location"])
            assert phone.frames[0]["session"]["instructions"] == "be brief"
            phone.voice.put(0.6)
            await phone.wait("output_audio_buffer.stopped")
            heard = phone.of("conversation.item.input_audio_transcription.completed")
            assert [frame["transcript"] for frame in heard] == ["what is the time"]
            done = phone.of("response.done")[0]["response"]
            assert done["output"][0]["content"][0]["transcript"] == "you said what is the time"
            kinds = [frame["type"] for frame in phone.frames]
            for order in (("response.content_part.added", "output_audio_buffer.started", "output_audio_buffer.stopped"),
                          ("response.created", "response.done", "output_audio_buffer.stopped")):  # fmt: skip
                assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
            assert "response.output_audio.delta" not in kinds, "the sound goes by the track"
            await asyncio.sleep(0.3)  # the last of it is on its way
            assert phone.loud > 0.7 * 6 * 0.08 * RATE_HZ
            strict(phone.frames)
            phone.send("input_audio_buffer.append", audio="AAAA")
            assert (await phone.wait("error"))["error"]["code"] == "unsupported_parameter"
            phone.channel.send(b"\x00")
            assert (await phone.wait("error", 2))["error"]["code"] == "invalid_json"

    asyncio.run(run())


def test_an_offer_without_candidates_is_found_by_its_checks(server: Running) -> None:
    """Browsers send an offer before they know their own addresses."""

    async def run() -> None:
        bare = lambda sdp: re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", sdp)  # noqa: E731
        async with calling(server, bare) as phone:
            phone.type("hello there")
            await phone.wait("output_audio_buffer.stopped")

    asyncio.run(run())


def test_a_voice_interrupts_a_call_and_what_waited_is_dropped() -> None:
    async def run(server: Running) -> None:
        async with calling(server) as phone:
            phone.voice.put(0.5)
            await phone.wait("output_audio_buffer.started")
            phone.voice.put(0.9)
            first = (await phone.wait("response.done"))["response"]
            assert (first["status"], first["status_details"]["reason"]) == ("cancelled", "turn_detected")
            cleared = await phone.wait("output_audio_buffer.cleared")
            assert cleared["response_id"] == first["id"]
            await phone.wait("output_audio_buffer.started", 2)
            phone.send("output_audio_buffer.clear")
            await phone.wait("output_audio_buffer.cleared", 2)
            await phone.wait("response.done", 2)
            strict(phone.frames)

    with running(FakeEngine(heard="tell me a story " * 100)) as server:  # 32 s: a busy machine interrupts it too
        asyncio.run(run(server))


def test_a_function_is_called_by_call(server: Running) -> None:
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}

    async def run() -> None:
        async with calling(server, tools=[tool]) as phone:
            phone.type("the weather")
            call = await phone.wait("response.function_call_arguments.done")
            await phone.wait("output_audio_buffer.stopped")
            phone.send("conversation.item.create", item={"type": "function_call_output", "call_id": call["call_id"],
                                                         "output": "sunny"})  # fmt: skip
            phone.send("response.create")
            done = (await phone.wait("response.done", 2))["response"]
            assert "sunny" in done["output"][0]["content"][0]["transcript"]

    asyncio.run(run())


def test_a_call_ends_from_either_side_and_counts_as_a_session() -> None:
    async def run(server: Running) -> None:
        client = server.client()
        async with calling(server) as phone:
            other = Phone()
            sdp = await other.offer()
            is_error(await asyncio.to_thread(ask, server, CALLS, sdp.encode(), SDP), 429, "too_many_sessions")
            await other.peer.close()
            name = phone.answer.headers["location"].rpartition("/")[2]
            await asyncio.to_thread(client.realtime.calls.hangup, name)
            await asyncio.wait_for(phone.closed.wait(), 10)
            assert until(lambda: not server.service.sessions)
            is_error(await asyncio.to_thread(ask, server, f"{CALLS}/{name}/hangup", b""), 404, "call_not_found", "id")
        async with calling(server) as phone:
            phone.channel.close()
            await asyncio.to_thread(until, lambda: not server.service.sessions)
            assert not server.service.sessions

    with running(limits=replace(Limits(), sessions=1)) as server:
        asyncio.run(run(server))


def test_a_caller_who_never_comes_gives_the_place_back() -> None:
    async def run(server: Running) -> None:
        phone = Phone()
        sdp = await phone.offer()
        await phone.peer.close()
        status, headers, _ = await asyncio.to_thread(ask, server, CALLS, sdp.encode(), SDP)
        assert status == 201 and len(server.service.sessions) == 1 and headers["location"]
        assert await asyncio.to_thread(until, lambda: not server.service.sessions)

    with running(limits=replace(Limits(), call_s=0.3)) as server:
        asyncio.run(run(server))


def offer_of(audio: bool = True, channel: bool = True, video: bool = False) -> str:
    async def run() -> str:
        peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        if audio:
            peer.addTransceiver("audio")
        if video:
            peer.addTransceiver("video")
        if channel:
            peer.createDataChannel("oai-events")
        sdp: str = (await peer.createOffer()).sdp
        await peer.close()
        return sdp

    return asyncio.run(run())


def test_offers_that_are_none_are_refused(server: Running) -> None:
    good = offer_of()
    broken = [b"", b"hello", b"v=0\r\n", b"\xff\xfe", b"m=audio\r\n" * 99, good.replace("a=ice-pwd", "a=x").encode(),
              good.replace("a=fingerprint", "a=x").encode(), good.replace("opus", "G722").encode(),
              re.sub("m=audio", "m=audio 9", good).encode(), offer_of(audio=False).encode(),
              offer_of(channel=False).encode(), good.replace("a=setup:actpass", "a=setup:sideways").encode(),
              good[: len(good) // 2].encode()]  # fmt: skip
    for data in broken:
        is_error(ask(server, CALLS, data, SDP), 400, "invalid_offer", "sdp")
    is_error(ask(server, CALLS, offer_of(video=True).encode(), SDP), 400, "unsupported_parameter", "sdp")
    is_error(ask(server, CALLS, good.encode(), {"content-type": "text/plain"}), 400, "invalid_content_type")
    is_error(ask(server, CALLS, b"a" * 300_000, SDP), 413, "request_too_large", "sdp")
    is_error(ask(server, "/v1/realtime", b"hello", SDP), 400, "invalid_offer", "sdp")  # the beta's address
    with running(names=Names(strict=True)) as strict:
        is_error(ask(strict, CALLS + "?model=gpt-9", good.encode(), SDP), 404, "model_not_found", "model")
    assert not server.service.sessions


def form(**parts: str) -> tuple[bytes, dict[str, str]]:
    lines = "".join(
        f'--x\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in parts.items()
    )
    return f"{lines}--x--\r\n".encode(), {"content-type": "multipart/form-data; boundary=x"}


def test_forms_that_hold_no_call_are_refused(server: Running) -> None:
    good = offer_of()
    for parts, code, param in (({"other": "x"}, "missing_required_parameter", "sdp"),
                               ({"sdp": "x"}, "invalid_offer", "sdp"),
                               ({"sdp": good, "session": "{"}, "invalid_json", "session"),
                               ({"sdp": good, "session": "[]"}, "invalid_type", "session"),
                               ({"sdp": good, "session": '{"type": "song"}'}, "invalid_value", "session.type"),
                               ({"sdp": good, "session": '{"audio": {"output": {"voice": 3}}}'}, "unknown_voice",
                                "session.audio.output.voice")):  # fmt: skip
        is_error(ask(server, CALLS, *form(**parts)), 400, code, param)
    is_error(ask(server, CALLS, b"sdp", {"content-type": "multipart/form-data"}), 400, "invalid_form")
    assert not server.service.sessions
