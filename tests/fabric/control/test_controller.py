"""The controller's core: each action by its case, the queue's order, the epoch's rule, what is illegal."""

from __future__ import annotations

import pytest

from roundelay.errors import BadInput
from roundelay.fabric.control.core.actions import Move, Place, Publish, Queue, Refuse, Switch
from roundelay.fabric.control.core.controller import Controller
from roundelay.fabric.control.core.events import (
    JobCheckpointed,
    JobEnded,
    JobRequest,
    JobSubmitted,
    NodeDown,
    NodeUp,
    Tick,
)
from roundelay.fabric.control.core.state import Policy
from roundelay.fabric.topology.deployment import Deployment
from roundelay.machine import IllegalEvent, replay


def controller(nodes: int = 40, k: int = 2, **policy: bool) -> Controller:
    """A ring of 40 nodes of 4 GPUs: 160 GPUs."""
    return Controller(Deployment.of(nodes, 4, k), Policy(**policy))


def submitted(at_s: float, name: str, gpus: int, tp: int = 16, **more: float) -> JobSubmitted:
    return JobSubmitted(at_s, JobRequest(name, tp, gpus, **more))  # type: ignore[arg-type]


def kinds(actions: list) -> list[type]:
    return [type(action) for action in actions]


def test_a_job_is_placed_switched_and_published() -> None:
    place, switch, publish = controller().feed(submitted(0, "a", 64))
    assert isinstance(place, Place) and len(place.groups) == place.wanted_groups == 4
    assert isinstance(switch, Switch) and len(switch.commands) == 4 * 6, "a group of four nodes has six ends to open"
    assert isinstance(publish, Publish) and publish.epoch == publish.placement.epoch == 1


def test_groups_of_one_node_need_no_switch_and_still_raise_the_epoch() -> None:
    assert kinds(controller().feed(submitted(0, "a", 16, tp=4))) == [Place, Publish]


def test_a_fault_moves_one_group_and_a_free_nodes_fault_nothing() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 64))
    assert machine.feed(NodeDown(1, (39,))) == [] and machine.memory.placement.epoch == 1
    actions = machine.feed(NodeDown(2, (0,)))
    assert kinds(actions) == [Move, Switch, Publish] and machine.memory.placement.epoch == 2
    assert machine.feed(NodeUp(3, (0, 39))) == [] and machine.memory.placement.down == ()


def test_nodes_that_fail_together_are_one_event() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 96))
    groups = machine.memory.placement.job("a").groups
    actions = machine.feed(NodeDown(1, (groups[0][0], groups[3][1])))
    assert sum(isinstance(action, Publish) for action in actions) == 1
    assert sum(isinstance(action, Move) for action in actions) >= 2


def test_a_job_that_cannot_be_repaired_shrinks_if_it_may_and_grows_again() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 160, min_gpus=96))
    (place, *_) = machine.feed(NodeDown(1, (7,)))
    assert isinstance(place, Place) and (len(place.groups), place.wanted_groups) == (9, 10)
    (place, *_) = machine.feed(NodeUp(2, (7,)))
    assert isinstance(place, Place) and len(place.groups) == 10


def test_a_job_grows_into_free_nodes_and_keeps_its_groups() -> None:
    machine = controller()
    machine.feed(submitted(0, "b", 32))
    (place, *_) = machine.feed(submitted(1, "a", 160, min_gpus=96))
    assert isinstance(place, Place) and len(place.groups) == 8
    (more, *_) = machine.feed(JobEnded(2, "b"))
    assert isinstance(more, Place) and more.groups[:8] == place.groups and len(more.groups) == 10


def test_without_growth_a_job_grows_at_its_checkpoint() -> None:
    machine = controller(grow=False)
    machine.feed(submitted(0, "a", 160, min_gpus=96))
    machine.feed(NodeDown(1, (7,)))
    assert machine.feed(NodeUp(2, (7,))) == []
    assert len(machine.feed(JobCheckpointed(3, "a"))[0].groups) == 10  # type: ignore[union-attr]
    assert machine.feed(JobCheckpointed(4, "a")) == [], "nothing changes where the layout is the same"


def test_a_job_that_may_not_shrink_waits_for_the_node() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 160))
    actions = machine.feed(NodeDown(1, (7,)))
    assert kinds(actions) == [Queue, Switch, Publish] and actions[0].released  # type: ignore[union-attr]
    assert "it needs 10" in actions[0].reason and machine.memory.placement.jobs == ()  # type: ignore[union-attr]
    assert kinds(machine.feed(NodeUp(2, (7,)))) == [Place, Switch, Publish]


def test_a_fault_releases_only_the_job_it_hit() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 80))
    machine.feed(submitted(0, "b", 80, tp=20))
    before = machine.memory.placement.job("b")
    actions = machine.feed(NodeDown(1, (machine.memory.placement.job("a").groups[1][2],)))
    assert [a.job for a in actions if isinstance(a, Queue)] == ["a"]
    assert machine.memory.placement.job("b") == before


def test_jobs_wait_in_order_and_none_passes() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 96))
    assert kinds(machine.feed(submitted(1, "b", 96))) == [Queue]
    (queue,) = machine.feed(submitted(2, "c", 16))
    assert queue == Queue("c", "it waits behind job b")
    placed = [action.job for action in machine.feed(JobEnded(3, "a")) if isinstance(action, Place)]
    assert placed == ["b", "c"] and machine.memory.placement.epoch == 2, "one event, one epoch"


def test_patience_ends_and_the_next_job_is_placed_before_anything_later() -> None:
    machine = controller()
    machine.feed(submitted(0, "a", 96))
    machine.feed(submitted(1, "b", 96, max_wait_s=10))
    machine.feed(submitted(2, "c", 16))
    assert machine.wake_s == 11
    actions = machine.feed(NodeDown(20, (39,)))
    assert kinds(actions)[:2] == [Refuse, Place] and "10 s" in actions[0].reason  # type: ignore[union-attr]
    assert machine.wake_s is None and machine.feed(Tick(30)) == []


@pytest.mark.parametrize(
    ("gpus", "tp", "says"), [(176, 16, "the whole fabric holds 160"), (60, 6, "multiple of the node's 4")]
)
def test_what_could_never_run_is_refused(gpus: int, tp: int, says: str) -> None:
    (refuse,) = controller().feed(submitted(0, "a", gpus, tp))
    assert isinstance(refuse, Refuse) and says in refuse.reason


ILLEGAL = [
    (Tick(1), "earlier"),
    (Tick(float("inf")), "earlier"),
    (NodeDown(9, (3,)), "already"),
    (NodeUp(9, (4,)), "already"),
    (NodeDown(9, (40,)), "unknown"),
    (NodeDown(9, ()), "unknown"),
    (NodeDown(9, (5, 5)), "unknown"),
    (submitted(9, "a", 16), "known"),
    (JobEnded(9, "c"), "unknown"),
    (JobCheckpointed(9, "b"), "not_running"),
]


@pytest.mark.parametrize(
    ("event", "code"), ILLEGAL, ids=[f"{type(e).__name__}-{c}-{i}" for i, (e, c) in enumerate(ILLEGAL)]
)
def test_an_illegal_event_changes_nothing(event, code: str) -> None:
    machine = controller()
    replay(machine, [submitted(0, "a", 96), submitted(1, "b", 96), NodeDown(5, (3,))])
    before = machine.memory
    with pytest.raises(IllegalEvent) as error:
        machine.feed(event)
    assert error.value.code == code and machine.memory is before


@pytest.mark.parametrize(
    "values",
    [("", 4, 4), ("a", 0, 4), ("a", 4, 6), ("a", 4, 8, 6), ("a", 4, 8, 12), ("a", 4, 8, 0, -1),
     ("a", 4, 8, 0, 0, -1.0), ("a", 4, 8, 0, 0, float("nan"))],
)  # fmt: skip
def test_a_request_that_makes_no_sense_is_bad_input(values: tuple) -> None:
    with pytest.raises(BadInput):
        JobRequest(*values)
