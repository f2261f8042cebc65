"""Laws of the step time: parts and bytes sum, more work takes longer, a configuration equals its place in a grid."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from roundelay.errors import BadInput
from roundelay.fabric.job import hardware, workload
from roundelay.fabric.job.parallelism import Job, Parallelism
from roundelay.fabric.specs import architectures
from roundelay.fabric.steptime import candidates, collectives, remedies, steptime
from roundelay.fabric.steptime.grid import Grid
from roundelay.fabric.topology.topology import Fabric
from roundelay.fabric.waste import usable, waste
from roundelay.shape import Shape

TINY = workload.ModelSpec(Shape(512, 2048, 12, 16, 8, 32, 4096, 1024))
MIXED = replace(TINY, experts=8, top_k=2, moe_every=2, imbalance_ratio=0.2)
CASE = steptime.scenario_of(TINY, 1024, 64, "h100", "dgx")


def test_parts_sum_to_the_step_and_kinds_to_the_memory() -> None:
    for name, p, job in [
        ("gpt-175b", Parallelism(8, 8, 2), Job(2048, 128, 1, 3, "selective", True, 1)),
        ("gpt-moe-1.1t", Parallelism(4, 16, 16, 1, 8), Job(2048, 512, 1, 2, "full", True, 2)),
        ("llama3-405b", Parallelism(8, 16, 8, 16), Job(131072, 128, 1, 8, "none", True, 1)),
    ]:
        step = steptime.step_time(name, p, job)
        assert sum(step.parts.values()) == pytest.approx(step.step_s, rel=1e-12)
        assert sum(step.memory_gb.values()) == pytest.approx(step.memory_total_gb, rel=1e-12)
        assert min(step.parts.values()) >= 0 and min(step.memory_gb.values()) >= 0
        assert step.mfu <= step.hfu < 1 and step.mfu_causal < step.mfu
        assert step.tflops_per_gpu == pytest.approx(step.mfu * 989)


def test_a_grid_times_each_row_as_if_it_were_alone() -> None:
    grid = candidates.inner(CASE, candidates.outer(CASE, 16, {}), {})
    done = steptime.evaluate(CASE, grid)
    for index in np.random.default_rng(0).choice(len(grid), 40, replace=False):
        alone = steptime.step_time(TINY, *grid.row(int(index), 1024, 64))
        assert alone.step_s == pytest.approx(float(done.step_s[index]), rel=1e-12)
        assert alone.memory_total_gb * 1e9 == pytest.approx(float(done.memory.total[index]), rel=1e-12)


def test_parameters_and_flops_of_a_shape_are_its_own() -> None:
    for name in ("step-audio-tts-3b", "step-audio-130b"):
        read = workload.read(name)
        assert read.parameters == read.shape.parameters
        assert read.training_flops(777) == read.shape.training_flops(777)
        assert read.training_flops(777, causal=True) == read.shape.training_flops(777, causal=True)


@pytest.mark.parametrize(
    ("name", "billions"),
    [("gpt-22b", 22), ("gpt-175b", 175), ("gpt-530b", 530), ("gpt-1t", 1008), ("gpt-moe-1.1t", 1100)],
)
def test_presets_have_the_parameters_of_their_names(name: str, billions: float) -> None:
    assert workload.read(name).parameters / 1e9 == pytest.approx(billions, rel=0.005)


def test_llama_has_the_parameters_it_was_released_with() -> None:
    assert workload.read("llama3-405b").parameters == 405_853_388_800


def test_weights_and_optimiser_are_shared_out_by_zero() -> None:
    steps = [steptime.step_time(TINY, Parallelism(dp=8), Job(1024, 64, zero=stage)) for stage in range(4)]
    for kind, stage in (("optimiser", 1), ("gradients", 2), ("weights", 3)):
        sizes = [step.memory_gb[kind] for step in steps]
        assert all(size == sizes[0] for size in sizes[:stage])
        assert all(size == pytest.approx(sizes[0] / 8) for size in sizes[stage:])


def test_activations_are_those_of_the_paper() -> None:
    """sbh(10 + 24/t + 5as/ht), sbh/t(34 + 5as/h), 34/t and 2sbh a layer (arXiv 2205.05198, table 2)."""
    s, b, h, a, t, depth = 2048, 4, 6144, 64, 8, 48
    expected = {
        ("none", False): s * b * h * (10 + 24 / t + 5 * a * s / h / t),
        ("none", True): s * b * h / t * (34 + 5 * a * s / h),
        ("selective", True): s * b * h / t * 34,
    }
    for (mode, flag), layer in expected.items():
        step = steptime.step_time("gpt-22b", Parallelism(8), Job(s, b, b, 1, mode, flag), "a100-80g")
        assert step.memory_gb["activations"] * 1e9 == pytest.approx(depth * layer)
    full = steptime.step_time("gpt-22b", Parallelism(8), Job(s, b, b, 1, "full"), "a100-80g")
    working = expected["none", False]
    assert full.memory_gb["activations"] * 1e9 == pytest.approx(depth * 2 * s * b * h + working)


def test_bubble_falls_with_interleaving_as_the_formula_says() -> None:
    """(p-1)/(v m) of what the stages compute (arXiv 2104.04473, section 2.2), where transfers are free."""
    free = hardware.with_settings(hardware.hardware("h100"), {"dcn_gbps": 1e12, "hbd_gbps": 1e12, "dcn_latency_us": 0})
    steps = [steptime.step_time(TINY, Parallelism(pp=4), Job(1024, 64, 1, v), free) for v in (1, 3)]
    layers = ("products_s", "attention_s", "elementwise_s", "recompute_s", "tensor_s", "launch_s")
    for v, step in zip((1, 3), steps, strict=True):
        assert step.parts["bubble_s"] == pytest.approx(3 / v / 64 * sum(step.parts[name] for name in layers), rel=1e-6)


def test_more_work_takes_longer_and_faster_hardware_less() -> None:
    job, cut = Job(2048, 64, 1, 3, "selective", True), Parallelism(8, 8)
    base = steptime.step_time("gpt-175b", cut, job, "a100-80g").step_s
    assert steptime.step_time("gpt-175b", cut, replace(job, recompute="full"), "a100-80g").step_s > base
    assert steptime.step_time("gpt-175b", cut, replace(job, global_batch=128), "a100-80g").step_s > 1.9 * base
    for key in ("matrix_tflops", "memory_gb_per_s", "hbd_gbps", "dcn_gbps"):
        gpu = hardware.hardware("a100-80g")
        assert steptime.step_time("gpt-175b", cut, job, replace(gpu, **{key: 2 * getattr(gpu, key)})).step_s < base


def test_imbalance_costs_spread_experts_and_not_shared_ones() -> None:
    even, job = replace(MIXED, imbalance_ratio=0.0), Job(1024, 64)
    for ep, slower in ((8, True), (1, False)):
        steps = [steptime.step_time(m, Parallelism(dp=8, ep=ep), job).parts for m in (even, MIXED)]
        assert (steps[1]["products_s"] > steps[0]["products_s"]) == slower


def test_all_to_all_on_the_ring_is_the_least_of_three_ways() -> None:
    for tp, ep in itertools.product((1, 4, 8), (2, 8, 64, 512)):
        grid = Grid.of([[tp, 1, 512, 1, ep, 1, 1, 0, 0, 0]])
        size = np.array([1e8])
        times = {}
        for name in ("infinitepod-k1", "infinitepod-k2", "infinitepod-k3", "big-switch"):
            scenario = replace(CASE, links=architectures.links(name))
            times[name] = float(collectives.all_to_all_s(scenario, grid, size)[0])
            if name.startswith("inf"):
                ring = float(collectives.ring_exchange_s(scenario, grid, size)[0])
                exchange = float(collectives.binary_exchange_s(scenario, grid, size)[0])
                assert times[name] <= min(ring, exchange) + 1e-12
        assert times["big-switch"] <= times["infinitepod-k3"] <= times["infinitepod-k2"] <= times["infinitepod-k1"]


def test_the_ring_exchange_moves_what_a_walk_round_the_ring_moves() -> None:
    """The bytes on every edge, counted flow by flow on a ring of 16 GPUs of which every second one is a partner."""
    tp, ep = 2, 8
    loads = np.zeros(2 * tp * ep)
    for source, turn in itertools.product(range(tp * ep), range(1, ep)):
        way, hops = (0, turn * tp) if turn <= ep // 2 else (1, (ep - turn) * tp)
        for hop in range(hops):
            edge = (source + hop) % (tp * ep) if way == 0 else (source - hop - 1) % (tp * ep)
            share = 0.5 if turn == ep // 2 else 1.0
            loads[edge + way * tp * ep] += share / ep
            if turn == ep // 2:
                loads[(source - hop - 1) % (tp * ep) + tp * ep] += share / ep
    gpu = hardware.with_settings(hardware.hardware("h100"), {"hbd_latency_us": 0})
    links = replace(architectures.links("infinitepod-k2"), switch_us=0.0)
    scenario = replace(CASE, hardware=gpu, links=links)
    grid = Grid.of([[tp, 1, 8, 1, ep, 1, 1, 0, 0, 0]])
    ours = float(collectives.ring_exchange_s(scenario, grid, np.array([1e9]))[0])
    assert ours == pytest.approx(1e9 * loads.max() / (scenario.hbd_bytes_per_s / 2))


def test_every_architecture_has_a_rule_and_links() -> None:
    fabric = Fabric(144, 4)
    for name, architecture in architectures.table().items():
        assert architecture.links.hbd_gpus >= 8 and architecture.links.name == architecture.like
        assert usable.of(name, fabric, 8).usable(*waste.NO_EVENTS)[0] > 0


def test_a_step_that_does_not_fit_says_by_how_much_and_what_does() -> None:
    step = steptime.step_time("gpt-175b", Parallelism(8, 8), Job(2048, 64, 8), "a100-80g")
    scenario = steptime.scenario_of("gpt-175b", 2048, 64, "a100-80g")
    with pytest.raises(BadInput, match=r"GB over the 80 GB .*it fits with --.*recompute"):
        remedies.require(scenario, step)
