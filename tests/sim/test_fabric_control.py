"""Dozens of seeded fabrics against the controller; the failing seed is in the message.

`ROUNDELAY_FABRIC_SEEDS=10000` runs more of them.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from conversation_laws import Laws
from conversation_world import World as Conversation
from fabric_world import World
from machine_harness import Harness

from roundelay.fabric.control.core import events as ev
from roundelay.fabric.control.core.actions import Action, Move, Place, Publish, Queue, Refuse, Switch
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.state import Memory
from roundelay.fabric.topology.topology import gpu_ring
from roundelay.voice.realtime.core.events import Tick

SEEDS = int(os.environ.get("ROUNDELAY_FABRIC_SEEDS", "60"))
BLOCKS = 4


def laws(event: ev.Event, actions: list[Action], before: Memory, after: Memory) -> None:
    """What must hold after every event, judged from outside."""
    placement = after.placement.check()  # no node twice, none down, all groups whole and realisable
    deployment, old = placement.deployment, before.placement
    for job in placement.jobs:
        for group in job.groups:
            chain = deployment.position(np.array(group)).tolist()
            assert len(gpu_ring(deployment.ring, chain)) == job.tp, "a group is one ring of all its GPUs"
    epochs(event, actions, before, after)
    running = {job.request.name for job in after.jobs if job.waits_since_s is None}
    assert running == {job.name for job in placement.jobs}
    for job in after.jobs:
        if job.waits_since_s is None:
            groups = len(placement.job(job.request.name).groups)
            assert job.request.min_groups <= groups <= job.request.groups
    told = {action.job: action.groups for action in actions if isinstance(action, Place)}
    gone = {job.request.name for job in before.jobs} - {job.request.name for job in after.jobs}
    refused = {action.job for action in actions if isinstance(action, Refuse)}
    assert gone <= refused | ({event.name} if isinstance(event, ev.JobEnded) else set())
    for name in running:
        groups, was = placement.job(name).groups, old.groups().get(name)
        if was is None or name in told:
            assert told[name] == groups, "a job that is placed is told all its groups"
            continue
        moved = {a.group: a for a in actions if isinstance(a, Move) and a.job == name}
        for index, (mine, theirs) in enumerate(zip(was[1], groups, strict=True)):
            assert (mine != theirs) == (index in moved), "a group changes exactly when a move says so"
    waiting = {job.request.name for job in after.jobs if job.waits_since_s is not None}
    queued = {action.job for action in actions if isinstance(action, Queue)}
    assert waiting - {job.request.name for job in before.jobs if job.waits_since_s is not None} <= queued


def epochs(event: ev.Event, actions: list[Action], before: Memory, after: Memory) -> None:
    """The epoch rises exactly when groups or circuits changed; the commands lead from the old circuits to the new."""
    placement, old = after.placement, before.placement
    groups = placement.groups() != old.groups()
    rose = placement.epoch - old.epoch
    published = [action for action in actions if isinstance(action, Publish)]
    commands = [command for action in actions if isinstance(action, Switch) for command in action.commands]
    assert rose == len(published)
    paths_NB = before.circuits.paths_NB.copy()
    for node, bundle, path in commands:
        paths_NB[int(placement.deployment.position(np.array(node))), bundle] = path
    assert (paths_NB == after.circuits.paths_NB).all()
    assert (paths_NB == placement.circuits().paths_NB).all() and after.circuits.epoch == placement.epoch
    if groups:
        assert rose >= 1 and published[-1].placement == placement
    if not published:
        assert not groups and not commands and placement.epoch == old.epoch
    if before.due_s is None or before.due_s > event.at_s:  # one decision: the rule to the letter
        assert rose == int(groups or bool(commands))


def play(seed: int) -> World:
    """One fabric's life; raises with its seed."""
    world = World(seed, laws)
    try:
        world.run()
    except AssertionError as error:
        tail = "\n".join(f"  {event} -> {actions}" for event, actions in world.harness.log[-3:])
        raise AssertionError(f"seed {seed} at {world.now} s: {error}\n{tail}"[:4_000]) from error
    return world


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_fabric_keeps_the_laws(block: int) -> None:
    for seed in range(block, SEEDS, BLOCKS):
        play(seed)


def test_the_worlds_reach_every_action_and_event() -> None:
    seen: Counter[str] = Counter()
    for seed in range(12):
        harness = play(seed).harness
        seen.update(type(event).__name__ for event, _ in harness.log)
        seen.update(type(action).__name__ for _, actions in harness.log for action in actions)
        seen["refused"] += len(harness.refused)
        seen["released"] += sum(isinstance(a, Queue) and a.released for _, actions in harness.log for a in actions)
    wanted = (
        "NodeDown NodeUp JobSubmitted JobEnded JobResized JobCheckpointed Tick Place Move Queue Refuse Switch Publish"
    )
    assert not [name for name in (*wanted.split(), "refused", "released") if not seen[name]], seen


def test_the_same_events_give_the_same_actions() -> None:
    for seed in range(6):
        world = play(seed)
        world.harness.check_replay(Controller(world.deployment, world.policy))


def test_one_harness_drives_the_conversation_too() -> None:
    for seed in range(10):
        log = Laws()
        conversation = Conversation(seed, log)
        conversation.run()
        session = Conversation(seed, Laws()).session
        harness = Harness(session, lambda session=session: session.wake_ms, lambda ms: Tick(round(ms)))  # type: ignore[misc]
        for event, actions in log.log:
            assert harness.feed(event) == actions
        assert harness.feed(Tick(session.memory.now_ms - 1)) is None
        harness.check_replay(Conversation(seed, Laws()).session)
