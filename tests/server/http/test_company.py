"""Many clients at once: health is always answered, an address has its share, long texts leave the cores to others."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from server_case import RATE_HZ, FakeEngine, Running, running

from roundelay.errors import EngineError
from roundelay.server.engine import UNMEASURED_SESSIONS, Call, Engines
from roundelay.server.errors import ApiError
from roundelay.server.limits import Limits
from roundelay.server.realtime.connection import admit
from roundelay.server.service import client_of
from roundelay.voice.capacity import MOST, Capacity, measure
from roundelay.voice.realtime.compute_slots import ComputeSlots

SPEAK = {"input": "a few words to say", "response_format": "pcm"}


def ask(server: Running, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    import urllib.error
    import urllib.request

    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{server.url}{path}", data, {"content-type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def by_proxy(address: str) -> dict[str, str]:
    """The header of a proxy on this machine, whose word counts."""
    return {"x-forwarded-for": address}


def test_health_is_answered_with_every_socket_every_worker_and_every_place_taken() -> None:
    limits = replace(Limits(), connections=8, workers=1, waiting=2)
    with running(FakeEngine(pause_s=0.3), limits) as server:
        threads = [threading.Thread(target=ask, args=(server, "/v1/audio/speech", SPEAK)) for _ in range(3)]
        for thread in threads:
            thread.start()
        sockets = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(8)]
        try:
            began = time.monotonic()
            assert ask(server, "/health") == (200, b'{"status":"ok"}')
            assert time.monotonic() - began < 5
            status, body = ask(server, "/v1/models")
            assert (status, json.loads(body)["error"]["code"]) == (503, "too_many_connections")
        finally:
            for each in [*sockets, *threads]:
                each.close() if isinstance(each, socket.socket) else each.join(20)


def test_one_address_has_half_of_the_places_and_this_machine_all() -> None:
    limits = replace(Limits(), workers=1, waiting=3)
    with running(FakeEngine(pause_s=0.1), limits) as server:
        answers: list[tuple[str, int]] = []

        def speak(address: str) -> None:
            answers.append((address, ask(server, "/v1/audio/speech", SPEAK, by_proxy(address))[0]))

        threads = [threading.Thread(target=speak, args=("203.0.113.7",)) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        speak("198.51.100.1")
        for thread in threads:
            thread.join(30)
        assert answers.count(("203.0.113.7", 429)) == 3 and answers.count(("203.0.113.7", 200)) == 2
        assert ("198.51.100.1", 200) in answers
        end = time.monotonic() + 10
        while server.service.clients and time.monotonic() < end:
            time.sleep(0.01)
        assert not server.service.clients, "every place is given back"


@pytest.mark.parametrize(("address", "counted"), [
    ("127.0.0.1", None), ("::1", None), ("::ffff:127.0.0.1", None), ("testclient", None),
    ("203.0.113.7", "203.0.113.7"), ("::ffff:203.0.113.7", "203.0.113.7"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
])  # fmt: skip
def test_what_a_client_is_counted_by(address: str, counted: str | None) -> None:
    from starlette.requests import HTTPConnection

    assert client_of(HTTPConnection({"type": "http", "client": (address, 5), "headers": []})) == counted


def test_conversations_of_one_address_leave_places_to_others() -> None:
    class Talking:
        def __init__(self, client: str | None) -> None:
            self.client = client

    with running(limits=replace(Limits(), sessions=4)) as server:
        service = server.service
        service.sessions |= {"a": Talking("203.0.113.7"), "b": Talking("203.0.113.7")}  # type: ignore[dict-item]
        for client in (None, "198.51.100.1"):
            admit(service, "roundelay", client)
        with pytest.raises(ApiError, match="one address has 2 of 4 places") as refused:
            admit(service, "roundelay", "203.0.113.7")
        assert refused.value.status == 429
        service.sessions |= {"c": Talking(None), "d": Talking(None)}  # type: ignore[dict-item]
        with pytest.raises(ApiError, match="4 people are talking, and this server carries 4; wait"):
            admit(service, "roundelay", "198.51.100.1")
        service.sessions.clear()


def test_a_short_text_is_heard_while_a_long_one_is_made() -> None:
    with running(FakeEngine(pause_s=0.01), replace(Limits(), workers=1)) as server:
        done: dict[str, float] = {}

        def speak(name: str, words: int) -> None:
            ask(server, "/v1/audio/speech", {"input": "la " * words, "response_format": "pcm"})
            done[name] = time.monotonic()

        threads = [threading.Thread(target=speak, args=("long", 300))]
        threads[0].start()
        time.sleep(0.2)
        threads.append(threading.Thread(target=speak, args=("short", 5)))
        threads[1].start()
        for thread in threads:
            thread.join(60)
        assert done["short"] < done["long"]


def test_long_calls_take_turns_step_by_step() -> None:
    slots, order = ComputeSlots(1), list[str]()

    def run(name: str) -> None:
        call = Call(slots, lambda: False)
        with call:
            for _ in call.steps(range(4)):
                order.append(name)
                time.sleep(0.05)

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    with slots.slot(slots.clock() + 60, lambda: False), slots.slot(slots.clock(), lambda: False):
        for thread in threads:
            thread.start()
        while slots.waiting < 2:
            time.sleep(0.01)
    for thread in threads:
        thread.join(20)
    assert "".join(order) in ("abababab", "babababa")


def test_a_chat_speaks_as_it_is_made() -> None:
    text = "This is one sentence of it. " * 6
    with running(FakeEngine(pause_s=0.05)) as server:
        chat = server.client().chat.completions
        began, at, words, sound = time.monotonic(), list[float](), list[str](), b""
        chunks = list[Any]()
        for chunk in chat.create(
            model="roundelay", messages=[{"role": "user", "content": text}], modalities=["text", "audio"], stream=True,
            audio={"voice": "alloy", "format": "pcm16"},
        ):  # fmt: skip
            chunks.append(chunk)
            piece = chunk.model_dump()["choices"][0]["delta"].get("audio") or {}
            words.append(piece.get("transcript") or "")
            if data := piece.get("data"):
                at.append(time.monotonic() - began)
                sound += base64.b64decode(data)
        assert "".join(words) == f"you said {text}".strip()
        assert len(at) > 5 and at[0] < at[-1] / 2, "the first sound comes long before the last"
        assert chunks[-1].choices[0].finish_reason == "stop"
        seconds = 0.08 * len(f"you said {text}".split())
        assert len(sound) / 2 / 24_000 == pytest.approx(seconds, abs=0.05)
        assert np.abs(np.frombuffer(sound, "<i2")).max() > 1000


def test_a_streamed_chat_that_fails_before_its_first_word_is_a_typed_error() -> None:
    with running() as server:
        body = {"messages": [{"role": "user", "content": " "}], "stream": True}
        status, answer = ask(server, "/v1/chat/completions", body)
        assert (status, json.loads(answer)["error"]["param"]) == (400, "messages")


def test_capacity_is_what_cores_carry() -> None:
    assert Capacity(0.1, 0.1, 0.2, 2).conversations == 16
    assert Capacity(0.4, 1.3, 0.6, 2).conversations == 2
    assert Capacity(3.0, 9.0, 4.0, 2).conversations == 1, "one person is always served"
    assert Capacity(0.0, 0.0, 0.0, 2).conversations == MOST, "an engine elsewhere costs nothing here"
    found = measure(FakeEngine().pipeline, 2)
    assert found.real_time_factor < 0.5 and found.conversations > 4


def test_sessions_follow_the_measured_capacity_unless_they_are_set() -> None:
    def sessions(limits: Limits, measure: Any = None) -> int:
        engines = Engines(lambda name: FakeEngine(rate_hz=RATE_HZ).pipeline, limits, measure=measure)
        engines.start()
        end = time.monotonic() + 10
        while engines.state == "loading" and time.monotonic() < end:
            time.sleep(0.01)
        engines.stop()
        return engines.sessions

    assert sessions(Limits(), lambda pipeline: 7) == 7
    assert sessions(replace(Limits(), sessions=3), lambda pipeline: 7) == 3
    assert sessions(Limits()) == UNMEASURED_SESSIONS

    def fails(pipeline: Any) -> int:
        raise EngineError("fake", "synthesizer", "is away")

    assert sessions(Limits(), fails) == UNMEASURED_SESSIONS


def test_an_engine_behind_an_address_is_not_asked_and_costs_nothing() -> None:
    fake = FakeEngine(name="openai")
    assert measure(fake.pipeline, 2).conversations == MOST and not fake.said
