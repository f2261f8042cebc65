"""The search loses nothing: brute force is the oracle, on seeded cases of dense and mixed models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.fabric.job import hardware, workload
from roundelay.fabric.steptime import bounds, candidates, pareto, search, steptime
from roundelay.fabric.steptime.grid import Grid
from roundelay.shape import Shape

TINY = workload.ModelSpec(Shape(1024, 4096, 24, 16, 8, 64, 8192, 2048))
MIXED = replace(TINY, experts=8, top_k=2, moe_every=2, imbalance_ratio=0.2)
FABRICS = ("infinitepod-k2", "infinitepod-k3", "nvl-72", "dgx")


def cases() -> list[tuple[steptime.Scenario, int]]:
    """Return seeded cases, with memory so small that for many only a part fits."""
    out = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        gpu = hardware.with_settings(hardware.hardware(str(rng.choice(["h100", "a100-80g"]))),
                                     {"memory_gb": float(rng.choice([4, 6, 12, 80]))})  # fmt: skip
        links = str(rng.choice(FABRICS))
        scenario = steptime.scenario_of((TINY, MIXED)[seed % 2], 2048, int(rng.choice([32, 64, 96])), gpu, links)
        out.append((scenario, int(rng.choice([16, 24, 32, 64]))))
    return out


@pytest.mark.parametrize(("scenario", "gpus"), cases(), ids=range(12))
def test_search_finds_what_brute_force_finds(scenario: steptime.Scenario, gpus: int) -> None:
    _, seconds, held = search.brute(scenario, gpus, {})
    fits = held <= scenario.hardware.memory_gb * 1e9
    if not fits.any():
        with pytest.raises(BadInput, match="cannot hold it"):
            search.search_scenario(scenario, gpus, {})
        return
    found = search.search_scenario(scenario, gpus, {}, top=5)
    assert [step.step_s for step in found.best] == pytest.approx(np.sort(seconds[fits])[:5].tolist(), rel=1e-12)
    assert all(step.fits and step.gpus == gpus for step in found.best)


@pytest.mark.parametrize(("scenario", "gpus"), cases(), ids=range(12))
def test_bounds_are_never_above_what_they_bound(scenario: steptime.Scenario, gpus: int) -> None:
    outer = candidates.outer(scenario, gpus, {})
    seconds, size = bounds.least_seconds(scenario, outer, {}), bounds.least_bytes(scenario, outer, {})
    grid = candidates.inner(scenario, outer, {})
    done = steptime.evaluate(scenario, grid)
    place = {key: index for index, key in enumerate(_keys(outer))}
    of = np.array([place[key] for key in _keys(grid)])
    assert set(of) == set(range(len(outer))), "every outer configuration has an inner one"
    assert (seconds[of] <= done.step_s).all() and (size[of] <= done.memory.total * (1 + 1e-12)).all()


def _keys(grid: Grid) -> list[tuple[float, ...]]:
    return list(zip(*(getattr(grid, name) for name in candidates.OUTER), strict=True))


def test_pruning_prunes() -> None:
    scenario = steptime.scenario_of("llama3-405b", 8192, 2048, "h100", "infinitepod-k3")
    grid, seconds, held = search.brute(scenario, 4096, {})
    found = search.search_scenario(scenario, 4096, {})
    assert found.best[0].step_s == pytest.approx(seconds[held <= 80e9].min(), rel=1e-12)
    assert found.timed < 0.9 * len(grid)


def test_nothing_that_selective_recomputation_would_win_is_left_out() -> None:
    """With flash attention the search skips it; timed, it is never better in time and bytes."""
    scenario = steptime.scenario_of(TINY, 2048, 64, "h100", "dgx")
    outer = candidates.outer(scenario, 32, {})
    none, selective = (
        steptime.evaluate(scenario, candidates.inner(scenario, outer, {"recompute": mode})) for mode in (0, 1)
    )
    assert (none.step_s <= selective.step_s * (1 + 1e-9)).all() and (none.memory.total <= selective.memory.total).all()


def test_fixed_axes_stay() -> None:
    scenario = steptime.scenario_of(TINY, 2048, 64, "h100", "dgx")
    best = search.search_scenario(scenario, 32, {"tp": 4, "pp": 2, "recompute": 2, "zero": 0}).best[0]
    assert (best.parallelism.tp, best.parallelism.pp, best.job.recompute, best.job.zero) == (4, 2, "full", 0)


def test_the_front_is_what_brute_force_leaves_undominated() -> None:
    scenario = steptime.scenario_of(
        TINY, 2048, 32, hardware.with_settings(hardware.hardware("h100"), {"memory_gb": 9}), "dgx"
    )
    counts, points = [8, 16, 32], []
    for gpus in counts:
        _, seconds, held = search.brute(scenario, gpus, {})
        fits = held <= 9e9
        points += [(s, h / 1e9, gpus, gpus * s) for s, h in zip(seconds[fits], held[fits], strict=True)]
    table = np.unique(np.array(points), axis=0)
    expected = {tuple(np.round(row[:3], 9)) for i, row in enumerate(table) if not pareto.is_dominated(table, i)}
    ours = {tuple(np.round([s.step_s, s.memory_total_gb, s.gpus], 9)) for s in pareto.front(scenario, counts, {})}
    assert ours == expected and len(ours) > 3


def test_ring_groups_are_whole_nodes() -> None:
    scenario = steptime.scenario_of("gpt-175b", 2048, 96, "h100", "infinitepod-k3")
    assert {int(tp) for tp in candidates.outer(scenario, 96, {}).tp} == {1, 2, 4, 8, 12, 16, 24, 32, 48, 96}
