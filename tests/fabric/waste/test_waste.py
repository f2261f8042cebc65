"""Exact waste against brute force, closed forms against simulation, and the reference table of the public trace."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.fabric.faults import trace
from roundelay.fabric.faults.trace import Events
from roundelay.fabric.topology.topology import Fabric, segments
from roundelay.fabric.waste import closed_form, kernels, sweeps, usable, waste
from roundelay.fabric.waste.agreement import agreement
from roundelay.fabric.waste.reference import Reference
from roundelay.fabric.waste.study import Study


def brute_groups(down: np.ndarray, k: int, m: int, closed: bool) -> int:
    """Complete groups by walking the line node by node; the slow, obvious way."""
    return sum(len(segment) // m for segment in segments(down, k, closed))


@st.composite
def flips(draw: st.DrawFn) -> tuple[int, list[int]]:
    nodes = draw(st.integers(1, 40))
    return nodes, draw(st.lists(st.integers(0, nodes - 1), max_size=60))


@settings(max_examples=200, deadline=None)
@given(flips(), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_chain_replay_equals_brute_force_after_every_event(
    case: tuple[int, list[int]], k: int, m: int, closed: bool
) -> None:
    nodes, order = case
    down = np.zeros(nodes, dtype=bool)
    node, delta, expected = [], [], [brute_groups(down, k, m, closed)]
    for n in order:
        node.append(n)
        delta.append(-1 if down[n] else 1)
        down[n] = not down[n]
        expected.append(brute_groups(down, k, m, closed))
    got = kernels.chain(np.array(node, np.int32), np.array(delta, np.int8), nodes, k, m, closed)
    assert got.tolist() == expected


def test_segments_agree_with_a_walk_over_every_pattern() -> None:
    """The walk itself: cut where K neighbours are down, over all patterns of nine nodes."""
    for pattern in itertools.product([False, True], repeat=9):
        down = np.array(pattern)
        for k in (1, 2, 3):
            runs, here, gap = [], 0, k
            for bad in pattern:
                if bad:
                    gap += 1
                    continue
                if gap >= k and here:
                    runs.append(here)
                    here = 0
                here, gap = here + 1, 0
            runs += [here] if here else []
            assert [len(s) for s in segments(down, k, closed=False)] == runs


def brute_usable(name: str, down: np.ndarray, r: int, tp: int) -> int:
    """Usable GPUs by the words of the rule."""
    healthy = (~down).astype(int) * r
    if name == "big-switch":
        return healthy.sum() // tp * tp
    if name.startswith("infinitepod"):
        return brute_groups(down, int(name[-1]), tp // r, closed=True) * tp
    if name == "sip-ring":
        return sum(tp for ring in healthy.reshape(-1, tp // r) if ring.sum() == tp)
    if name.startswith("tpuv4"):
        cubes = healthy.reshape(-1, 64 // r)
        if name == "tpuv4-cube" or tp > 64:
            whole = sum(1 for cube in cubes if cube.sum() == 64)
            return whole * 64 // tp * tp if tp > 64 else whole * (64 // tp) * tp
        return sum(tp for block in healthy.reshape(-1, tp // r) if block.sum() == tp)
    size = 8 if name == "dgx" else int(name[4:])
    return sum(domain.sum() // tp * tp for domain in healthy.reshape(-1, size // r))


@pytest.mark.parametrize("tp", [8, 16, 32, 64, 128])
def test_every_architecture_equals_its_rule_in_words(tp: int) -> None:
    fabric = Fabric.of_gpus(1152, 4)
    archs, _ = usable.build("all", fabric, tp)
    rng = np.random.default_rng(tp)
    for p in (0.0, 0.02, 0.1, 0.5):
        down = rng.random(fabric.nodes) < p
        nodes = np.flatnonzero(down).astype(np.int32)
        for arch in archs:
            got = arch.usable(nodes, np.ones(len(nodes), np.int8))[-1]
            assert got == brute_usable(arch.name, down, 4, tp), arch.name


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(("n", "k", "m"), [(7, 1, 2), (10, 2, 3), (11, 3, 4), (12, 2, 1), (3, 3, 2)])
def test_finite_closed_form_equals_the_sum_over_all_patterns(n: int, k: int, m: int, closed: bool) -> None:
    p, wasted = 0.3, 0.0
    for pattern in itertools.product([False, True], repeat=n):
        down = np.array(pattern)
        chance = p ** down.sum() * (1 - p) ** (n - down.sum())
        wasted += chance * (n - down.sum() - m * brute_groups(down, k, m, closed))
    assert closed_form.khop_finite(p, k, m, n, closed=closed) == pytest.approx(wasted / n, rel=1e-9)


def test_finite_form_tends_to_the_infinite_one_and_bounds_hold() -> None:
    for p, k, m in [(0.05, 2, 8), (0.1, 3, 4), (0.3, 1, 4)]:
        infinite = closed_form.khop_infinite(p, k, m)
        assert closed_form.khop_finite(p, k, m, 3_000_000) == pytest.approx(infinite, rel=2e-4)
        assert infinite <= closed_form.khop_bound(p, k, m) <= closed_form.paper_bound(p, k, m * 4, 4)


@pytest.mark.parametrize("p", [0.0, 0.01, 0.05, 0.1])
def test_simulation_meets_the_closed_form_for_every_architecture(p: int) -> None:
    rows = Study(gpus=1152, fault_ratio=p, seeds=4, tp=32).rows()
    assert len(rows) == 11
    for row in rows:
        assert row.closed_form is not None and row.standard_error is not None
        assert abs(row.waste - row.closed_form) <= 4.5 * row.standard_error + 1e-12, row.arch


def test_static_block_form_is_the_block_architecture() -> None:
    row = Study(arch="sip-ring", fault_ratio=0.03, seeds=1).rows()[0]
    assert row.closed_form == pytest.approx(closed_form.static_block(0.03, 8), rel=1e-12)


REFERENCE = tomllib.loads(
    (Path(__file__).parents[3] / "results" / "waste-trace" / "reference.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", REFERENCE["case"], ids=lambda c: f"{c['gpus_per_node']}-gpu-tp-{c['tp']}")
def test_the_reference_table(real_trace, case: dict) -> None:
    study = Study(trace=str(real_trace), gpus_per_node=case["gpus_per_node"], tp=case["tp"])
    rows = {row.arch: row for row in study.rows()}
    expected = zip(REFERENCE["architectures"], case["waste_percent"], REFERENCE["tolerance_points"], strict=True)
    for name, percent, tolerance_points in expected:
        assert abs(100 * rows[name].waste - percent) <= tolerance_points, name
    assert rows["sip-ring"].waste == rows["tpuv4-subblock"].waste


def test_waste_is_remainder_plus_topology_and_quantiles_are_ordered(real_trace) -> None:
    for row in Study(trace=str(real_trace), seeds=2, job_share=0.9).rows():
        assert row.waste == pytest.approx(row.remainder + row.topology, abs=1e-12)
        assert 0 <= row.p50 <= row.p99 <= row.max <= 1
        assert 0 <= row.wait_share <= 1


def test_waste_is_weighted_by_time_and_equals_a_hand_count() -> None:
    fabric = Fabric(4, 4)
    # One node down for 1 of 4 days, two for another: groups of 8 GPUs.
    events = Events(np.array([0, 1, 0, 1], np.int32), np.array([1, 1, -1, -1], np.int8), np.array([1.0, 2, 3, 3]), 4.0)
    row = waste.over_history([usable.of("big-switch", fabric, 8)], [events], 8, job_share=1.0)[0]
    assert row.waste == pytest.approx(4 / 16 * 1 / 4)
    assert row.wait_share == pytest.approx(2 / 4)
    assert (row.p50, row.max) == (0, 0.25)


def test_spares_accounting_pays_no_remainder_of_72() -> None:
    plain, spared = (Study(arch="nvl-72", fault_ratio=0.0, seeds=1, spares=s).rows()[0] for s in (False, True))
    assert plain.waste == pytest.approx(8 / 72)
    assert spared.waste == 0


def test_halves_that_fall_together_make_k2_into_k1(real_trace) -> None:
    rows = {row.arch: row for row in Study(trace=str(real_trace), together=True, seeds=5).rows()}
    apart = {row.arch: row for row in Study(trace=str(real_trace), seeds=5).rows()}
    assert rows["infinitepod-k2"].waste > 4 * apart["infinitepod-k2"].waste
    assert rows["infinitepod-k2"].waste == pytest.approx(rows["infinitepod-k1"].waste, rel=0.1)


def test_trace_order_does_not_matter(real_trace, tmp_path) -> None:
    import json

    records = json.loads(real_trace.read_text())
    np.random.default_rng(0).shuffle(records)
    shuffled = tmp_path / "shuffled.json"
    shuffled.write_text(json.dumps(records))
    ours, theirs = trace.read(shuffled), trace.read(real_trace)
    assert ours.down_ratio() == pytest.approx(theirs.down_ratio(), abs=1e-9)
    assert ours.faults == theirs.faults == 584


def test_simulation_and_closed_form_agree_and_a_shifted_one_does_not() -> None:
    rows = [
        row
        for i, ratio in enumerate((0.0, 0.02, 0.05, 0.1))
        for row in sweeps.sweep(Study(arch="infinitepod-k2,nvl-72", seeds=10, seed=1000 * i), [ratio])
    ]
    found = agreement(rows)
    assert [each.arch for each in found] == ["infinitepod-k2", "nvl-72"]
    assert all(each.agrees and each.points == 3 for each in found), "at no faults there is no error to divide by"
    shifted = [{**row, "waste": row["waste"] + 5 * row["standard_error"]} for row in rows]
    assert not any(each.agrees for each in agreement(shifted))
    wrong_at_zero = [{**row, "waste": row["waste"] + (row["fault_ratio"] == 0) * 1e-9} for row in rows]
    assert not any(each.agrees for each in agreement(wrong_at_zero))


def test_reference_values_stand_beside_ours_case_by_case(real_trace, tmp_path) -> None:
    table = tmp_path / "reference.toml"
    case = "[[case]]\ngpus_per_node = 4\ntp = {}\nwaste_percent = [{}]\n"
    head = 'architectures = ["nvl-72"]\ntolerance_points = [0.1]\n'
    table.write_text(head + case.format(16, 10.0) + case.format(32, 9.0))
    reference = Reference.read(table)
    rows = reference.compare(reference.measure(Study(trace=str(real_trace), arch="nvl-72,dgx", seeds=2)))
    assert [(row.gpus_per_node, row.tp, row.arch) for row in rows] == [(4, 16, "nvl-72"), (4, 32, "nvl-72")]
    assert [row.held for row in rows] == [True, False]
