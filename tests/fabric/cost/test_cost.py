"""Bills to the cent, the two headline ratios each with its denominator, prices that decide, fibres that add up."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roundelay.fabric.cost import bills, cost, fibres
from roundelay.fabric.cost.cost import CostStudy
from roundelay.fabric.cost.fibres import FloorPlan
from roundelay.fabric.topology.deployment import Deployment
from roundelay.fabric.waste.study import Study

# The paper's table (spec section 6), USD/GPU, W/GPU, USD per GB/s; W of NVL-36x2 is given there as "about 152".
THEIRS = {
    "tpuv4": (1567.20, 19.39, 5.22),
    "nvl-36": (9563.20, 75.95, 10.63),
    "nvl-72": (9563.20, 75.95, 10.63),
    "nvl-36x2": (17924.00, 152.0, 19.92),
    "nvl-576": (30417.60, 413.45, 33.80),
    "infinitepod-k2": (2626.80, 48.10, 3.28),
    "infinitepod-k3": (3740.60, 72.05, 4.68),
}


@pytest.mark.parametrize("arch", THEIRS)
def test_the_cost_table_to_the_cent(arch: str) -> None:
    bill = bills.read().bills[arch]
    usd, w, usd_per_gbps = THEIRS[arch]
    assert round(bill.usd_per_gpu, 2) == usd
    assert round(bill.w_per_gpu, 0 if arch == "nvl-36x2" else 2) == w
    assert round(bill.usd_per_gbps, 2) == usd_per_gbps


def test_31_per_cent_is_per_gbps_at_k2_and_27_5_per_cent_is_per_gpu() -> None:
    k2, k3, nvl = (bills.read().bills[name] for name in ("infinitepod-k2", "infinitepod-k3", "nvl-72"))
    assert round(k2.usd_per_gbps / nvl.usd_per_gbps, 2) == 0.31
    assert round(k2.usd_per_gpu / nvl.usd_per_gpu, 3) == 0.275
    assert round(k3.usd_per_gbps / nvl.usd_per_gbps, 2) == 0.44
    assert round(k3.usd_per_gpu / nvl.usd_per_gpu, 3) == 0.391


def test_every_number_has_its_unit_in_the_key_and_a_source_beside_it() -> None:
    specs = files("roundelay.fabric.specs")
    table = tomllib.loads(specs.joinpath("cost.toml").read_text(encoding="utf-8"))
    described = tomllib.loads(specs.joinpath("architectures.toml").read_text(encoding="utf-8"))
    del described["bill_order"]
    table["arch"] = {name: value["bill"] for name, value in described.items() if "bill" in value}
    units = ("_usd", "_w", "_count", "_ratio", "_usd_per_kwh", "_gbytes_per_s_per_gpu")

    def check(values: dict, inside: str, sourced: bool) -> None:
        sourced = sourced or any("source" in key for key in values)
        for key, value in values.items():
            if isinstance(value, dict):
                check(value, f"{inside}.{key}", sourced)
            elif not isinstance(value, str):
                assert key.endswith(units) or inside.endswith(units), f"{inside}.{key} has no unit"
                assert sourced, f"{inside}.{key} has no source"

    check(table, "", False)


PRICES = st.just(0.0) | st.floats(0.01, 1e6)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(bills.read().items)), PRICES, min_size=1))
def test_parts_sum_to_the_bill_at_any_prices(prices: dict[str, float]) -> None:
    catalogue = bills.read()
    for bill in catalogue.bills.values():
        parts = tuple(
            bills.Part(bills.Item(p.item.name, prices.get(p.item.name, p.item.price_usd), p.item.power_w, ""), p.count)
            for p in bill.parts
        )
        changed = bills.Bill(bill.arch, bill.gpus, bill.gbytes_per_s_per_gpu, parts, None, "")
        assert sum(p.usd for p in parts) == pytest.approx(changed.usd_per_gpu * bill.gpus)
        assert sum(cost.shares(changed).values()) == pytest.approx(1 if changed.usd_per_gpu else 0)
        assert changed.usd_per_gbps * bill.gbytes_per_s_per_gpu == pytest.approx(changed.usd_per_gpu)


def test_aggregate_is_the_interconnect_and_the_price_of_the_gpus_that_a_simulation_wastes() -> None:
    study = CostStudy(arch="infinitepod-k2,nvl-72,tpuv4")
    rows = {row["arch"]: row for row in study.aggregate([0.05])}
    drawn = Study(arch="infinitepod-k2,nvl-72,tpuv4-subblock", fault_ratio=0.05, seeds=4).rows()
    for (arch, row), simulated in zip(rows.items(), drawn, strict=True):
        assert abs(row["waste"] - simulated.waste) < 5 * simulated.standard_error
        assert row["wasted_usd_per_gpu"] == pytest.approx(25_000 * row["waste"])
        alone = study.catalogue.bills[arch].usd_per_gpu
        assert row["aggregate_usd_per_gpu"] == pytest.approx(alone + row["wasted_usd_per_gpu"])
        assert row["usd_per_usable_gpu"] == pytest.approx((25_000 + alone) / (0.95 - row["waste"]))


def test_a_year_of_energy_by_hand() -> None:
    (row,) = CostStudy(arch="nvl-72", gpus=72).rows()
    kwh = 75.95 * 8760 / 1000 * 1.58
    assert row["kwh_per_gpu_year"] == pytest.approx(kwh)
    assert row["energy_usd_per_gpu_year"] == pytest.approx(kwh * 0.0806)
    assert row["mwh_per_year"] == pytest.approx(72 * kwh / 1000)
    assert row["usd_total"] == pytest.approx(72 * 9563.20)


@pytest.mark.parametrize("per", cost.METRICS)
@pytest.mark.parametrize("ratio", [None, 0.03])
def test_sensitivity_says_what_a_user_finds_by_changing_the_price(
    tmp_path: Path, per: str, ratio: float | None
) -> None:
    def asked(**change: object) -> list[dict]:
        return CostStudy(arch="infinitepod-k3", against="nvl-72", per=per, fault_ratio=ratio, **change).sensitivity()

    rows = asked()
    assert sum(row["decides"] for row in rows) == 1
    assert {row["item"] for row in rows} >= {"ocstrx-800g", "nvlink-switch"} | ({"gpu"} if ratio else set())
    for row in rows:
        for key, factor in (("ratio_halved", 0.5), ("ratio_doubled", 2.0), ("ratio", 1 + 1e-6)):
            mine = tmp_path / "mine.toml"
            mine.write_text(f"[item.{row['item']}]\nprice_usd = {row['price_usd'] * factor!r}\n")
            again = next(r for r in asked(prices=str(mine)) if r["item"] == row["item"])
            if key == "ratio":
                slope = (again["ratio"] / row["ratio"] - 1) / 1e-6
                assert slope == pytest.approx(row["elasticity"], abs=1e-4)
            else:
                assert again["ratio"] == pytest.approx(row[key])
        if row["break_even_usd"] is not None:
            mine.write_text(f"[item.{row['item']}]\nprice_usd = {row['break_even_usd']!r}\n")
            assert asked(prices=str(mine))[0]["ratio"] == pytest.approx(1)


def test_the_transceiver_decides_and_may_cost_three_times_as_much() -> None:
    rows = CostStudy(arch="infinitepod-k2", against="nvl-72").sensitivity()
    (decides,) = [row for row in rows if row["decides"]]
    assert decides["item"] == "ocstrx-800g"
    # By hand: 800 GB/s * 10.62578 USD, times 4 GPUs, less fibres and copper, over 16 modules.
    assert decides["break_even_usd"] == pytest.approx((800 * 9563.20 / 900 * 4 - 108.80 - 798.40) / 16)


def test_fibres_of_a_ring_are_those_of_its_bill_and_of_its_topology() -> None:
    study = CostStudy(arch="infinitepod-k2,infinitepod-k3")
    for row in study.fibres(FloorPlan()):
        bill = study.catalogue.bills[row["arch"]]
        assert row["fibres"] == bill.count("fibre") / bill.gpus * study.gpus
        ring = Deployment.of(720, 4, row["k"]).ring
        assert row["fibres"] == 8 * sum(1 for _ in ring.fibres())
        assert sum(part["fibres"] for part in row["histogram"]) == row["fibres"]


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 200), st.integers(1, 3), st.integers(1, 9), st.integers(1, 12), st.sampled_from(fibres.ROUTINGS))
def test_lengths_equal_a_walk_over_every_fibre(nodes: int, k: int, per_rack: int, per_row: int, lay: str) -> None:
    plan = FloorPlan(nodes_per_rack=per_rack, racks_per_row=per_row, routing=lay)
    k = min(k, (nodes - 1) // 2)
    deployment = Deployment.of(nodes, 4, k)
    place = {}
    order = list(range(nodes))
    if lay == "fold":
        order = [*range(0, nodes, 2), *reversed(range(1, nodes, 2))]
    for position, slot in enumerate(order):
        rack = slot // per_rack
        row, column = divmod(rack, per_row)
        place[position] = (rack, row, column if row % 2 == 0 else per_row - 1 - column)
    walked = []
    for a, b in deployment.ring.fibres():
        (rack_a, row_a, x_a), (rack_b, row_b, x_b) = place[a], place[b]
        way = 1.0 if rack_a == rack_b else 4.0 + 0.6 * abs(x_a - x_b) + 2.4 * abs(row_a - row_b)
        walked.append(way * 1.1)
    hops, metres = fibres.lengths(deployment, plan)
    assert sorted(metres) == pytest.approx(sorted(walked))
    assert np.unique(hops).tolist() == list(range(1, k + 1))


@pytest.mark.parametrize("key", ["routing", "lay"])
def test_a_floor_plan_of_the_first_edition_is_read_too(tmp_path, key: str) -> None:
    (tmp_path / "floor.toml").write_text(f'{key} = "snake"\nriser_m = 3\n')
    assert fibres.read(tmp_path / "floor.toml") == FloorPlan(routing="snake", riser_m=3.0)


def test_a_folded_ring_needs_no_fibre_across_the_floor() -> None:
    fold, snake = (CostStudy(arch="infinitepod-k2").fibres(FloorPlan(routing=lay))[0] for lay in ("fold", "snake"))
    assert fold["longest_m"] < 10 < 15 < snake["longest_m"]
    apart = CostStudy(arch="infinitepod-k2").fibres(FloorPlan(nodes_per_tor=8))[0]
    assert apart["histogram"][0]["up_to_m"] > 2, "with neighbours under different ToRs no fibre stays in its rack"


def test_racks_hold_what_they_can_and_a_fold_keeps_neighbours_near() -> None:
    plan = FloorPlan(nodes_per_rack=8)
    place = fibres.racks(Deployment.of(720, 4, 2), plan)
    assert np.bincount(place).tolist() == [8] * 90
    assert max(abs(a - b) for a, b in pairwise([*place, place[0]])) == 1
