"""Thousands of seeded conversations against the machine; the failing seed is in the message.

`ROUNDELAY_SIM_SEEDS=100000` runs more of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from conversation_laws import Laws
from conversation_world import World

from roundelay.voice.realtime import language_table
from roundelay.voice.realtime.core import session as session_module
from roundelay.voice.realtime.core.actions import Action
from roundelay.voice.realtime.core.events import Event
from roundelay.voice.realtime.core.session import Session
from roundelay.voice.realtime.core.state import SessionState
from roundelay.voice.realtime.core.transitions import ROWS, Row

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


def name(row: Row) -> str:
    return f"{row.state.value} {row.event.__name__} {row.guard.__name__}"


@pytest.fixture(scope="module")
def seen() -> Iterator[Counter[str]]:
    """How often each row of the table was taken by the conversations of this module."""
    counter: Counter[str] = Counter()

    def counting(row: Row) -> Row:
        def effect(m: SessionState, event: Event, out: list[Action]) -> SessionState:
            counter[name(row)] += 1
            return row.effect(m, event, out)

        return replace(row, effect=effect)

    before = dict(session_module.INDEX)
    session_module.INDEX.update({key: [counting(row) for row in rows] for key, rows in before.items()})
    yield counter
    session_module.INDEX.update(before)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_conversation_keeps_the_laws(block: int, seen: Counter[str]) -> None:
    for seed in range(block, SEEDS, BLOCKS):
        converse(seed)


def test_the_conversations_reach_every_row_of_the_table(seen: Counter[str]) -> None:
    for seed in range(0 if seen else 600):  # alone, this test plays its own
        converse(seed)
    missing = [name(row) for row in ROWS if not seen[name(row)]]
    assert not missing, f"rows no conversation reached: {missing}"


def test_the_same_events_give_the_same_actions() -> None:
    for seed in range(20):
        laws = converse(seed)
        again = Session(World(seed, Laws()).thresholds, language=language_table.load())
        assert [again.feed(event) for event, _ in laws.log] == [actions for _, actions in laws.log], f"seed {seed}"
