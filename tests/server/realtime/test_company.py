"""Conversations at once over real sockets and the real worker: none stalls, who waits is told, no place is lost."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from realtime_case import NEVER, refused, talking
from server_case import FakeEngine, running
from test_middleware import until

from roundelay.server.limits import Limits
from roundelay.voice.realtime.worker import Worker


def test_eight_who_ask_at_once_on_one_core_are_answered_and_told_to_wait() -> None:
    """An answer takes longer than its engine may be silent (`stall_ms`) for all of them together."""
    limits, told = replace(Limits(), workers=1, sessions=8), list[list[str]]()
    with running(FakeEngine(pause_s=0.4), limits, create_worker=Worker) as server:

        def converse() -> None:
            with talking(server) as talk:
                talk.configure(audio={"input": NEVER})
                talk.type("one two three")
                talk.send("response.create")
                done = talk.wait("response.done", 60)["response"]
                told.append([done["status"], *talk.kinds()])
                assert talk.audio()

        threads = [threading.Thread(target=converse) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        assert [each[0] for each in told] == ["completed"] * 8
        assert any("rate_limits.updated" in each for each in told), "who hears nothing for a second is told why"
        assert all(each.count("rate_limits.updated") <= 1 for each in told)


def test_one_who_is_alone_is_told_nothing() -> None:
    with running(FakeEngine(pause_s=1.2), create_worker=Worker) as server, talking(server) as talk:
        talk.type("one")
        talk.send("response.create")
        assert talk.wait("response.done", 30)["response"]["status"] == "completed"
        assert "rate_limits.updated" not in talk.kinds()


def test_one_more_than_is_carried_is_told_to_wait_and_has_the_place_afterwards() -> None:
    with running(limits=replace(Limits(), sessions=2)) as server:
        with talking(server), talking(server):
            assert refused(server) == (429, "too_many_sessions")
        assert until(lambda: not server.service.sessions)
        with talking(server):
            pass


def test_of_many_handshakes_at_once_no_more_are_taken_than_have_a_place() -> None:
    with running(limits=replace(Limits(), sessions=3)) as server:
        taken, most, over = list[bool](), [0], threading.Event()

        def knock() -> None:
            from websockets.exceptions import InvalidStatus

            try:
                with talking(server):
                    taken.append(True)
                    over.wait(10)
            except InvalidStatus:
                taken.append(False)

        def watch() -> None:
            while not over.is_set():
                most[0] = max(most[0], len(server.service.sessions))
                time.sleep(0.001)

        threads: list[Any] = [threading.Thread(target=each) for each in [*[knock] * 9, watch]]
        for thread in threads:
            thread.start()
        assert until(lambda: len(taken) == 9)
        over.set()
        for thread in threads:
            thread.join(20)
        assert taken.count(True) == 3 and most[0] == 3
