"""Many replies at once: whose turn it is, how far one runs ahead, and that no one else's reply is in the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from worker_case import RATE, FakeEngine, WorkerTest

from roundelay.voice.audio import Audio
from roundelay.voice.interfaces import DEFAULT_OPTIONS, CallOptions, Message, Utterance
from roundelay.voice.realtime import worker as worker_module
from roundelay.voice.realtime.budget import CandidateBudget
from roundelay.voice.realtime.compute_slots import ComputeSlots
from roundelay.voice.realtime.core import actions as do
from roundelay.voice.realtime.core import events as ev
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.settings import Thresholds
from roundelay.voice.realtime.core.state import State
from roundelay.voice.realtime.worker_pool import WorkerPool

COST_S = 0.02  # that a block of the costly engine takes
never = lambda: False  # noqa: E731


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


class Costly(FakeEngine):
    """Takes `cost_s` of a core for each word, a tenth of a second of sound."""

    cost_s, running, most = COST_S, 0, 0
    lock = threading.Lock()

    def synthesize(self, utterance: Utterance, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Audio]:
        for _ in utterance.text.split():
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            time.sleep(self.cost_s)
            with self.lock:
                self.running -= 1
            yield Audio(np.full(self.rate_hz // 10, 0.1, np.float32), self.rate_hz)


def asked(number: int) -> do.Draft:
    return do.Draft(number, "request", (Message("user", "hello", "m"),))


def first_audio(bench: WorkerTest, reply: int) -> int:
    return next(at for at, each in enumerate(bench.told) if isinstance(each, ev.ReplyAudio) and each.reply == reply)


def test_four_long_replies_on_one_core_all_begin_before_any_is_half_done() -> None:
    engine = Costly(text=" ".join(["word"] * 60))
    bench = WorkerTest(engine, WorkerPool(1))
    for number in (1, 2, 3, 4):
        bench.worker.do(asked(number))
    told = bench.wait(ev.ReplyDone, 4)
    begun = max(first_audio(bench, number) for number in (1, 2, 3, 4))
    for number in (1, 2, 3, 4):
        before = sum(isinstance(each, ev.ReplyAudio) and each.reply == number for each in told[:begun])
        assert before < 30, f"reply {number} had {before} of 60 blocks before every reply had begun"
    assert engine.most <= 2, "one block in a slot, and one more of a listener who hears nothing"


def test_a_reply_that_is_far_ahead_leaves_the_cores_until_its_listener_comes_near() -> None:
    now, slots, made = [0.0], ComputeSlots(1, lambda: now[0]), list[int]()

    def blocks() -> Iterator[int]:
        for at in range(100):
            made.append(at)
            yield at

    reader = slots.blocks(blocks(), lambda: float(len(made)), never, ahead_s=10.0)
    thread = threading.Thread(target=lambda: [None for _ in reader], daemon=True)
    thread.start()
    assert until(lambda: len(made) == 11)
    time.sleep(0.2)
    assert len(made) == 11, "ten seconds ahead, and no further"
    with slots.slot(0.0, never) as granted:  # no one holds the only slot meanwhile
        assert granted
    now[0] = 5.0
    assert until(lambda: len(made) == 16)
    now[0] = 1e6
    thread.join(10)
    assert len(made) == 100


def test_the_one_who_runs_dry_first_goes_first_and_nothing_to_hear_waits_for_no_long_block() -> None:
    now, slots, order = [100.0], ComputeSlots(1, lambda: now[0]), list[str]()
    held, let_go = threading.Event(), threading.Event()

    def hold(name: str, due_s: float) -> threading.Thread:
        def run() -> None:
            with slots.slot(due_s, never):
                order.append(name)
                held.set()
                if name == "long":
                    let_go.wait(10)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    threads = [hold("long", 105.0)]
    assert held.wait(5)
    threads += [hold("eight ahead", 108.0), hold("two ahead", 102.0)]
    assert until(lambda: slots.waiting == 2) and order == ["long"]
    threads.append(hold("silent", 99.0))
    threads[-1].join(5)
    assert order == ["long", "silent"], "a first sound begins beside a block that takes long"
    let_go.set()
    for thread in threads:
        thread.join(5)
    assert order == ["long", "silent", "two ahead", "eight ahead"]


def test_who_cancels_while_waiting_holds_nothing() -> None:
    slots, gone = ComputeSlots(1, lambda: 0.0), threading.Event()
    gone.set()
    with slots.slot(1.0, never), slots.slot(1.0, gone.is_set) as got:
        assert not got and slots.waiting == 0
    with slots.slot(1.0, never) as got:
        assert got


def test_while_others_wait_one_candidate_must_do() -> None:
    now, crowded = [0.0], [False]
    budget = CandidateBudget(lambda: now[0], lambda: crowded[0])
    budget.candidates()
    budget.add(Audio(np.zeros(RATE * 9, np.float32), RATE))
    assert budget.due_s == pytest.approx(9.0) and budget.candidates() == 4
    crowded[0] = True
    assert budget.candidates() == 1


def test_a_reply_held_up_by_others_says_so_and_does_not_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "WAITING_S", 0.05)
    engine = Costly(text="word")
    engine.cost_s = 0.6
    bench = WorkerTest(engine, WorkerPool(1))
    bench.worker.do(asked(1))
    bench.worker.do(asked(2))
    told = bench.wait(ev.ReplyDone, 2)
    assert {each.reply for each in told if isinstance(each, ev.ReplyWaiting)} == {1, 2}
    alone = WorkerTest(engine, WorkerPool(1))
    alone.worker.do(asked(1))
    assert not any(isinstance(each, ev.ReplyWaiting) for each in alone.wait(ev.ReplyDone))


def test_the_machine_takes_waiting_for_progress() -> None:
    session = Session(Thresholds())
    limits = session.thresholds
    session.feed(ev.MessageAdded(0, Message("user", "hello", "m")))
    session.feed(ev.ReplyRequested(0))
    for second in range(1, 30):
        session.feed(ev.ReplyWaiting(second * 1000, 1))
    assert session.memory.state is State.BOT_REPLYING
    actions = session.feed(ev.Tick(29_000 + limits.stall_ms))
    assert any(isinstance(each, do.Fail) for each in actions), "then it has stalled"
