"""Goodput: every GPU-second in one term, the kernel against an event simulation, random faults against a formula."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_oracle import hits_by_name, job_life, share_in_groups

from roundelay.fabric.faults.trace import Events
from roundelay.fabric.goodput import goodput, job_simulation, renewal
from roundelay.fabric.goodput.goodput import DAY_S, CheckpointedJob, GoodputStudy
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import usable, waste
from roundelay.fabric.waste.study import Study

JOB = CheckpointedJob(mfu=0.4, replica_gpus=8, checkpoint_s=5.0, detect_s=600.0, restart_s=300.0, interval_s=1000.0)
KEPT = ("idle", "waiting", "detection", "restart", "lost", "checkpoint", "useful", "hits", "regrowths")


def kept(changes: list[tuple[float, int, float]], first: int, horizon: float, job: CheckpointedJob) -> np.ndarray:
    time, after, threshold = (np.array([c[i] for c in changes], dtype=float) for i in range(3))
    usable = np.concatenate([[first], after]).astype(np.int64)
    timing = (job.interval_s, job.checkpoint_s, job.detect_s, job.restart_s)
    return job_simulation.simulate_job(
        time, usable, threshold, horizon, (job.replica_gpus, job.gpus or 0, int(job.regrow)), timing
    )


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[tuple[float, int, float]], int, float, CheckpointedJob]:
    """A history whose times, like the timers, are distinct with probability one."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    count = draw(st.integers(0, 30))
    horizon = float(rng.uniform(10, 20_000))
    times = np.sort(rng.uniform(0, horizon, count))
    after = rng.integers(0, 65, count)
    threshold = np.where(rng.random(count) < 0.4, np.inf, rng.random(count) * 2)
    changes = [(float(t), int(a), float(h)) for t, a, h in zip(times, after, threshold, strict=True)]
    job = CheckpointedJob(
        mfu=0.5,
        replica_gpus=draw(st.sampled_from([1, 8, 24])),
        checkpoint_s=float(rng.uniform(0, 50)),
        detect_s=float(rng.uniform(0, 900)),
        restart_s=float(rng.uniform(0, 900)),
        interval_s=float(rng.uniform(1, 3000)),
        gpus=draw(st.sampled_from([None, 24, 48])),
        regrow=draw(st.booleans()),
    )
    return changes, int(rng.integers(0, 65)), horizon, job


@settings(max_examples=400, deadline=None)
@given(lives())
def test_the_ledger_equals_an_event_simulation_that_writes_one_checkpoint_at_a_time(life) -> None:
    changes, first, horizon, job = life
    ours, theirs = kept(*life), job_life(changes, first, horizon, job)
    assert ours == pytest.approx([theirs[name] for name in KEPT], rel=1e-9, abs=1e-5)
    times = np.diff([0.0, *(c[0] for c in changes), horizon])
    assert ours[: job_simulation.TERMS].sum() == pytest.approx(times @ [first, *(c[1] for c in changes)])


def test_a_life_counted_by_hand() -> None:
    # 16 GPUs; at 2,500 s a node of the job fails and 8 stay; at 4,000 s it is back. Interval 1,000, checkpoint 5.
    ours = kept([(2500.0, 8, 0.0), (4000.0, 16, inf)], 16, 10_000.0, JOB)
    # Two checkpoints are written by 2,010; 490 s are lost; 600 to detect, 300 to restart; work from 3,400 with 8;
    # back at 4,000: the checkpoint ends at 4,405; restart till 4,705; then 5,295 s with 16: five cycles and 270 s.
    expected = {
        "idle": 8 * 405,
        "detection": 8 * 600,
        "restart": 8 * 300 + 16 * 300,
        "lost": 16 * 490,
        "checkpoint": 16 * 2 * 5 + 8 * 5 + 16 * 5 * 5,
        "useful": 16 * 2000 + 8 * 1000 + 16 * (5 * 1000 + 270),
        "hits": 1,
        "regrowths": 1,
    }
    assert dict(zip(KEPT, ours, strict=True)) == pytest.approx({"waiting": 0, **expected})


@pytest.mark.parametrize("mtbf_h", [1.0, 3.0, 24.0])
def test_random_faults_meet_the_closed_form(mtbf_h: float) -> None:
    mtbf = mtbf_h * 3600
    interval = goodput.best_interval_s(JOB.checkpoint_s, mtbf)
    rng = np.random.default_rng(7)
    useful = []
    for _ in range(40):
        times = np.cumsum(rng.exponential(mtbf, 500))
        changes = [(float(t), 64, 0.0) for t in times]  # every fault hits; the node is replaced at once
        job = replace(JOB, gpus=64, interval_s=interval)
        useful.append(kept(changes, 64, float(times[-1]), job)[6] / 64 / times[-1])
    error = np.std(useful, ddof=1) / len(useful) ** 0.5
    assert abs(np.mean(useful) - goodput.expected_availability(JOB, mtbf, interval)) < 4 * error
    assert error < 0.003


@settings(deadline=None)
@given(st.floats(0.1, 1000), st.floats(3600, 1e7))
def test_the_best_interval_is_best_and_begins_as_youngs(checkpoint_s: float, mtbf_s: float) -> None:
    job = replace(JOB, checkpoint_s=checkpoint_s)
    best = goodput.best_interval_s(checkpoint_s, mtbf_s)
    at = goodput.expected_availability(job, mtbf_s, best)
    assert all(goodput.expected_availability(job, mtbf_s, best * f) <= at for f in (0.9, 1.1))
    if checkpoint_s < mtbf_s / 1e4:
        assert best == pytest.approx((2 * checkpoint_s * mtbf_s) ** 0.5, rel=0.02)


def drawn(nodes: int, faults: int, seed: int, most_down: int) -> Events:
    """A history of random nodes that fail or come back, at most `most_down` at once."""
    rng = np.random.default_rng(seed)
    down: set[int] = set()
    node, delta = [], []
    for _ in range(faults):
        if down and (len(down) == most_down or rng.random() < 0.5):
            n = int(rng.choice(sorted(down)))
            down.remove(n)
            delta.append(-1)
        else:
            n = int(rng.choice([x for x in range(nodes) if x not in down]))
            down.add(n)
            delta.append(1)
        node.append(n)
    time = np.sort(rng.uniform(0, 100, faults))
    return Events(np.array(node, np.int32), np.array(delta, np.int8), time, 100.0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_chance_of_a_hit_on_a_ring_is_the_share_of_its_segment(k: int) -> None:
    events, down = drawn(48, 400, k, 16), np.zeros(48, dtype=bool)
    chance = usable.of(f"infinitepod-k{k}", Fabric(48, 4), 20).in_use(events.node, events.delta)
    for n, d, ours in zip(events.node, events.delta, chance, strict=True):
        assert ours == pytest.approx(share_in_groups(down, n, k, 5) if d > 0 else 0)
        down[n] = d > 0


def test_the_chance_of_a_hit_in_blocks_is_usable_over_healthy_of_its_block() -> None:
    events = drawn(36, 300, 5, 12)
    fabric = Fabric(36, 4)
    nvl, sip = usable.of("nvl-72", fabric, 16), usable.of("sip-ring", fabric, 16)
    down = np.zeros(36, dtype=bool)
    for e, (n, d) in enumerate(zip(events.node, events.delta, strict=True)):
        if d > 0:
            healthy = 18 - down[n // 18 * 18 :][:18].sum()
            assert nvl.in_use(events.node, events.delta)[e] == pytest.approx(healthy // 4 * 4 / healthy)
            assert sip.in_use(events.node, events.delta)[e] == float(not down[n // 4 * 4 :][:4].any())
        down[n] = d > 0


def test_hits_are_as_many_as_when_groups_have_names() -> None:
    events = drawn(60, 3000, 11, 12)
    chance = usable.of("infinitepod-k2", Fabric(60, 4), 28).in_use(events.node, events.delta)
    hits, faults = hits_by_name(events.node, events.delta, 60, 2, 7, np.random.default_rng(1))
    spread = (chance * (1 - chance)).sum() ** 0.5
    assert faults == (events.delta > 0).sum() and spread > 5
    assert abs(hits - chance.sum()) < 4 * spread


SIZES = [{}, {"job_gpus": 2048}, {"replica_gpus": 256}, {"regrow": False}, {"job_gpus": 2880}]


@pytest.mark.parametrize("size", SIZES)
def test_the_terms_sum_to_one_and_waste_is_that_of_fabric_waste(size: dict) -> None:
    study = GoodputStudy(mfu=0.37, seeds=2, **size)
    rows, wasted = study.answer(), Study(seeds=2).rows()
    for row, other in zip(rows, wasted, strict=True):
        assert list(row.terms) == list(goodput.TERMS)
        assert sum(row.terms.values()) == pytest.approx(1)
        assert min(row.terms.values()) >= -1e-12
        assert row.terms["remainder"] == pytest.approx(other.remainder)
        assert row.terms["topology"] == pytest.approx(other.topology)
        assert row.goodput == pytest.approx(0.37 * row.availability)
        assert (row.note is None) == (row.goodput > 0)


def test_without_faults_only_checkpoints_and_the_remainder_are_lost() -> None:
    fabric = Fabric(90, 4)
    quiet = Events(*waste.NO_EVENTS, np.zeros(0), 10.0)
    job = replace(JOB, replica_gpus=32, interval_s=995.0)
    (row,) = goodput.over_history([usable.of("big-switch", fabric, 32)], [quiet], job, 32)
    assert row.terms["remainder"] == pytest.approx(8 / 360)
    assert row.terms["checkpoint"] == pytest.approx(352 / 360 * 0.005)
    assert row.availability == pytest.approx(352 / 360 * 0.995)
    endless = replace(job, interval_s=None)
    (row,) = goodput.over_history([usable.of("big-switch", fabric, 32)], [quiet], endless, 32)
    assert (row.terms["checkpoint"], row.interval_s) == (0, 10 * DAY_S)


def test_more_recovery_never_helps_and_the_chosen_interval_is_near_the_best() -> None:
    def useful(**changes: float) -> float:
        return GoodputStudy(arch="infinitepod-k2", mfu=0.4, seeds=3, **changes).answer()[0].availability

    base = useful()
    assert useful(detect_s=3600.0) < base
    assert useful(restart_s=3600.0) < base
    assert useful(checkpoint_s=60.0) < base
    for interval in (100.0, 300.0, 2000.0, 10_000.0):
        assert useful(interval_s=interval) < base + 0.0005


def test_the_simulation_agrees_with_the_closed_form_at_its_best_interval() -> None:
    job = GoodputStudy(mfu=1.0).job()
    rows = list(renewal.compare(job, [3600.0, 86_400.0], histories=40, faults=200))
    assert all(abs(row.z) < 4 for row in rows) and rows[0].expected < rows[1].expected
    assert [row.interval_s for row in rows] == [goodput.best_interval_s(job.checkpoint_s, row.mtbf_s) for row in rows]
