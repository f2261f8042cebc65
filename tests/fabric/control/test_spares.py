"""Spares counted by driving the core: the numbers of the former statistic, which placed and repaired by itself."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.fabric.control import spares
from roundelay.fabric.faults.trace import Events, on_fabric, read
from roundelay.fabric.placement import orchestrate
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.placement.repair import repair, restore
from roundelay.fabric.topology.deployment import Deployment


def former(deployment: Deployment, events: Events, tp: int, spare_every: int, *, replace: bool) -> list[int]:
    """The former statistic: groups cut from the ring, repaired by hand, cut anew where that fails."""

    def spread(down: tuple[int, ...], most: int | None = None) -> Placement:
        empty = Placement(deployment, (), down)
        m = deployment.ring.fabric.nodes_per_group(tp)
        chains = orchestrate.chains_of(deployment, orchestrate.free_mask(empty), m, spare_every)
        nodes_Gm = deployment.node(np.array(chains[:most]))
        nodes_Gm = nodes_Gm[orchestrate.rank_groups(deployment.tor(nodes_Gm), 1)]  # the order decides ties in repair
        return empty.with_job(JobPlace.of("job", tp, nodes_Gm))

    place = spread(())
    groups = len(place.job().groups)
    out = []
    for node, delta in zip(events.node.tolist(), events.delta.tolist(), strict=True):
        if delta < 0:
            place = restore(place, [node])
            continue
        if replace:
            place = spread(place.down, groups)
        hit = place.group_of()[node] >= 0
        try:
            done = repair(place, [node])
            place = done.placement
            out += [done.disturbed] if hit else []
        except BadInput:
            out.append(0)
            place = spread((*place.down, node), groups)
    return out


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("spare_every", [0, 1, 2])
def test_without_tors_the_counts_are_those_of_the_former_statistic(real_trace, spare_every: int, replace: bool) -> None:
    deployment = Deployment.of(240, 4, 3)
    events = on_fabric(read(real_trace), deployment.ring.fabric, 1)
    assert spares.replay(deployment, events, 16, spare_every, replace=replace) == former(
        deployment, events, 16, spare_every, replace=replace
    )


def test_with_tors_the_job_is_laid_out_as_place_lays_it_out() -> None:
    deployment = Deployment.of(64, 4, 3, 4)
    placement = spares.filled(deployment, 32, 0).memory.placement
    placed, score = orchestrate.place(Placement(deployment, ()), 32, 32 * 8)
    assert placement.job().groups == placed.job().groups and score.cross_tor == 0.0


def test_a_fabric_of_one_group_has_no_room_for_repairs() -> None:
    deployment = Deployment.of(12, 4, 2)
    assert spares.replay(deployment, spares.each_node_once(deployment), 48, 1, replace=True) == [0] * 12
