"""Small fabrics of many shapes, judged by trying everything: capacity is exact, no possible repair is refused."""

from __future__ import annotations

import brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.errors import BadInput
from roundelay.fabric.placement import orchestrate, packing
from roundelay.fabric.placement.placement import JobPlace, Placement
from roundelay.fabric.placement.repair import Unrepairable, repair
from roundelay.fabric.topology.deployment import Deployment


@st.composite
def fabrics(draw: st.DrawFn) -> tuple[Deployment, np.ndarray]:
    """A ring of 5 to 15 nodes, 1 to 3 a ToR, in some ToRs fewer in service, and which positions are down."""
    p, k = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    tors = draw(st.integers(-(-max(5, 2 * k + 1) // p), 15 // p))
    deployment = Deployment.of(tors * p, 4, k, p, closed=draw(st.booleans()))
    down = np.array(draw(st.lists(st.integers(0, 3), min_size=tors * p, max_size=tors * p))) < draw(st.integers(0, 3))
    if draw(st.booleans()):
        down[deployment.position(np.arange(p * (tors // 2)) // p * p)] = True  # half of the ToRs lack their first node
    return deployment, down


def placement_of(deployment: Deployment, down: np.ndarray) -> Placement:
    return Placement(deployment, (), tuple(sorted(int(n) for n in deployment.node(np.flatnonzero(down)))))


@settings(max_examples=150, deadline=None)
@given(fabrics(), st.integers(1, 4))
def test_capacity_is_exact_and_is_placed(fabric, m: int) -> None:
    deployment, down = fabric
    k, closed = deployment.ring.k, deployment.ring.closed
    best = brute_force.most(~down, k, m, closed)
    empty = placement_of(deployment, down)
    assert orchestrate.capacity(deployment, orchestrate.free_mask(empty), 4 * m) == best
    if best:
        placed, score = orchestrate.place(empty, 4 * m, 4 * m * best)
        assert score.groups == best and score.realisable and placed.check() == placed
    with pytest.raises(BadInput, match="fit"):
        orchestrate.place(empty, 4 * m, 4 * m * (best + 1))


@settings(max_examples=150, deadline=None)
@given(fabrics(), st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_packing_of_several_sizes_is_exact(fabric, sizes: list[int]) -> None:
    deployment, down = fabric
    k, closed = deployment.ring.k, deployment.ring.closed
    found = packing.pack(down, k, closed, {m: sizes.count(m) for m in sizes})
    assert (found is not None) == brute_force.fit(~down, k, closed, sizes)
    if found is not None:
        jobs = [JobPlace(f"tp{m}", 4 * m, tuple(map(tuple, deployment.node(c).tolist()))) for m, c in found.items()]
        placement_of(deployment, down).changed(jobs=tuple(jobs)).check()


@settings(max_examples=150, deadline=None)
@given(fabrics(), st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3), st.data())
def test_no_possible_repair_is_refused(fabric, jobs, data) -> None:
    deployment, down = fabric
    placed = placement_of(deployment, down)
    for index, (m, groups) in enumerate(jobs):
        room = orchestrate.capacity(deployment, orchestrate.free_mask(placed), 4 * m)
        if min(room, groups):
            placed, _ = orchestrate.place(placed, 4 * m, 4 * m * min(room, groups), f"job{index}")
    nodes = [node for job in placed.jobs for node in job.nodes]
    if not nodes:
        return
    failed = data.draw(st.sampled_from(nodes))
    groups = [deployment.position(np.array(group)).tolist() for job in placed.jobs for group in job.groups]
    hit = next(i for i, group in enumerate(groups) if int(deployment.position(np.array(failed))) in group)
    after = down.copy()
    after[deployment.position(np.array(failed))] = True
    fewest = brute_force.fewest_moved(after, groups, hit, deployment.ring.k, deployment.ring.closed)
    if fewest is None:
        with pytest.raises(Unrepairable, match="release or shrink"):
            repair(placed, [failed])
        return
    done = repair(placed, [failed])
    done.placement.check()
    assert fewest <= done.disturbed - 1 <= fewest + 1


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 3), st.integers(2, 3), st.integers(2, 4), st.integers(0, 2**20), st.integers(0, 3))
def test_rings_cross_as_seldom_as_can_be(p: int, k: int, m: int, seed: int, faults: int) -> None:
    deployment = Deployment.of(p * (12 // p), 4, k, p)
    rng = np.random.default_rng(seed)
    empty = Placement(deployment, (), tuple(sorted(rng.choice(deployment.nodes, faults, replace=False).tolist())))
    free = orchestrate.on_ring(deployment, orchestrate.free_mask(empty))
    groups = min(orchestrate.capacity(deployment, orchestrate.free_mask(empty), 4 * m), 4)
    placed, score = orchestrate.place(empty, 4 * m, 4 * m * groups)
    rings = groups // p * p + (groups % p if groups % p > 1 else 0)
    least = brute_force.least_crossing(free, deployment.tors, k, True, m, groups)
    assert score.cross_tor * rings * m == pytest.approx(least), placed.job().groups


CASES = [  # nodes, nodes per ToR, K, TP, groups, down, most of the traffic that may cross
    (14, 2, 3, 16, 3, (), 0.0),
    (28, 2, 3, 32, 3, (), 0.0),
    (46, 2, 3, 32, 5, (), 0.32),
    (1000, 2, 3, 32, 125, (), 0.51),
    (2040, 2, 3, 32, 254, (), 0.0),
    (2040, 2, 3, 32, 255, (), 0.51),
    (2040, 4, 3, 32, 255, (), 0.66),
    (14, 2, 3, 16, 2, (1, 3, 4, 7, 9, 10), 1.0),  # only one pair of groups is realisable
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[:5])))
def test_the_last_group_does_not_cost_the_others_their_alignment(case) -> None:
    nodes, p, k, tp, groups, down, most = case
    _, score = orchestrate.place(Placement(Deployment.of(nodes, 4, k, p), (), down), tp, tp * groups)
    assert score.groups == groups and score.cross_tor <= most
