"""Thousands of seeded conversations against the machine; the failing seed is in the message.

`ROUNDELAY_SIM_SEEDS=100000` runs more of them.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from conversation_laws import Laws
from conversation_world import World

from roundelay.voice.realtime import session as session_module
from roundelay.voice.realtime.actions import Action
from roundelay.voice.realtime.events import Event
from roundelay.voice.realtime.memory import Memory
from roundelay.voice.realtime.session import Session
from roundelay.voice.realtime.table import ROWS, Row

SEEDS = int(os.environ.get("ROUNDELAY_SIM_SEEDS", "2000"))
BLOCKS = 8


def converse(seed: int) -> Laws:
    """One conversation from beginning to rest; raises with its seed."""
    laws = Laws()
    world = World(seed, laws)
    try:
        world.run()
        laws.end(world.session)
    except AssertionError as error:
        tail = "\n".join(f"  {event} -> {actions}" for event, actions in laws.log[-6:])
        raise AssertionError(f"seed {seed} at {world.now} ms: {error}\n{tail}") from error
    return laws


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_conversation_keeps_the_laws(block: int) -> None:
    for seed in range(block, SEEDS, BLOCKS):
        converse(seed)


def test_the_same_events_give_the_same_actions() -> None:
    for seed in range(20):
        laws = converse(seed)
        again = Session(World(seed, Laws()).thresholds)
        assert [again.feed(event) for event, _ in laws.log] == [actions for _, actions in laws.log], f"seed {seed}"


def test_conversations_reach_every_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()

    def name(row: Row | None) -> str:
        return f"{row.state.value} {row.event.__name__} {row.guard.__name__}" if row else ""

    def step(m: Memory, event: Event, out: list[Action]) -> Memory:
        row = next(
            (row for row in ROWS if (row.state, row.event) == (m.state, type(event)) and row.guard(m, event)), None
        )
        seen[name(row)] += row is not None
        return real(m, event, out)

    real = session_module._step
    monkeypatch.setattr(session_module, "_step", step)
    for seed in range(min(SEEDS, 600)):
        converse(seed)
    missing = [name(row) for row in ROWS if not seen[name(row)]]
    assert not missing, f"rows no conversation reached: {missing}"
