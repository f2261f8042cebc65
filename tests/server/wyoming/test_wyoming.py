"""The Wyoming endpoint by its own client, and by clients that send what they should not."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from server_case import FakeEngine, Running, running
from test_middleware import until

from roundelay.errors import BadInput, RoundelayError
from roundelay.server.limits import Limits
from roundelay.server.names import Names
from roundelay.server.wyoming import listener

pytest.importorskip("wyoming", reason="the Wyoming client is not installed (extra dev)")
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.handle import Handled
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

WORD = 1280  # samples of the fake voice, for one word
TONE = (9_000 * np.sin(np.arange(8_000) * 0.1)).astype("<i2")


def talk(server: Running, work: Callable[[AsyncTcpClient], Awaitable[Any]]) -> Any:
    """The result of a conversation with the endpoint."""

    async def run() -> Any:
        async with AsyncTcpClient("127.0.0.1", server.wyoming) as client:
            return await asyncio.wait_for(work(client), 30)

    return asyncio.run(run())


async def ask(client: AsyncTcpClient, *events: Any, last: type) -> list[Any]:
    """The events that come, up to one of that type; [] with None at its end where the connection closes before."""
    for event in events:
        await client.write_event(event.event())
    seen: list[Any] = []
    while event := await client.read_event():
        seen.append(event)
        if last.is_type(event.type):
            return seen
    return [*seen, None]


def hear(data: np.ndarray = TONE, rate: int = 16_000, channels: int = 1) -> list[Any]:
    """The events that have a recording transcribed."""
    form = {"rate": rate, "width": data.itemsize, "channels": channels}
    sound = data.tobytes()
    chunks = [AudioChunk(audio=sound[at : at + 2_048], **form) for at in range(0, len(sound), 2_048)]
    return [Transcribe(language="en"), AudioStart(**form), *chunks, AudioStop()]


def words(event: Any) -> str:
    assert event is not None and not Error.is_type(event.type), event
    return str(Transcript.from_event(event).text)


def test_it_says_what_there_is() -> None:
    with running(wyoming=True) as server:
        info = Info.from_event(talk(server, lambda client: ask(client, Describe(), last=Info))[-1])
        assert info.asr[0].name == "roundelay" and info.asr[0].models[0].languages == ["en"]
        assert info.tts[0].supports_synthesize_streaming and len(info.tts[0].voices) > 3
        assert info.handle[0].models[0].installed
        pong = talk(server, lambda client: ask(client, Ping("hello"), last=Pong))[-1]
        assert Pong.from_event(pong).text == "hello"


@pytest.mark.parametrize(("data", "rate", "channels"), [
    (TONE, 16_000, 1), (TONE, 48_000, 2), (TONE.astype("<i4") * 65_536, 22_050, 1),
    ((TONE // 256 + 128).astype("u1"), 8_000, 1),
])  # fmt: skip
def test_it_hears_any_pcm(data: np.ndarray, rate: int, channels: int) -> None:
    with running(wyoming=True) as server:
        seen = talk(server, lambda client: ask(client, *hear(data, rate, channels), last=Transcript))
        assert words(seen[-1]) == "what is the time"
        silence = hear(np.full_like(data, 128 * (rate == 8_000)), rate, channels)
        assert words(talk(server, lambda client: ask(client, *silence, last=Transcript))[-1]) == ""
        assert words(talk(server, lambda client: ask(client, AudioStop(), last=Transcript))[-1]) == ""


def test_it_speaks_whole_texts_and_texts_that_still_come() -> None:
    with running(wyoming=True) as server:
        seen = talk(server, lambda client: ask(
            client, Synthesize("one two three", SynthesizeVoice("alloy")), last=AudioStop))  # fmt: skip
        assert AudioStart.from_event(seen[0]).rate == 16_000
        assert sum(len(AudioChunk.from_event(each).audio) for each in seen[1:-1]) == 3 * WORD * 2
        pieces = [SynthesizeChunk("one two. thr"), SynthesizeChunk("ee four")]
        seen = talk(server, lambda client: ask(
            client, SynthesizeStart(), *pieces, Synthesize("one two. three four"), SynthesizeStop(),
            last=SynthesizeStopped))  # fmt: skip
        assert server.model.said[-2:] == ["one two.", "three four"]
        assert sum(len(each.payload or b"") for each in seen) == 4 * WORD * 2
        silent = talk(server, lambda client: ask(client, Synthesize("👍 …"), last=AudioStop))
        assert [each.type for each in silent] == ["audio-start", "audio-stop"]
    with running(wyoming=True, names=Names(strict=True)) as server:
        seen = talk(server, lambda client: ask(client, Synthesize("hello", SynthesizeVoice("no_one")), last=AudioStop))
        assert Error.from_event(seen[0]).code == "unknown_voice" and seen[-1] is None, "told, and closed"


def test_it_answers() -> None:
    with running(wyoming=True) as server:
        seen = talk(server, lambda client: ask(client, Transcript("the moon", context={"id": "1"}), last=Handled))
        handled = Handled.from_event(seen[-1])
        assert handled.text == "you said the moon" and handled.context == {"id": "1"}


def raw(server: Running, data: bytes, ends: bool = False) -> bytes:
    """All that is answered to these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.wyoming), timeout=20) as client:
        client.sendall(data)
        if ends:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while more := client.recv(65536):
            answer += more
        return answer


def error_of(answer: bytes) -> dict[str, Any]:
    head, _, rest = answer.partition(b"\n")
    assert json.loads(head)["type"] == "error"
    return dict(json.loads(rest))


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\n", b"[]\n", b"{}\n", b'{"type": 5}\n', b"[" * 60_000 + b"\n",
    b'{"type": "ping", "data_length": -1}\n', b'{"type": "ping", "data_length": "9"}\n',
    b'{"type": "ping", "data_length": 2}\n[]', b'{"type": "ping", "data_length": 2}\n{,',
    b'{"type": "ping", "data": 7}\n',
    b'{"type": "audio-chunk", "payload_length": 99999999999}\n', b'{"type": "ping", "data_length": 2000000}\n',
    b"x" * 70_000, b'{"type": "audio-chunk", "payload_length": 9}\nabc', b'{"type": "ping"',
], ids=range(16))  # fmt: skip
def test_a_bad_frame_is_one_line_and_ends_the_connection(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with running(wyoming=True) as server:
        assert error_of(raw(server, data, ends=True))["code"] == "bad_frame"
        assert [record for record in caplog.records if "wyoming" in record.getMessage()] == caplog.records[:1]
        assert "\n" not in caplog.records[0].getMessage() and len(caplog.records[0].getMessage()) < 200
        assert "pong" in str(talk(server, lambda client: ask(client, Ping(), last=Pong))[-1]), "the server goes on"


def event(kind: str, payload: bytes = b"", **data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data, "payload_length": len(payload)}).encode() + b"\n" + payload


FORM = {"rate": 16_000, "width": 2, "channels": 1}


@pytest.mark.parametrize(("data", "code"), [
    (event("audio-start", rate=7), "invalid_value"), (event("audio-start", **{**FORM, "width": 3}), "invalid_value"),
    (event("audio-start", **{**FORM, "channels": 10**9}), "invalid_value"), (event("audio-start"), "invalid_value"),
    (event("audio-start", **FORM) + event("audio-chunk", b"abc", **FORM), "invalid_value"),
    (event("audio-start", **FORM) + event("audio-chunk", b"ab", rate=8_000), "invalid_value"),
    (event("audio-chunk", b"\0" * 40_000, **FORM), "audio_too_long"),
    (event("synthesize"), "missing_required_parameter"), (event("synthesize", text="a " * 3_000), "invalid_value"),
    (event("synthesize", text="<speak/>", text_format="ssml"), "unsupported_parameter"),
    (event("synthesize-chunk", text="a"), "invalid_value"), (event("synthesize-stop"), "invalid_value"),
    (event("synthesize-start") + 40 * event("synthesize-chunk", text="a" * 200), "invalid_value"),
], ids=range(13))  # fmt: skip
def test_a_wrong_request_is_told_and_ends_the_connection(data: bytes, code: str) -> None:
    with running(wyoming=True, limits=replace(Limits(), audio_s=1.0)) as server:
        answer = raw(server, data)
        at = answer.rindex(b'{"type": "error"')
        assert error_of(answer[at:])["code"] == code
        assert "pong" in str(talk(server, lambda client: ask(client, Ping(), last=Pong))[-1])


def test_unknown_events_are_passed_over_and_quiet_or_many_clients_let_go() -> None:
    with running(wyoming=True, limits=replace(Limits(), idle_s=0.3, body_s=0.3, wyoming=2)) as server:
        assert b'"type": "pong"' in raw(server, event("select-program", name="x") + event("ping"))
        assert raw(server, b"") == b"", "a client that says nothing"
        assert error_of(raw(server, b'{"type": "ping", "data_length": 5}\n'))["code"] == "bad_frame"
        crowd = [socket.create_connection(("127.0.0.1", server.wyoming), timeout=10) for _ in range(5)]
        assert b"too_many_connections" in crowd[-1].recv(4_096)
        for each in crowd:
            each.close()
        assert until(lambda: not server.runner.wyoming.connections)


def test_a_client_that_leaves_frees_its_worker() -> None:
    with running(FakeEngine(pause_s=0.05), wyoming=True) as server:
        with socket.create_connection(("127.0.0.1", server.wyoming), timeout=10) as client:
            client.sendall(event("synthesize", text="word " * 400))
            assert until(lambda: server.model.said)
        assert until(lambda: server.service.engines.busy == 0), "400 words take twenty seconds"


def test_an_address_has_its_share_of_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roundelay.server.wyoming.connection.client_at", lambda host: "192.0.2.1")
    with running(FakeEngine(pause_s=0.05), replace(Limits(), requests_per_client=1), wyoming=True) as server:
        with socket.create_connection(("127.0.0.1", server.wyoming), timeout=10) as client:
            client.sendall(event("synthesize", text="word " * 400))
            assert until(lambda: server.model.said)
            assert error_of(raw(server, event("synthesize", text="word")))["code"] == "too_many_requests"
        assert until(lambda: not server.service.clients)


def test_a_missing_model_is_told() -> None:
    with running(RoundelayError("weights lm.onnx cannot be read"), wyoming=True) as server:
        assert error_of(raw(server, event("describe")))["code"] == "model_missing"


def test_an_address_is_checked_before_the_server_starts() -> None:
    for given, means in (("0.0.0.0:10300", ("0.0.0.0", 10300)), (":10300", ("127.0.0.1", 10300)),
                         ("tcp://127.0.0.1:1", ("127.0.0.1", 1)), ("[::1]:5", ("::1", 5)),
                         ("localhost", ("localhost", 10300))):  # fmt: skip
        assert listener.parse(given) == means
    for wrong in ("", "a:b", "127.0.0.1:70000", "http://x:1", "::1:5", "1:2:3"):
        with pytest.raises(BadInput, match="--wyoming"):
            listener.parse(wrong)
    with pytest.raises(BadInput, match="--open"):
        listener.bind("0.0.0.0:0", open=False)
    listener.bind("0.0.0.0:0", open=True).close()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadInput, match="choose another"):
        listener.bind(f"127.0.0.1:{taken.getsockname()[1]}", open=False)
