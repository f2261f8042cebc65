"""The tables of results/: cells in their columns, and verdicts that turn when a number does."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from roundelay.fabric.cost.cost import CostStudy
from roundelay.fabric.goodput.renewal import RenewalRow
from roundelay.fabric.pages import cost_table, cross_tor_page, goodput_table, markdown, steptime_table
from roundelay.fabric.placement.cross_tor import CrossTorRow, against_faults
from roundelay.fabric.specs import architectures
from roundelay.fabric.steptime.published import PublishedRow
from roundelay.fabric.steptime.scaling import Setting, points
from roundelay.fabric.topology.deployment import Deployment

RESULTS = Path(__file__).parents[3] / "results"


def test_a_table_has_a_rule_as_wide_as_its_heads() -> None:
    assert markdown.table(("a", "b"), [(1, "x")]) == ["| a | b |", "|---|---|", "| 1 | x |"]


def test_ours_equals_theirs_to_the_digits_that_theirs_has() -> None:
    assert cost_table.equal("27.5", 27.468) and not cost_table.equal("27.47", 27.476)


def test_the_cost_table_is_met_and_can_fail() -> None:
    theirs = tomllib.loads((RESULTS / "cost" / "published.toml").read_text(encoding="utf-8"))
    rows = {row["arch"]: row for row in CostStudy().rows()}
    assert not any("MISSED" in line for line in cost_table.published(rows, theirs))
    dearer = {**rows, "nvl-72": {**rows["nvl-72"], "usd_per_gbps": 11.0}}
    missed = [line for line in cost_table.published(dearer, theirs) if "MISSED" in line]
    assert len(missed) == 3, "its own row and the two sentences in USD per GB/s"


def test_simulation_and_closed_form_differ_beyond_three_standard_errors() -> None:
    row = RenewalRow(3600.0, 186.0, 0.75, 0.752, 0.001)
    lines = goodput_table.renewal([row, replace(row, simulated=0.754)], 10)
    assert lines[2].endswith("| +2.00 | agree |") and lines[3].endswith("| +4.00 | DIFFER |")


def test_a_step_time_is_judged_by_its_tables_tolerance() -> None:
    row = PublishedRow("runs", "gpt-22b", 1.0, 1.08, "s")
    assert row.held and not replace(row, ours=1.09).held
    assert steptime_table.summary([row]) == "Mean error 8.00%, worst 8.00%; goal 3.5%: MISSED."
    assert "(-1.0 points of MFU)" in steptime_table.table([replace(row, table="llama", theirs=400, ours=390.11)])[2]


def test_a_curve_is_near_zero_up_to_its_first_crossing_share() -> None:
    shares = [0, 0, 0.02, 0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.3]
    curve = [CrossTorRow(2, 0.85, 3, i / 100, share, 0.9, int(i < 4), 1.0) for i, share in enumerate(shares)]
    assert cross_tor_page.curves_table(curve)[2] == "| 2 | 85% | 3 | 1% | 3% to 4% | 0.200 | 0.300 | 0.900 |"
    reference = cross_tor_page.reference_points(curve, {0.02: 0.016, 0.05: 0.09})
    assert reference[2].endswith("met |") and reference[3].endswith("MISSED |")


def test_shares_against_faults_begin_at_none_and_say_where_the_job_does_not_fit() -> None:
    rows = against_faults(Deployment.of(64, 4, 3, 2), 32, 0.75, [0.0, 0.6], seeds=2)
    assert rows[0].cross_tor == 0 and rows[0].fits == 1 and rows[0].aligned_by_formula
    assert rows[1].fits == 0 and rows[1].cross_tor == pytest.approx(nan, nan_ok=True)


def test_a_scaling_point_leaves_out_the_fabric_on_which_nothing_fits() -> None:
    fabrics = {name: architectures.links(name) for name in ("infinitepod-k3", "dgx")}
    small, large = points([Setting("llama3-405b", 8192, 0, False)], [8, 1024], fabrics)
    assert not small.steps and not small.rows()
    assert large.ratio("infinitepod-k3", "dgx") > 1 and [row["fabric"] for row in large.rows()] == list(fabrics)
    assert large.setting.title == "llama3-405b, batch 2 a GPU, no context parallelism"
